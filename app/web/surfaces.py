"""How a choice is shown on each surface: html, text, json, amp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.content.choosing import Render
from app.content.snapshot import Dish, Snapshot, plain
from app.decide import Question, RenderFor
from app.domain.conditions import Instant
from app.domain.decision import Choice
from app.domain.item import Item
from app.domain.request import Request
from app.errors import NotFound, RenderFailed
from app.ports import Clock
from app.security.tokens import Tokens

EXTENSIONS = {"html": "html", "txt": "text", "json": "json", "amp": "amp"}
SURFACES = ("html", "text", "json", "amp")
CONTENT_TYPES = {
    "html": b"text/html; charset=utf-8", "text": b"text/plain; charset=utf-8", "json": b"application/json",
    "amp": b"text/html; charset=utf-8",
}
_json = msgspec.json.Encoder().encode


class Surfaces:
    """Renders choices; mints the addresses that recipients' mails carry."""

    def __init__(self, tokens: Tokens, public_url: str, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._fallbacks: tuple[Snapshot, Fallbacks] | None = None

    def fallbacks(self, snapshot: Snapshot) -> Fallbacks:
        """The fallbacks of this version, rendered ahead; asked for once before its first request."""
        ready = self._fallbacks
        if ready is None or ready[0] is not snapshot:
            ready = self._fallbacks = (snapshot, Fallbacks(snapshot, self, self._clock()))
        return ready[1]

    def render_for(self, surface: str, q: Question, now: int) -> RenderFor:
        """How the choices of one request are drawn. JSON surfaces are checked against no template."""

        at = Instant(now)

        def for_placement(decision_id: str, placement: str, r: Request) -> Render:
            def draw(dish: Dish, variables: Mapping[str, Any], items: Sequence[Item]) -> Any:
                block = dish.block
                if surface == "html":
                    return block.html(variables, items, r.traits, r.context, {}, at)
                if surface == "text":
                    return block.text(variables, items, r.traits, r.context, {}, at)
                if surface == "json":
                    return {"vars": {k: plain(v) for k, v in variables.items()}, "items": [item.fields for item in items]}
                if surface == "list":
                    return block.data(variables, items)
                urls = {"amp": self.amp_url(placement, q, now)}
                return block.amp(variables, items, r.traits, r.context, urls, at) if block.has_amp else ""

            return draw

        return for_placement

    def amp_url(self, placement: str, q: Question, now: int) -> str:
        """The tokened address of the list that an AMP mail fetches at open."""
        key = q.identity.key if q.identity is not None else ""
        token = self._tokens.mint("amp", placement, key, q.send or "", q.mail or "", now)
        return f"{self._public_url}/amp/{token}"


class Fallbacks:
    """Each placement's last fallback, rendered ahead for every surface with nothing known: served when all else fails."""

    def __init__(self, snapshot: Snapshot, surfaces: Surfaces, now: int) -> None:
        self._ready: dict[tuple[str, str], bytes] = {}
        for placement, chain in snapshot.fallbacks.items():
            r = Request(now, score=snapshot.score)
            q = Question((placement,))
            for surface in ("html", "text", "amp", "list"):
                draw = surfaces.render_for(surface, q, now)("", placement, r)
                self._ready[placement, surface] = _first(draw, chain)
            last = chain[-1]
            body: dict[str, Any] = {"offer": None, "block": last.block.id, "reason": "fallback", "variant": {}, "vars": dict(last.fixed), "items": []}
            self._ready[placement, "json"] = _json(body)

    def get(self, placement: str, surface: str) -> bytes:
        return self._ready.get((placement, surface), b"")


def json_fallback(id: str, placement: str, at: str, version: str, reason: str, body: bytes) -> bytes:
    """The flat answer of `.json`: a fallback rendered ahead, with what is true of this request alone before it."""
    head = {
        "decision_id": id, "profile": "", "send": None, "placement": placement, "decided_at": at, "content_version": version,
        "degraded": [reason],
    }
    return _json(head)[:-1] + b"," + body[1:]


def check_placement(snapshot: Snapshot, placement: str, surface: str | None) -> None:
    """`NotFound`, naming the known ones, where there is no such placement, or it has no AMP."""
    if placement not in snapshot.fallbacks:
        raise NotFound(f"no placement {placement[:80]!r}; there are: {', '.join(snapshot.fallbacks)}", code="unknown_placement")
    if surface == "amp" and not any(dish.block.has_amp for dish in snapshot.fallbacks[placement]):
        raise NotFound(f"the fallback block of {placement!r} has no amp.j2, so AMP cannot be served", code="no_amp")


def _first(draw: Render, chain: tuple[Dish, ...]) -> bytes:
    """The last fallback of a chain, or the nearest before it that renders without anything known."""
    for dish in reversed(chain):
        try:
            content = draw(dish, dish.fixed, ())
        except RenderFailed:
            continue
        return content.encode() if isinstance(content, str) else _json(content)
    return b""


def encoded(choice: Choice) -> bytes:
    """The body of a content answer for html, text and amp."""
    content = choice.content
    return content.encode() if isinstance(content, str) else _json(content)
