"""`POST /v1/webhooks/{source}`: what ESPs report, verified over the raw body, normalised, applied once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.domain.custom_keys import USUAL_KEYS
from app.domain.event import Refused
from app.domain.json import Json
from app.domain.order import Numbered
from app.domain.receipt import Receipt, receipt_json
from app.errors import InlayError, NotFound, StoreUnavailable, TooLarge, Unauthorised
from app.formats.esp import UNKNOWN, heard
from app.formats.esps import FORMATS, Format
from app.formats.segment import NotHeard
from app.ingest import CHUNK, Ingest
from app.ports import Replays
from app.security.signatures import Headers, Proof, Verifier
from app.security.sns import Sns
from app.web.asgi import JSON, Reply, Scope, header
from app.web.bodies import parse_json, read_plain
from app.web.errors import body_of
from app.web.haste import Haste
from app.web.parts import Parts
from app.web.paths import segments

_encode = msgspec.json.Encoder().encode
MAX_BYTES = 16 << 20
"""ESPs that report in batches send up to 10,000 events at once."""

REPLAYED = {"mailgun": 406}
"""What tells an ESP to give up, where that is not 409."""


@dataclass(slots=True)
class Told:
    """What a body reports, before it is applied."""

    found: list[Numbered] = field(default_factory=list[Numbered])
    receipt: Receipt = field(default_factory=Receipt)
    unknown: int = 0
    rows: list[Json] = field(default_factory=list[Json])


class Webhooks:
    """`verifiers` are those of the sources that have keys; the others are refused."""

    def __init__(self, parts: Parts, ingest: Ingest, verifiers: Mapping[str, Verifier], replays: Replays, hashed_id: Callable[[str], bytes]) -> None:
        self._parts = parts
        self._ingest = ingest
        self._verifiers = verifiers
        self._replays = replays
        self._hashed_id = hashed_id
        self._haste = Haste(parts.store)

    async def take(self, scope: Scope, receive: Any) -> Reply:
        """200 once every event is durable and applied; the same request again is refused."""
        source = segments(scope, 3)[0]
        if source not in FORMATS:
            raise NotFound(f"no source {source[:40]!r}; there are {', '.join(FORMATS)}", code="unknown_source")
        try:
            reply, outcome = await self._answered(source, scope, receive)
        except InlayError as error:
            self._parts.telemetry.webhook(source, error.code)
            raise
        self._parts.telemetry.webhook(source, outcome)
        return reply

    async def _answered(self, source: str, scope: Scope, receive: Any) -> tuple[Reply, str]:
        self._parts.admit()
        headers, now = _headers(scope), self._parts.clock()
        verifier = self._verifier(source)
        verifier.before(headers, now)
        if int(header(scope, b"content-length") or 0) > MAX_BYTES:
            raise TooLarge(f"the body is over {MAX_BYTES:,} bytes")
        body = await read_plain(receive, scope, MAX_BYTES)
        proof = await verifier.verify(headers, body, now)
        if await self._seen(proof):
            status = REPLAYED.get(source, 409)
            return Reply(status, _encode(body_of("replayed", "this request was taken before")), [JSON], "refused"), "replayed"
        if isinstance(verifier, Sns) and await verifier.confirm(body):
            return await self._done(proof, {"confirmed": True}), "confirmed"
        told = self._told(source, FORMATS[source], parse_json(body), now)
        await self._apply(told, now)
        buried = await self._ingest.bury(told.receipt, now, lambda index: _encode(told.rows[index]), source)
        if buried or told.receipt.accepted or told.receipt.duplicates:
            await self._ingest.synced()
        self._count(source, told)
        answer = {**receipt_json(told.receipt), "unknown": told.unknown}
        return await self._done(proof, answer, 202 if told.receipt.spooled else 200), "taken"

    def _verifier(self, source: str) -> Verifier:
        found = self._verifiers.get(source)
        if found is None:
            raise Unauthorised(f"no key is set for {source}: see docs/webhooks.md", code="unconfigured")
        return found

    async def _seen(self, proof: Proof) -> bool:
        """Whether it was taken before. Without the store nobody can say; the ids of events keep them from counting twice."""
        with suppress(StoreUnavailable):
            return bool(proof.once) and await self._replays.seen(proof.once)
        return False

    async def _done(self, proof: Proof, answer: Mapping[str, Any], status: int = 200) -> Reply:
        """Remembered only now, so that whatever failed before may be sent again."""
        with suppress(StoreUnavailable):
            if proof.once:
                await self._replays.remember(proof.once, proof.seconds)
        return Reply(status, _encode(answer), [JSON])

    def _told(self, source: str, format: Format, body: Json, now: int) -> Told:
        told, snapshot = Told(rows=format.rows(body)), self._parts.snapshot
        keys = snapshot.definitions.esps.get(source, USUAL_KEYS) if snapshot is not None else USUAL_KEYS
        for index, row in enumerate(told.rows):
            if not isinstance(row, dict):
                told.receipt.rejected.append(Refused(index, "invalid", "an event is an object"))
                continue
            for report in format.read(row):
                if report.name == UNKNOWN:
                    told.unknown += 1
                    continue
                try:
                    told.found.append((index, heard(report, source, keys, now, self._hashed_id, self._parts.identifiers.parse)))
                except NotHeard as error:
                    told.receipt.rejected.append(Refused(index, error.reason, error.detail))
        return told

    async def _apply(self, told: Told, now: int) -> None:
        """A few hundred at a time, so that other requests get their turn."""
        found = await self._haste.told_apart(told.found)
        for at in range(0, len(found), CHUNK):
            await self._ingest.apply(found[at : at + CHUNK], now, told.receipt)
        told.receipt.rejected.sort(key=lambda refused: refused.index)

    def _count(self, source: str, told: Told) -> None:
        telemetry, receipt = self._parts.telemetry, told.receipt
        telemetry.receipt(receipt)
        telemetry.webhook_events(source, "accepted", receipt.accepted)
        telemetry.webhook_events(source, "duplicate", receipt.duplicates)
        telemetry.webhook_events(source, "unknown", told.unknown)
        for refused in receipt.rejected:
            telemetry.webhook_events(source, refused.reason, 1)


def _headers(scope: Scope) -> Headers:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return found
