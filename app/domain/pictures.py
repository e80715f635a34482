"""What a block's picture shows and how it looks, as `block.yaml` says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

PictureKind: TypeAlias = Literal["countdown", "card"]
COLOURS = {"page": "#ffffff", "ink": "#14181f", "muted": "#5b6573", "accent": "#2f5bea", "on_accent": "#ffffff"}
"""Names and what they are where nothing is said."""

LABELS = ("days", "hours", "minutes", "seconds")


@dataclass(frozen=True, slots=True)
class PictureSpec:
    """`width` and `height` are CSS pixels. `texts` maps what the kind shows to its template; `font` and `bold` are files of
    `fonts/`, empty for the one that comes with Inlay."""

    kind: PictureKind
    width: int
    height: int
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    colours: Mapping[str, str] = field(default_factory=lambda: COLOURS)
    labels: tuple[str, ...] = LABELS
    font: str = ""
    bold: str = ""


TEXTS: Mapping[PictureKind, tuple[str, ...]] = {
    "countdown": ("until", "over", "neutral"),
    "card": ("picture", "kicker", "title", "text", "price", "old_price", "stock", "button"),
}
"""What each kind shows."""

LIVE = frozenset({"price", "old_price", "stock"})
"""What is true only at the instant of opening: left out of a picture that nobody looks at yet."""
EXTENSIONS: Mapping[PictureKind, str] = {"countdown": "gif", "card": "png"}
