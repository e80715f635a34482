"""Fonts: loaded once, measured, and never left with boxes for letters that they do not have."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias, cast

from PIL import Image, ImageFont

Font: TypeAlias = "ImageFont.FreeTypeFont"
ELLIPSIS = "…"
_OURS = files("font_manrope") / "files"
REGULAR, BOLD = str(_OURS / "Manrope-Regular.ttf"), str(_OURS / "Manrope-Bold.ttf")
"""What is drawn with where the content brings no font."""


@lru_cache(64)
def font_at(path: str, size: int) -> Font:
    """`OSError` for no font."""
    return ImageFont.truetype(path, size)


@lru_cache(4_096)
def has(path: str, character: str) -> bool:
    """Whether the font has this letter: one that it lacks is drawn as the box that stands for all of them."""
    if character.isspace():
        return True
    font = font_at(path, 24)
    return bytes(_mask(font, character)) != bytes(_mask(font, "\U0010ffff"))


def _mask(font: Font, text: str) -> Any:
    return font.getmask(text)


def chosen(path: str, text: str) -> str:
    """The font that is drawn with: this one where it has every letter of the text, else the usual one where that has more."""
    lacking = sum(not has(path, each) for each in set(text))
    return path if not lacking or sum(not has(REGULAR, each) for each in set(text)) >= lacking else REGULAR


def readable(path: str, text: str) -> str:
    """The text without the letters that the font does not have."""
    return "".join(each for each in text if has(path, each))


@lru_cache(512)
def masked(path: str, size: int, text: str) -> tuple[Image.Image, int, int]:
    """(the text as an L image, its left and top offset from the origin of the line)."""
    font = font_at(path, size)
    core, (left, top) = cast("tuple[Any, tuple[int, int]]", font.getmask2(text, "L"))
    width, height = cast("tuple[int, int]", core.size)
    return Image.frombytes("L", (max(width, 1), max(height, 1)), bytes(core) if width and height else b"\0"), left, top


@lru_cache(4_096)
def length(path: str, size: int, text: str) -> float:
    return font_at(path, size).getlength(text)


def lines(path: str, size: int, text: str, width: int, most: int) -> list[str]:
    """The text in at most so many lines of that width, the last cut with an ellipsis where more would follow."""
    found: list[str] = []
    words = text.split()
    while words and len(found) < most:
        line = words.pop(0)
        while words and length(path, size, f"{line} {words[0]}") <= width:
            line += " " + words.pop(0)
        found.append(line)
    if words or any(length(path, size, each) > width for each in found):
        found = [_cut(path, size, each, width, more=bool(words) and i == len(found) - 1) for i, each in enumerate(found)]
    return found


def _cut(path: str, size: int, line: str, width: int, *, more: bool) -> str:
    whole = line + (ELLIPSIS if more else "")
    while line and length(path, size, whole) > width:
        line = line[:-1].rstrip()
        whole = line + ELLIPSIS
    return whole


def usable(path: Path) -> bool:
    """Whether it is a font that can be drawn with."""
    try:
        font_at(str(path), 24).getlength("a")
    except (OSError, ValueError):
        return False
    return True
