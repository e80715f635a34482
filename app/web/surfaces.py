"""How a choice is shown on each surface: html, text, json, amp."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from app.content.blocks import EMPTY
from app.content.choosing import Render, Taken, fall_back
from app.content.question import Draw, Question
from app.content.snapshot import Dish, Snapshot, plain
from app.domain.conditions import Instant
from app.domain.decision import Choice
from app.domain.item import Item
from app.domain.request import Request
from app.errors import NotFound, RenderFailed
from app.ports import Catalogue, Clock
from app.security.tokens import Tokens
from app.web.answers import choice_json
from app.web.links import Links
from app.web.urls import Urls

EXTENSIONS = {"html": "html", "txt": "text", "json": "json", "amp": "amp"}
SURFACES = ("html", "text", "json", "amp")
CONTENT_TYPES = {
    "html": b"text/html; charset=utf-8", "text": b"text/plain; charset=utf-8", "json": b"application/json",
    "amp": b"text/html; charset=utf-8",
}
_json = msgspec.json.Encoder().encode


class Surfaces:
    """Renders choices; mints the addresses that recipients' mails carry."""

    def __init__(self, tokens: Tokens, public_url: str, catalogue: Catalogue, clock: Clock) -> None:
        self._tokens = tokens
        self._catalogue = catalogue
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self.links = Links(tokens, self._public_url)
        self._ready: tuple[tuple[Snapshot, Fallbacks], ...] = ()
        self._drawn: dict[str, Draw] = {"html": self._html, "page": self._page, "text": self._text, "amp": self._amp, "json": _json_of, "list": _list}

    async def prepare(self, snapshot: Snapshot) -> None:
        """Render the fallbacks of this content with the items as they are now: before its first request, and when items
        changed. A placement at a time, so that requests come in between."""
        fresh = Fallbacks(snapshot, self, self._catalogue, self._clock())
        for placement in snapshot.fallbacks:
            fresh.render(placement)
            await asyncio.sleep(0)
        self._ready = ((snapshot, fresh), *(each for each in self._ready if each[0] is not snapshot))[:2]

    def fallbacks(self, snapshot: Snapshot) -> Fallbacks:
        """Those of this content, or of the one before it, which requests under way may still hold."""
        return next((ready for known, ready in self._ready if known is snapshot), self._ready[0][1])

    def draw(self, surface: str) -> Draw:
        """How choices are drawn; `page` is HTML in bytes, as it is sent. JSON surfaces are checked against no template."""
        return self._drawn[surface]

    def _urls(self, q: Question, placement: str, r: Request, dish: Dish) -> Mapping[str, str]:
        """Nothing for the many blocks that name no address of the recipient's."""
        return Urls(self._tokens, self._public_url, q, placement, r.now, dish.block) if dish.block.addressed else EMPTY

    def _html(self, q: Question, placement: str, r: Request, dish: Dish, variables: Mapping[str, Any], items: Sequence[Item]) -> str:
        return dish.block.html(variables, items, r.traits, r.context, self._urls(q, placement, r, dish), Instant(r.now))

    def _page(self, q: Question, placement: str, r: Request, dish: Dish, variables: Mapping[str, Any], items: Sequence[Item]) -> bytes:
        return dish.block.page(variables, items, r.traits, r.context, self._urls(q, placement, r, dish), Instant(r.now))

    def _text(self, q: Question, placement: str, r: Request, dish: Dish, variables: Mapping[str, Any], items: Sequence[Item]) -> str:
        return dish.block.text(variables, items, r.traits, r.context, self._urls(q, placement, r, dish), Instant(r.now))

    def _amp(self, q: Question, placement: str, r: Request, dish: Dish, variables: Mapping[str, Any], items: Sequence[Item]) -> str:
        if not dish.block.has_amp:
            return ""
        return dish.block.amp(variables, items, r.traits, r.context, self._urls(q, placement, r, dish), Instant(r.now))


def _json_of(q: Question, placement: str, r: Request, dish: Dish, variables: Mapping[str, Any], items: Sequence[Item]) -> dict[str, Any]:
    return {"vars": {k: plain(v) for k, v in variables.items()}, "items": [item.fields for item in items]}


def _list(q: Question, placement: str, r: Request, dish: Dish, variables: Mapping[str, Any], items: Sequence[Item]) -> dict[str, Any]:
    return dish.block.data(variables, items, r.traits, r.context)


class Fallbacks:
    """What each placement shows somebody unknown, rendered ahead for every surface: served when all else fails."""

    def __init__(self, snapshot: Snapshot, surfaces: Surfaces, catalogue: Catalogue, now: int) -> None:
        self._snapshot, self._surfaces, self._catalogue, self._now = snapshot, surfaces, catalogue, now
        self._ready: dict[tuple[str, str], bytes] = {}

    def render(self, placement: str) -> None:
        """Draw one placement's fallback, with the items as they are now."""
        for surface in ("html", "text", "amp", "list"):
            draw = partial(self._surfaces.draw(surface), Question((placement,)))
            choice = self._choose(placement, draw)
            self._ready[placement, surface] = encoded(choice) if choice.content else _first(partial(draw, placement, self._nobody()), self._snapshot.fallbacks[placement])
        self._ready[placement, "json"] = _json(choice_json(self._choose(placement, None)))

    def _choose(self, placement: str, draw: Callable[..., Any] | None) -> Choice:
        r = self._nobody()
        return fall_back(self._snapshot, r, placement, self._catalogue, Taken(), partial(draw, placement, r) if draw is not None else None)

    def _nobody(self) -> Request:
        return Request(self._now, score=self._snapshot.score)

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
    return content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else _json(content)
