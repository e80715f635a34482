"""`POST /v1/events`: Segment-shaped events, one or a batch, or CloudEvents."""

from __future__ import annotations

from typing import Any

import msgspec

from app.domain.json import Json
from app.errors import RequestInvalid
from app.formats import cloudevents
from app.ingest import Ingest, receipt_json
from app.web.asgi import JSON, Reply, Scope, header
from app.web.bodies import MAX_BYTES, as_object, read_any
from app.web.consents import asks_for_privacy
from app.web.pages import Pages
from app.web.parts import Parts
from app.web.receipts import count_receipt

_encode = msgspec.json.Encoder().encode
MAX_BATCH = 10_000


class Events:
    def __init__(self, parts: Parts, ingest: Ingest, pages: Pages) -> None:
        self._parts = parts
        self._ingest = ingest
        self._pages = pages

    async def take(self, scope: Scope, receive: Any) -> Reply:
        """200 once every valid event is durable and applied, also when all are rejected."""
        parts = self._parts
        if self._pages.asks(scope):
            return await self._pages.take(scope, receive)
        parts.keys.authorise(scope, "events")
        parts.admit()
        receipt = await self._ingest.take(await read_events(receive, scope), parts.clock(), private=asks_for_privacy(scope))
        count_receipt(parts.telemetry, receipt)
        return Reply(200, _encode(receipt_json(receipt)), [JSON])


async def read_events(receive: Any, scope: Scope, limit: int = MAX_BYTES) -> list[Json]:
    """The events of a body, by its content type: `{"batch": [...]}` or one event, or CloudEvents in any of their modes."""
    kind = (header(scope, b"content-type") or b"").partition(b";")[0].strip().lower()
    binary = cloudevents.attributes(scope["headers"])
    body = await read_any(receive, scope, limit, empty=binary is not None)
    if binary is not None:
        return [{**binary, "data": body}]
    if kind == cloudevents.BATCHED.encode():
        return _listed(body, "the body")
    found = as_object(body)
    return _listed(found["batch"], "batch") if "batch" in found else [found]


def _listed(raws: Json, at: str) -> list[Json]:
    if not isinstance(raws, list) or len(raws) > MAX_BATCH:
        raise RequestInvalid(f"{at}: a list of at most {MAX_BATCH:,} events", problems=((at, "not a list, or too long"),))
    return raws
