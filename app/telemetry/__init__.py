"""Counting and logging: what an operator sees of a process."""

from __future__ import annotations

from app.telemetry.counting import MAX_SERIES, Telemetry
from app.telemetry.logs import log, set_up_logs
from app.telemetry.metrics import METRICS

__all__ = ["MAX_SERIES", "METRICS", "Telemetry", "log", "set_up_logs"]
