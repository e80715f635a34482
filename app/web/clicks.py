"""`GET /c/{token}` and `GET /o/{token}.gif`: a link that was followed, a mail that was opened."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from app.content.snapshot import Snapshot
from app.domain.machines import fetched_ahead, followed_ahead
from app.errors import MethodNotAllowed
from app.security.tokens import Claims, Expired
from app.web.asgi import Headers, Reply, Scope
from app.web.inbox_events import InboxEvents, agent_of, purpose_of
from app.web.parts import Parts
from app.web.sheet import HEADERS, sheet

PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
PICTURE: Headers = [(b"content-type", b"image/gif"), (b"cache-control", b"no-store, no-cache, must-revalidate, max-age=0, private"), (b"expires", b"0")]
BURST_MILLISECONDS, BURST_LINKS = 3_000, 3
"""Nobody follows this many links of one mail within so little time."""
REMEMBERED = 4_096
_GONE = sheet("This link leads nowhere", '<p class="muted">It may be incomplete, or the page that it led to is no longer ours. Please open the mail again, or write to its sender.</p>')


class Clicks:
    """Sends on to what the token says, where that is still allowed. It does nothing else: scanners follow links, too."""

    def __init__(self, parts: Parts, events: InboxEvents) -> None:
        self._parts = parts
        self._events = events
        self._followed: OrderedDict[tuple[str, str], list[tuple[int, str]]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Any) -> Reply:
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed("a link takes GET and HEAD", allow="GET, HEAD")
        parts, now = self._parts, self._parts.clock()
        claims = parts.tokens.read(token_of(scope, "c"), "c", now)
        address = claims.more[0] if claims is not None and claims.more else ""
        if claims is None or parts.snapshot is None or not parts.snapshot.definitions.inbox.clicks.leads(address):
            return Reply(404, _GONE, HEADERS, "refused")
        if scope["method"] == "GET" and not isinstance(claims, Expired):
            _, offer, item = (*claims.more, "", "")[:3]
            machine = followed_ahead(agent_of(scope), purpose_of(scope)) or self._burst(claims, address, now)
            await self._events.file("email_clicked", claims, f"{address} {now // 1000}", now, {"url": address, "offer": offer, "item": item}, machine=machine)
        headers: Headers = [(b"location", address.encode("ascii", "xmlcharrefreplace")), (b"cache-control", b"private, no-store"), (b"referrer-policy", b"no-referrer"), (b"x-robots-tag", b"noindex")]
        return Reply(302, b"", headers)

    def _burst(self, claims: Claims, address: str, now: int) -> str:
        """`scanner` once a mail's links are followed faster than by anybody. Each worker sees what comes to it."""
        key = claims.profile, claims.send
        recent = [each for each in self._followed.pop(key, []) if now - each[0] < BURST_MILLISECONDS and each[1] != address] + [(now, address)]
        self._followed[key] = recent[-BURST_LINKS:]
        if len(self._followed) > REMEMBERED:
            self._followed.popitem(last=False)
        return "scanner" if len(recent) >= BURST_LINKS else ""


class Opens:
    """Always the picture, whoever asks and whatever with."""

    def __init__(self, parts: Parts, events: InboxEvents) -> None:
        self._parts = parts
        self._events = events

    async def __call__(self, scope: Scope, receive: Any) -> Reply:
        now = self._parts.clock()
        claims = self._parts.tokens.read(token_of(scope, "o").removesuffix(".gif"), "o", now)
        if scope["method"] == "GET" and claims is not None and not isinstance(claims, Expired):
            await opened(self._events, claims, scope, now)
        return Reply(200, PIXEL, PICTURE)


async def opened(events: InboxEvents, claims: Claims, scope: Scope, now: int, *, amp: bool = False) -> None:
    """File an open, once a minute for all pictures of a mail."""
    agent = agent_of(scope)
    machine = "" if amp else fetched_ahead(agent, purpose_of(scope), now - claims.minted)
    told: dict[str, Any] = {"offer": claims.more[0] if claims.more else "", "amp": amp or None}
    await events.file("email_opened", claims, f"{machine} {now // 60_000}", now, told, machine=machine, wait=not amp)


def watched(snapshot: Snapshot, placement: str) -> bool:
    """Whether an open of this placement is told of."""
    return placement in snapshot.definitions.inbox.opens.placements


def token_of(scope: Scope, route: str) -> str:
    """What stands behind `/route/`, as it came."""
    return scope["raw_path"][len(route) + 2 :].decode("latin-1")
