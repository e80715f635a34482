"""Proof by rendering: every block on every surface with its sample, and no placement that could come out blank; and of tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from itertools import product
from typing import Any

from app.content.blocks import Block
from app.content.samples import sample_items, sample_values
from app.content.coverage import flaws
from app.domain.conditions import Instant
from app.domain.definitions import Definitions, Shown
from app.domain.item import Item
from app.errors import Problem, RenderFailed

URLS = {
    "amp": "https://example.com/amp/token", "submit": "https://example.com/amp/token/submit", "lists": "https://example.com/amp/token",
    "unsubscribe": "https://example.com/u/token",
    "preferences": "https://example.com/p/token", "image": "https://example.com/i/token.png",
}
"""Every address that templates may name (`web/urls.py`)."""

NOW = Instant(1_767_225_600_000)
"""2026-01-01: when samples are drawn, so that a check says the same on any day."""
GMAIL_CLIPS_AT = 102_000


def prove(definitions: Definitions, blocks: Mapping[str, Block]) -> list[Problem]:
    """Everything that does not render, and whatever could be chosen and shows nothing when nothing is known."""
    found = [problem for block in blocks.values() for problem in _samples(block)]
    for placement in definitions.placements.values():
        *before, last = placement.fallbacks
        at = f"placements.{placement.id}.fallback"
        for i, shown in enumerate(before):
            found += _shows(blocks[shown.block], shown, f"{at}[{i}]")
        found += _never_blank(blocks[last.block], last, at)
    for offer in definitions.offers.values():
        for shown in (offer.shown, *(each.shown for each in offer.alternatives)):
            found += _shows(blocks[shown.block], shown, f"offers.{offer.id}", warning=True)
    return [*found, *flaws(definitions)]


def _surfaces(block: Block) -> tuple[str, ...]:
    return ("html", "text", "amp") if block.has_amp else ("html", "text")


def _samples(block: Block) -> Iterator[Problem]:
    values, items = sample_values(block.definition)
    profile, context = block.definition.sample.get("profile", {}), block.definition.sample.get("context", {})
    for surface, language in product(_surfaces(block), ("", *block.others)):
        file = block.definition.templates.get(surface, block.definition.templates["html"])[0]
        try:
            content = getattr(block, surface)(values, items, profile, {**context, "language": language} if language else context, URLS, NOW)
        except RenderFailed as error:
            yield Problem(file, 1, f"blocks.{block.id}" + (f" in {language}" if language else ""), error.message, "the sample in block.yaml must be enough to render it")
            continue
        if not shows_something(content):
            yield Problem(file, 1, f"blocks.{block.id}", f"shows nothing on {surface} with its sample")
        if len(content) > GMAIL_CLIPS_AT:
            yield Problem(file, 1, f"blocks.{block.id}", f"is {len(content):,} bytes: Gmail clips a mail at 102 KB", warning=True)


def _never_blank(block: Block, last: Shown, at: str) -> Iterator[Problem]:
    for surface in _surfaces(block):
        try:
            content = _drawn(block, surface, last, ())
        except RenderFailed as error:
            yield Problem(last.place.file, last.place.line, at, f"cannot be shown on {surface} when nothing is known: {error.message}",
                          "the last fallback must need no profile, context, items or model")
            continue
        if not shows_something(content):
            yield Problem(last.place.file, last.place.line, at, f"comes out blank on {surface} when nothing is known", "give the block a text or a picture of its own")


def _shows(block: Block, shown: Shown, at: str, *, warning: bool = False) -> Iterator[Problem]:
    """What may be passed over: where it fails to render the next is taken, where it comes out blank nothing is."""
    items = sample_items(block.definition)[: shown.items.at_least] if shown.items is not None else ()
    for surface in _surfaces(block):
        try:
            content = _drawn(block, surface, shown, items)
        except RenderFailed:
            continue
        if not shows_something(content):
            yield Problem(shown.place.file, shown.place.line, at, f"comes out blank on {surface} when nothing is known",
                          "give the block a text or a picture of its own", warning)


def _drawn(block: Block, surface: str, shown: Shown, items: tuple[Item, ...] | list[Item]) -> str:
    known: dict[str, Any] = shown.literals
    return getattr(block, surface)(known, items, {}, {}, URLS, NOW)


class _Eye(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sees = False
        self.blind = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("style", "script", "head", "title"):
            self.blind += 1
        if tag in ("img", "amp-img") and dict(attrs).get("src"):
            self.sees = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "head", "title"):
            self.blind -= 1

    def handle_data(self, data: str) -> None:
        self.sees |= self.blind <= 0 and bool(data.strip(" \t\r\n\u00a0\u200b\u200c"))


def shows_something(content: str) -> bool:
    """Whether a person would see text or a picture."""
    eye = _Eye()
    eye.feed(content)
    eye.close()
    return eye.sees
