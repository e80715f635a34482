"""`POST /v1/events`: Segment-shaped events, one or a batch, or CloudEvents."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from app.domain.json import Json
from app.domain.receipt import receipt_json
from app.errors import RequestInvalid
from app.formats import cloudevents
from app.formats.strict import parse_json
from app.ingest import Ingest
from app.web.asgi import JSON, Reply, Scope, header
from app.web.consents import asks_for_privacy
from app.web.pages import Pages
from app.web.bodies import MAX_BYTES, as_object, read_plain
from app.web.parts import Parts

_encode = msgspec.json.Encoder().encode
MAX_BATCH = 10_000


class Events:
    def __init__(self, parts: Parts, ingest: Ingest, pages: Pages) -> None:
        self._parts = parts
        self._ingest = ingest
        self._pages = pages

    async def take(self, scope: Scope, receive: Any) -> Reply:
        """200 once every valid event is durable and applied, also when all are rejected; 202 where some wait in the spool."""
        parts = self._parts
        if self._pages.asks(scope):
            return await self._pages.take(scope, receive)
        parts.keys.authorise(scope, "events")
        parts.admit()
        sent = await read_events(receive, scope)
        receipt = await self._ingest.take(sent.raws, parts.clock(), sent.body_of, private=range(len(sent.raws)) if asks_for_privacy(scope) else ())
        parts.telemetry.receipt(receipt)
        return Reply(202 if receipt.spooled else 200, _encode(receipt_json(receipt)), [JSON])


class Sent:
    """The events of a body, and of each the bytes as they came, taken apart only where somebody asks."""

    def __init__(self, raws: list[Json], body: bytes) -> None:
        self.raws = raws
        self._body = body
        self._parts: list[msgspec.Raw] | None = None

    def body_of(self, index: int) -> bytes:
        if self._parts is None:
            self._parts = _verbatim(self._body)
        return bytes(self._parts[index]) if len(self._parts) == len(self.raws) else _encode(self.raws[index])


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]


def _verbatim(body: bytes) -> list[msgspec.Raw]:
    for kind in (_Batch, list[msgspec.Raw]):
        with suppress(msgspec.DecodeError):
            found = msgspec.json.decode(body, type=kind)
            return found.batch if isinstance(found, _Batch) else found
    return [msgspec.Raw(body)]


async def read_events(receive: Any, scope: Scope, limit: int = MAX_BYTES) -> Sent:
    """The events of a body, by its content type: `{"batch": [...]}` or one event, or CloudEvents in any of their modes."""
    kind = (header(scope, b"content-type") or b"").partition(b";")[0].strip().lower()
    binary = cloudevents.attributes(scope["headers"])
    data = await read_plain(receive, scope, limit)
    body = None if binary is not None and not data else parse_json(data)
    if binary is not None:
        return Sent([{**binary, "data": body}], b"[]")
    if kind == cloudevents.BATCHED.encode():
        return Sent(_listed(body, "the body"), data)
    found = as_object(body)
    return Sent(_listed(found["batch"], "batch") if "batch" in found else [found], data)


def _listed(raws: Json, at: str) -> list[Json]:
    if not isinstance(raws, list) or len(raws) > MAX_BATCH:
        raise RequestInvalid(f"{at}: a list of at most {MAX_BATCH:,} events", problems=((at, "not a list, or too long"),))
    return raws
