"""The hot path: `GET /v1/placements/...` as raw ASGI, in front of the FastAPI application.

Content surfaces never answer 5xx: whatever fails, the caller gets valid content, and `X-Inlay-Degraded` names why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from app.content.snapshot import Snapshot, iso
from app.decide import Answer, Question
from app.domain.identity import looks_like_email, parse_profile_id
from app.errors import InlayError, NotFound
from app.web.answers import placement_json
from app.web.asgi import JSON, PRIVATE, Headers, Reply, Scope, send_reply
from app.web.measured import measured
from app.web.parts import Parts
from app.web.surfaces import CONTENT_TYPES, EXTENSIONS, Fallbacks, Surfaces, encoded

Application = Callable[[Scope, Any, Any], Awaitable[None]]
Handler = Callable[[Scope, Any], Awaitable[Reply]]
_encode = msgspec.json.Encoder().encode
PLACEMENTS = "/v1/placements/"


class Hot:
    """Answers what must be quick, hands the rest on. `routes` maps (method, path) and path prefixes to handlers."""

    def __init__(self, parts: Parts, surfaces: Surfaces, exact: dict[tuple[str, str], tuple[str, Handler]], amp: Handler, rest: Application) -> None:
        self._parts = parts
        self._surfaces = surfaces
        self._exact = exact
        self._amp = amp
        self._rest = rest
        self._fallbacks: tuple[Snapshot, Fallbacks] | None = None

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(PLACEMENTS) and scope["method"] in ("GET", "HEAD"):
            await self._serve(scope, send, "content", self._content(scope))
        elif (found := self._exact.get((scope["method"], path))) is not None:
            await self._serve(scope, send, found[0], found[1](scope, receive))
        elif path.startswith("/amp/"):
            await self._serve(scope, send, "amp", self._amp(scope, receive))
        else:
            await self._rest(scope, receive, send)

    async def _serve(self, scope: Scope, send: Any, surface: str, answering: Awaitable[Reply]) -> None:
        reply = await measured(self._parts, surface, answering)
        await send_reply(send, reply.status, reply.headers, reply.body, head=scope["method"] == "HEAD")

    def fallbacks(self, snapshot: Snapshot) -> Fallbacks:
        """The compiled fallbacks of this version; made before its first request (`warm`)."""
        ready = self._fallbacks
        if ready is None or ready[0] is not snapshot:
            ready = self._fallbacks = (snapshot, Fallbacks(snapshot, self._surfaces, self._parts.clock()))
        return ready[1]

    def warm(self, snapshot: Snapshot) -> None:
        self.fallbacks(snapshot)

    async def _content(self, scope: Scope) -> Reply:
        parts = self._parts
        parts.keys.authorise(scope, "content")
        snapshot = parts.snapshot
        if snapshot is None:
            raise InlayError("no content yet", code="starting")
        placement, surface = self._address(scope, snapshot)
        if parts.inflight > parts.settings.max_inflight:
            return self._shed(snapshot, placement, surface)
        try:
            q = question(placement, scope["query_string"], snapshot, parts.settings.email_in_url == "allow")
            return await self._decided(snapshot, q, placement, surface)
        except NotFound:
            raise
        except Exception as error:  # noqa: BLE001 (a content surface fails to valid content)
            parts.telemetry.failure(error)
            return self._static(snapshot, placement, surface, "error")

    def _address(self, scope: Scope, snapshot: Snapshot) -> tuple[str, str]:
        placement, _, extension = scope["path"][len(PLACEMENTS) :].rpartition(".")
        surface = EXTENSIONS.get(extension)
        if surface is None:
            raise NotFound(f"no surface .{extension[:40]}; there are .{', .'.join(EXTENSIONS)}", code="unknown_surface")
        if placement not in snapshot.fallbacks:
            known = ", ".join(snapshot.fallbacks)
            raise NotFound(f"no placement {placement[:80]!r}; there are: {known}", code="unknown_placement")
        if surface == "amp" and not any(dish.block.has_amp for dish in snapshot.fallbacks[placement]):
            raise NotFound(f"the fallback block of {placement!r} has no amp.j2, so .amp cannot be served", code="no_amp")
        return placement, surface

    async def _decided(self, snapshot: Snapshot, q: Question, placement: str, surface: str) -> Reply:
        parts = self._parts
        now = parts.clock()
        policy = snapshot.definitions.placements[placement]
        timeout = (policy.deadline or parts.settings.deadline_esp_ms) / 1000
        draw = None if surface == "json" else self._surfaces.render_for(surface, q, now)
        answer = await parts.decider.decide(snapshot, q, now, timeout, draw)
        decision = answer.decision
        choice = decision.choices[placement]
        count(parts.telemetry, answer)
        if decision.degraded and policy.on_degraded == "fail" and not decision.recorded:
            raise InlayError(f"degraded: {', '.join(decision.degraded)}", code="degraded")
        body = _encode(placement_json(decision, choice)) if surface == "json" else encoded(choice)
        if not body or (surface != "json" and choice.content is None):
            return self._static(snapshot, placement, surface, "render:" + choice.block)
        headers: Headers = [
            (b"content-type", CONTENT_TYPES[surface]), PRIVATE, (b"x-inlay-decision", decision.id.encode()),
            (b"x-inlay-decided-at", iso(decision.decided_at).encode()),
        ]
        if decision.degraded:
            headers.append((b"x-inlay-degraded", ",".join(dict.fromkeys(decision.degraded)).encode()))
        return Reply(200, body, headers, "degraded" if decision.degraded else "ok")

    def _shed(self, snapshot: Snapshot, placement: str, surface: str) -> Reply:
        if snapshot.definitions.placements[placement].on_degraded == "fail":
            raise InlayError("too many requests in flight", code="overloaded")
        return self._static(snapshot, placement, surface, "overload")

    def _static(self, snapshot: Snapshot, placement: str, surface: str, reason: str) -> Reply:
        self._parts.telemetry.degraded(reason)
        self._parts.telemetry.fallback(placement, reason)
        body = self.fallbacks(snapshot).get(placement, surface)
        if surface == "json":
            body = body[:-1] + b',"degraded":["' + reason.encode() + b'"]}'
        headers = [(b"content-type", CONTENT_TYPES[surface]), PRIVATE, (b"x-inlay-degraded", reason.encode())]
        return Reply(200, body, headers, "shed" if reason == "overload" else "degraded")


def question(placement: str, query: bytes, snapshot: Snapshot, emails: bool) -> Question:
    """What a content URL asks. An id that cannot be used is no error here: the answer is a fallback."""
    q = Question((placement,))
    context: dict[str, Any] = {}
    text = query.decode("utf-8", "replace")
    pairs = parse_qsl(text, keep_blank_values=True) if "%" in text or "+" in text else [
        (name, value) for name, _, value in (part.partition("=") for part in text.split("&"))
    ]
    for name, value in pairs:
        if name == "profile" and value:
            if looks_like_email(value) and not emails:
                q.unusable = True
                continue
            try:
                q.identity = parse_profile_id(value)
            except InlayError:
                q.unusable = True
        elif name == "send" and value:
            q.send = value if len(value) <= 256 else None
            q.unusable |= len(value) > 256
        elif name == "mail" and value:
            if value not in snapshot.definitions.mails:
                known = ", ".join(snapshot.definitions.mails)
                raise NotFound(f"no mail {value[:80]!r}; there are: {known}", code="unknown_mail")
            q.mail = value
        elif name.startswith("ctx."):
            context[name[4:]] = value
    q.context = context
    return q


def count(telemetry: Any, answer: Answer) -> None:
    """One decision in the metrics; a replay of a recorded one is not counted again."""
    decision = answer.decision
    for reason in decision.degraded:
        telemetry.degraded(reason)
    for placement, choice in decision.choices.items():
        judged = placement in answer.verdicts
        if judged:
            telemetry.decision(placement, choice.offer or "", choice.reason)
        if choice.offer is None and (judged or not decision.replayed):
            telemetry.fallback(placement, "rules" if judged else decision.degraded[0])


__all__ = ["JSON", "Hot", "count", "question"]
