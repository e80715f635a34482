"""Proof by rendering: every block on every surface with its sample, and no placement that could come out blank."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from app.content.blocks import Block, sample_values
from app.content.snapshot import Snapshot
from app.domain.definitions import Shown
from app.errors import Problem, RenderFailed

URLS = {"amp": "https://example.com/amp/token"}
GMAIL_CLIPS_AT = 102_000


def prove(snapshot: Snapshot) -> list[Problem]:
    """Everything that does not render, and every last fallback that shows nothing when nothing is known."""
    found = [problem for block in snapshot.blocks.values() for problem in _samples(block)]
    for placement in snapshot.definitions.placements.values():
        found += _never_blank(snapshot, placement.id, placement.fallbacks[-1], f"placements.{placement.id}.fallback")
    return found


def _samples(block: Block) -> Iterator[Problem]:
    values, items = sample_values(block.definition)
    profile, context = block.definition.sample.get("profile", {}), block.definition.sample.get("context", {})
    for surface in ("html", "text", "amp") if block.has_amp else ("html", "text"):
        file = block.definition.templates.get(surface, block.definition.templates["html"])[0]
        try:
            content = getattr(block, surface)(values, items, profile, context, URLS)
        except RenderFailed as error:
            yield Problem(file, 1, f"blocks.{block.id}", error.message, "the sample in block.yaml must be enough to render it")
            continue
        if not shows_something(content):
            yield Problem(file, 1, f"blocks.{block.id}", f"shows nothing on {surface} with its sample")
        if len(content) > GMAIL_CLIPS_AT:
            yield Problem(file, 1, f"blocks.{block.id}", f"is {len(content):,} bytes: Gmail clips a mail at 102 KB", warning=True)


def _never_blank(snapshot: Snapshot, placement: str, last: Shown, at: str) -> Iterator[Problem]:
    dish = snapshot.fallbacks[placement][-1]
    block = dish.block
    for surface in ("html", "text", "amp") if block.has_amp else ("html", "text"):
        try:
            content = getattr(block, surface)(dish.fixed, (), {}, {}, URLS)
        except RenderFailed as error:
            yield Problem(last.place.file, last.place.line, at, f"cannot be shown on {surface} when nothing is known: {error.message}",
                          "the last fallback must need no profile, context, items or model")
            continue
        if not shows_something(content):
            yield Problem(last.place.file, last.place.line, at, f"comes out blank on {surface} when nothing is known", "give the block a text or a picture of its own")


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
