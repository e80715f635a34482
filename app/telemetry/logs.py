"""Logging: JSON lines without anything personal."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

log = logging.getLogger("inlay")


def place_of(error: BaseException) -> str:
    """File and line that raised it."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""


class _Json(logging.Formatter):
    """One object a line. Of an exception only type and place are told: its message may be personal."""

    def format(self, record: logging.LogRecord) -> str:
        row: dict[str, Any] = {
            "at": round(time.time(), 3), "level": record.levelname.lower(), "logger": record.name, "pid": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            row |= {"error": type(record.exc_info[1]).__name__, "where": place_of(record.exc_info[1])}
        return json.dumps(row)


def set_up_logs(redaction: logging.Filter | None = None, level: int = logging.INFO) -> None:
    """JSON lines on stderr, also for what the libraries log. Nothing per request; `redaction` sees every record first."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    if redaction is not None:
        handler.addFilter(redaction)
    for logger, threshold in ((log, level), (logging.getLogger("uvicorn"), logging.WARNING), (logging.getLogger("asyncio"), logging.WARNING)):
        logger.handlers = [handler]
        logger.setLevel(threshold)
        logger.propagate = False
