"""The hot path: `GET /v1/placements/...` as raw ASGI, in front of the FastAPI application.

Content surfaces never answer 5xx: whatever fails, the caller gets valid content, and `X-Inlay-Degraded` names why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from time import perf_counter
from typing import Any

import msgspec
from msgspec import Struct

from app.content.question import Answer, Question
from app.content.snapshot import Snapshot, iso
from app.errors import Degraded, InlayError, MethodNotAllowed, NotFound, Overloaded
from app.telemetry import log
from app.web.answers import placement_json, refuse_degraded
from app.web.asking import question
from app.web.asgi import PRIVATE, Headers, Reply, Scope, draining, has_large_body, head, plain_headers, send_reply, without_body
from app.web.crowd import Crowd
from app.web.measured import measured
from app.web.parts import Parts, current
from app.web.paths import routable, segments
from app.web.surfaces import CONTENT_TYPES, EXTENSIONS, Surfaces, check_placement, encoded, json_fallback

Application = Callable[[Scope, Any, Any], Awaitable[None]]
Handler = Callable[[Scope, Any], Awaitable[Reply]]
_encode = msgspec.json.Encoder().encode
PLACEMENTS = "/v1/placements/"
MAX_LINES, MOST_LINES = 1 << 10, 1_000
"""Header lines that are remembered: bytes of a request's, and of how many requests."""


class Address(Struct, frozen=True):
    """A placement on a surface, with what one content says of it for every request: how it is drawn (empty: as the request
    says), the seconds that a decision may take, the headers that all answers have, whether a degraded decision fails, and
    whether links are dressed."""

    placement: str
    surface: str
    drawn: str
    seconds: float
    headers: tuple[tuple[bytes, bytes], ...]
    fails: bool
    dressed: bool


class Hot:
    """Answers what must be quick, hands the rest on. `exact` maps (method, path) to handlers, `recipients` the first segment of what mails carry, such as `/amp/`."""

    def __init__(self, parts: Parts, surfaces: Surfaces, exact: dict[tuple[str, str], tuple[str, Handler]], recipients: dict[str, tuple[str, Handler]], rest: Application) -> None:
        self._parts = parts
        self._surfaces = surfaces
        self._exact = exact
        self._recipients = recipients
        self._rest = rest
        self._warned = False
        self._crowd = Crowd(parts.settings.max_inflight)
        self._keys: object = None
        self._admitted: set[bytes] = set()
        """Header lines of calls that keys let in."""
        self._known: Snapshot | None = None
        self._addresses: dict[bytes, Address] = {}
        """Those of the content that is known, by their raw path."""

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD") and has_large_body(scope):
            receive, send = draining(scope, receive, send)
        path: str = scope["path"]
        if path.startswith(PLACEMENTS) and scope["method"] in ("GET", "HEAD"):
            await send_reply(send, await self.content(scope), head=scope["method"] == "HEAD")
        elif (found := self._exact.get((scope["method"], path))) is not None:
            await self._serve(scope, send, found[0], found[1](scope, receive))
        elif path.startswith(PLACEMENTS):
            await self._serve(scope, send, "content", _only_read())
        elif (found := self._recipients.get(path[: path.find("/", 1) + 1])) is not None:
            await self._serve(scope, send, found[0], found[1](scope, receive))
        elif scope["method"] == "HEAD":
            await self._rest({**routable(scope), "method": "GET"}, receive, without_body(send))
        else:
            await self._rest(routable(scope), receive, send)

    async def _serve(self, scope: Scope, send: Any, surface: str, answering: Awaitable[Reply]) -> None:
        reply = await measured(self._parts, surface, answering)
        await send_reply(send, reply, head=scope["method"] == "HEAD")

    def content(self, scope: Scope) -> Coroutine[Any, Any, Reply]:
        """The answer to a GET of a placement; never raises."""
        parts = self._parts
        return measured(parts, "content", self._content(scope, shed=self._crowd.turns_away(scope["query_string"], parts.inflight + 1)))

    def short(self, target: bytes, lines: bytes) -> Coroutine[Any, Any, Reply] | bytes | None:
        """The answer to a GET of a placement whose header lines are about nothing but itself, without a scope being made of it;
        where there is no room for it, head and body of the fallback. None where `content` has to look closer.

        What many requests say alike is read once: header lines that were let in are let in by comparison, an address that was
        asked for is known. In a burst an answer costs a small part of a decision, so all come in time.
        """
        parts, snapshot = self._parts, self._parts.snapshot
        raw_path, _, query = target.partition(b"?")
        address = self._addresses.get(raw_path) if snapshot is self._known else None
        if snapshot is None or address is None or not self._let_in(lines):
            return None
        if not self._crowd.turns_away(query, parts.inflight + 1):
            return measured(parts, "content", self._decided(snapshot, address, query))
        if address.fails:
            return None
        begun = perf_counter()
        reply = self._static(snapshot, address, "overload")
        parts.telemetry.request("content", reply.outcome, perf_counter() - begun)
        return head(reply.status, reply.headers, len(reply.body), keep_alive=True) + reply.body

    def _let_in(self, lines: bytes) -> bool:
        """Whether these header lines belong to somebody who may read content. Nobody is remembered longer than the keys hold."""
        keys = self._parts.keys
        if keys.state is not self._keys:
            self._keys, self._admitted = keys.state, set()
        if lines in self._admitted:
            return True
        headers = plain_headers(lines)
        if headers is None:
            return False
        try:
            keys.authorise({"method": "GET", "headers": headers}, "content")
        except InlayError:
            return False
        if len(lines) <= MAX_LINES and len(self._admitted) < MOST_LINES:
            self._admitted.add(lines)
        return True

    async def _content(self, scope: Scope, *, shed: bool) -> Reply:
        parts = self._parts
        parts.keys.authorise(scope, "content")
        snapshot = current(parts)
        address = self._address(scope, snapshot)
        if shed:
            return self._shed(snapshot, address)
        return await self._decided(snapshot, address, scope["query_string"])

    async def _decided(self, snapshot: Snapshot, address: Address, query: bytes) -> Reply:
        parts = self._parts
        try:
            now = parts.clock()
            q = question(address.placement, query, snapshot, parts.identifiers, emails=parts.settings.email_in_url == "allow")
            if q.unusable:
                self._warn()
            drawn = address.drawn or q.surface
            q.draw = self._surfaces.draw(drawn) if drawn else None
            answer = await parts.decider.decide(snapshot, q, now, address.seconds)
            return self._reply(snapshot, q, answer, address, now)
        except (NotFound, Degraded):
            raise
        except Exception as error:  # noqa: BLE001 (a content surface fails to valid content)
            parts.telemetry.failure(error)
            return self._static(snapshot, address, "error")

    def _address(self, scope: Scope, snapshot: Snapshot) -> Address:
        """What the path names; `NotFound` names what there is. It is worked out once per content."""
        if snapshot is not self._known:
            self._known, self._addresses = snapshot, {}
        raw: bytes = scope["raw_path"]
        found = self._addresses.get(raw)
        if found is None:
            found = address_of(snapshot, "/".join(segments(scope, 3)), self._parts.settings.deadline_esp_ms)
            if b"%" not in raw:  # there are many ways to write the same
                self._addresses[raw] = found
        return found

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            log.warning("a content call named its recipient by an e-mail address or by a malformed id and got the fallback; "
                        "inlay_degradations_total{reason=\"profile\"} counts them, and this is said once")

    def _reply(self, snapshot: Snapshot, q: Question, answer: Answer, address: Address, now: int) -> Reply:
        decision = answer.decision
        choice = decision.choices[address.placement]
        count(self._parts, answer)
        if address.dressed:
            self._surfaces.links.dress(snapshot, q, answer, address.placement, (q.surface or "") if address.surface == "json" else address.surface, now)
        if address.fails:
            refuse_degraded(decision)
        body = _encode(placement_json(decision, choice)) if address.surface == "json" else encoded(choice)
        if not body or (address.surface != "json" and choice.content is None):
            return self._static(snapshot, address, "render:" + choice.block)
        headers: Headers = [
            *address.headers, (b"x-inlay-decision", decision.id.encode()), (b"x-inlay-decided-at", iso(decision.decided_at).encode()),
        ]
        if decision.degraded:
            headers.append((b"x-inlay-degraded", ",".join(dict.fromkeys(decision.degraded)).encode()))
        return Reply(200, body, headers, "degraded" if decision.degraded else "ok")

    def _shed(self, snapshot: Snapshot, address: Address) -> Reply:
        if address.fails:
            raise Overloaded("too many requests in flight; try again")
        return self._static(snapshot, address, "overload")

    def _static(self, snapshot: Snapshot, address: Address, reason: str) -> Reply:
        placement, surface = address.placement, address.surface
        self._parts.telemetry.degraded(reason)
        self._parts.telemetry.fallback(placement, reason)
        id, at = self._parts.decider.random_id(), iso(self._parts.clock())
        body = self._surfaces.fallbacks(snapshot).get(placement, surface)
        if surface == "json":
            body = json_fallback(id, placement, at, snapshot.version, reason, body)
        headers = [
            *address.headers, (b"x-inlay-decision", id.encode()), (b"x-inlay-decided-at", at.encode()), (b"x-inlay-degraded", reason.encode()),
        ]
        return Reply(200, body, headers, "shed" if reason == "overload" else "degraded")


