"""What AMP mails fetch when they are opened: `GET /amp/{token}`, under AMP's own CORS rules."""

from __future__ import annotations

from typing import Any

import msgspec

from app.content.question import Question
from app.content.snapshot import Snapshot
from app.domain.event import Identity
from app.security.amp_cors import Refused, cors
from app.security.tokens import Claims, Expired
from app.web.asgi import JSON, PRIVATE, Reply, Scope
from app.web.clicks import opened, watched
from app.web.hot import count
from app.web.inbox_events import InboxEvents
from app.web.parts import Parts
from app.web.submissions import Submissions
from app.web.surfaces import Surfaces

_encode = msgspec.json.Encoder().encode
_REFUSED = b'{"error":{"code":"forbidden","message":"not allowed","problems":[]}}'


SUBMIT = "/submit"


class AmpLists:
    """Answers always 200 with the schema of the block, once sender and token are accepted; else a uniform 403."""

    def __init__(self, parts: Parts, surfaces: Surfaces, events: InboxEvents, submissions: Submissions) -> None:
        self._parts = parts
        self._submissions = submissions
        self._events = events
        self._surfaces = surfaces

    async def __call__(self, scope: Scope, receive: Any) -> Reply:
        parts = self._parts
        allowed = cors(scope["headers"], scope["query_string"].decode("latin-1"), parts.settings.amp_senders)
        if isinstance(allowed, Refused):
            return Reply(allowed.status, _REFUSED, [JSON, PRIVATE], "refused")
        if scope["method"] == "OPTIONS":
            return Reply(204, b"", [*allowed.headers, PRIVATE])
        now, path = parts.clock(), scope["raw_path"][len(b"/amp/") :].decode("latin-1")
        submitted = path.endswith(SUBMIT) and scope["method"] == "POST"
        claims = parts.tokens.read(path.removesuffix(SUBMIT) if submitted else path, "amp", now)
        if submitted and claims is not None:
            return await self._submissions.take(scope, receive, claims, [*allowed.headers])
        snapshot = parts.snapshot
        if claims is None or snapshot is None or scope["method"] not in ("GET", "HEAD"):
            return Reply(403, _REFUSED, [JSON, PRIVATE], "refused")
        headers = [JSON, PRIVATE, *allowed.headers]
        placement = claims.placement
        if isinstance(claims, Expired) or not all(each in snapshot.fallbacks for each in _asked(snapshot, claims)):
            return self._generic(snapshot, placement, headers, "expired")
        if parts.inflight > parts.settings.max_inflight:
            return self._generic(snapshot, placement, headers, "overload")
        try:
            body, degraded = await self._list(snapshot, claims, now)
        except Exception as error:  # noqa: BLE001 (a recipient's surface fails to valid content)
            parts.telemetry.failure(error)
            return self._generic(snapshot, placement, headers, "error")
        if watched(snapshot, placement):
            await opened(self._events, claims, scope, now, amp=True)
        if degraded:
            headers.append((b"x-inlay-degraded", ",".join(dict.fromkeys(degraded)).encode()))
        return Reply(200, body, headers, "degraded" if degraded else "ok")

    async def _list(self, snapshot: Snapshot, claims: Claims, now: int) -> tuple[bytes, list[str]]:
        parts = self._parts
        identity = Identity.from_key(claims.profile) if claims.profile else None
        q = Question(_asked(snapshot, claims), identity, claims.send or None, claims.mail or None, at_open=True)
        if q.mail is not None and q.mail not in snapshot.definitions.mails:
            q.mail = None
        q.draw = self._surfaces.draw("list")
        answer = await parts.decider.decide(snapshot, q, now, snapshot.deadline(q.placements, parts.settings.deadline_amp_ms))
        count(parts, answer)
        for placement in q.placements if not snapshot.definitions.inbox.idle else ():
            self._surfaces.links.dress(snapshot, q, answer, placement, "list", now)
        lists = {id: answer.decision.choices[id].content for id in q.placements}
        return _encode(lists[claims.placement] if claims.placement else {"placements": lists}), answer.decision.degraded

    def _generic(self, snapshot: Snapshot, placement: str, headers: list[tuple[bytes, bytes]], reason: str) -> Reply:
        self._parts.telemetry.fallback(placement, reason)
        body = self._surfaces.fallbacks(snapshot).get(placement, "list") or (b'{"items":[]}' if placement else b'{"placements":{}}')
        if reason != "expired":
            headers.append((b"x-inlay-degraded", reason.encode()))
        return Reply(200, body, headers, "shed" if reason == "overload" else "degraded")


def _asked(snapshot: Snapshot, claims: Claims) -> tuple[str, ...]:
    """The placement that the token names, or, of one for a whole mail, all of that mail: several lists are fed by one call."""
    if claims.placement or claims.mail not in snapshot.definitions.mails:
        return (claims.placement,)
    return snapshot.definitions.mails[claims.mail].placements
