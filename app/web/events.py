"""`POST /v1/events`: Segment-shaped events, one or a batch."""

from __future__ import annotations

from typing import Any

import msgspec

from app.domain.json import Json
from app.errors import RequestInvalid
from app.ingest import Ingest, receipt_json
from app.web.asgi import JSON, Reply, Scope
from app.web.bodies import read_json
from app.web.parts import Parts

_encode = msgspec.json.Encoder().encode
MAX_BATCH = 10_000


class Events:
    def __init__(self, parts: Parts, ingest: Ingest) -> None:
        self._parts = parts
        self._ingest = ingest

    async def take(self, scope: Scope, receive: Any) -> Reply:
        """200 once every valid event is durable and applied, also when all are rejected."""
        parts = self._parts
        parts.keys.authorise(scope, "events")
        parts.admit()
        body = await read_json(receive, scope)
        raws: Json = body["batch"] if "batch" in body else [body]
        if not isinstance(raws, list) or len(raws) > MAX_BATCH:
            raise RequestInvalid(f"batch: a list of at most {MAX_BATCH:,} events", problems=(("batch", "not a list, or too long"),))
        receipt = await self._ingest.take(raws, parts.clock())
        parts.telemetry.events("accepted", receipt.accepted)
        parts.telemetry.events("duplicate", receipt.duplicates)
        for refused in receipt.rejected:
            parts.telemetry.events(refused.reason, 1)
        return Reply(200, _encode(receipt_json(receipt)), [JSON])
