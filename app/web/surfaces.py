"""How a choice is shown on each surface: html, text, json, amp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.content.choosing import Render
from app.content.snapshot import Dish, Snapshot, plain
from app.decide import Question, RenderFor
from app.domain.decision import Choice
from app.domain.item import Item
from app.domain.request import Request
from app.errors import RenderFailed
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

    def __init__(self, tokens: Tokens, public_url: str) -> None:
        self._tokens = tokens
        self._public_url = public_url.rstrip("/")

    def render_for(self, surface: str, q: Question, now: int) -> RenderFor:
        """How the choices of one request are drawn. JSON surfaces are checked against no template."""

        def for_placement(decision_id: str, placement: str, r: Request) -> Render:
            def draw(dish: Dish, variables: Mapping[str, Any], items: Sequence[Item]) -> Any:
                block = dish.block
                if surface == "html":
                    return block.html(variables, items, r.traits, r.context, {})
                if surface == "text":
                    return block.text(variables, items, r.traits, r.context, {})
                if surface == "json":
                    return {"vars": {k: plain(v) for k, v in variables.items()}, "items": [item.fields for item in items]}
                if surface == "list":
                    return block.data(variables, items)
                urls = {"amp": self.amp_url(placement, q, now)}
                return block.amp(variables, items, r.traits, r.context, urls) if block.has_amp else ""

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
            body = {"offer": None, "block": last.block.id, "reason": "fallback", "variant": {}, "vars": dict(last.fixed), "items": []}
            self._ready[placement, "json"] = _json({"placement": placement, "content_version": snapshot.version, **body})

    def get(self, placement: str, surface: str) -> bytes:
        return self._ready.get((placement, surface), b"")


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