def address_of(snapshot: Snapshot, name: str, limit_ms: int) -> Address:
    """What `PLACEMENT.EXTENSION` names; `NotFound` names the known ones."""
    placement, _, extension = name.rpartition(".")
    surface = EXTENSIONS.get(extension)
    if surface is None:
        raise NotFound(f"no surface .{extension[:40]}; there are .{', .'.join(EXTENSIONS)}", code="unknown_surface")
    check_placement(snapshot, placement, surface)
    fails = snapshot.definitions.placements[placement].on_degraded == "fail"
    headers = (b"content-type", CONTENT_TYPES[surface]), PRIVATE
    dressed = not snapshot.definitions.inbox.idle
    drawn = "" if surface == "json" else "page" if surface == "html" and not dressed else surface
    return Address(placement, surface, drawn, snapshot.deadline((placement,), limit_ms), headers, fails=fails, dressed=dressed)


async def _only_read() -> Reply:
    raise MethodNotAllowed("a placement takes GET and HEAD", allow="GET, HEAD")


def count(parts: Parts, answer: Answer) -> None:
    """One decision in the metrics; a replay of a recorded one is not counted again. What is known of the person may be
    asked for anew."""
    telemetry, decision, profile, snapshot = parts.telemetry, answer.decision, answer.profile, parts.snapshot
    if snapshot is not None and snapshot.definitions.enrich.lookups and profile.key is not None and profile.known:
        parts.seen(profile.key)
    for reason in decision.degraded:
        telemetry.degraded(reason)
    for placement, choice in decision.choices.items():
        judged = placement in answer.verdicts
        if judged:
            telemetry.decision(placement, choice.offer or "", choice.reason)
        if choice.offer is None and (judged or not decision.replayed):
            telemetry.fallback(placement, "rules" if judged else decision.degraded[0])


__all__ = ["Hot", "count"]
