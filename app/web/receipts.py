"""What became of the events of one call, in the metrics."""

from __future__ import annotations

from app.ingest import Receipt
from app.telemetry import Telemetry


def count_receipt(telemetry: Telemetry, receipt: Receipt) -> None:
    telemetry.events("accepted", receipt.accepted)
    telemetry.events("duplicate", receipt.duplicates)
    for refused in receipt.rejected:
        telemetry.events(refused.reason, 1)
