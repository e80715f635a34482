"""`image:` of block.yaml: the picture that a block has at open time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import get_args

from app.content.reader import Reader
from app.content.source import Node
from app.domain.pictures import COLOURS, LABELS, TEXTS, PictureKind, PictureSpec

KINDS: tuple[PictureKind, ...] = get_args(PictureKind)
KEYS = ("kind", "width", "height", *dict.fromkeys(name for names in TEXTS.values() for name in names), "colours", "labels", "font", "bold", "description")
SIZES = {"width": (40, 1_200, 600), "height": (20, 1_200, 120)}
"""Least, most, and what is taken where nothing usable is said."""
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_FILE = re.compile(r"[\w. -]+\.(ttf|otf)", re.IGNORECASE)


def picture(reader: Reader, node: Node, types: Mapping[str, str]) -> PictureSpec | None:
    """`types` are those of the block's variables."""
    found = reader.mapping(node, "image", KEYS, ("kind",))
    kind = reader.one_of(found["kind"], "image.kind", KINDS, "kind") if "kind" in found else None
    if kind is None:
        return None
    width, height = (reader.whole(found[name], f"image.{name}", *SIZES[name]) if name in found else SIZES[name][2] for name in SIZES)
    texts = {name: reader.text(found[name], f"image.{name}") for name in TEXTS[kind] if name in found}
    for name in KEYS:
        if name in found and name not in TEXTS[kind] and any(name in names for names in TEXTS.values()):
            reader.wrong(found[name].line, f"image.{name}", f"a {kind} shows no {name}", f"it shows {', '.join(TEXTS[kind])}")
    if kind == "countdown":
        texts = _counted(reader, node, found, texts, types)
    elif not texts:
        reader.wrong(node.line, "image", "shows nothing", f"a card shows {', '.join(TEXTS['card'])}")
    return PictureSpec(
        kind, width, height, texts, _colours(reader, found), _labels(reader, found),
        *(_font(reader, found[name], f"image.{name}") if name in found else "" for name in ("font", "bold")),
    )


def _counted(reader: Reader, node: Node, found: Mapping[str, Node], texts: dict[str, str], types: Mapping[str, str]) -> dict[str, str]:
    """`until` names a variable: its template tells the seconds that are left."""
    name = texts.get("until", "")
    if types.get(name) != "date":
        known = [each for each, kind in types.items() if kind == "date"]
        line = found["until"].line if "until" in found else node.line
        reader.wrong(line, "image.until", f'"{name[:60]}" is no variable of the type date', f"there are {', '.join(known)}" if known else "declare one under variables")
        return {}
    return {"over": "", "neutral": "{{ " + name + "|date }}", **texts, "until": "{{ " + name + "|seconds_left(now) }}"}


def _colours(reader: Reader, found: Mapping[str, Node]) -> Mapping[str, str]:
    given = reader.mapping(found["colours"], "image.colours", COLOURS) if "colours" in found else {}
    for name, each in given.items():
        if not isinstance(each.value, str) or not _COLOUR.fullmatch(each.value):
            reader.wrong(each.line, f"image.colours.{name}", f"{each.plain()!r:.60} is no colour", 'six hexadecimal digits in quotes, such as "#2f5bea"')
    return {**COLOURS, **{name: each.value for name, each in given.items() if isinstance(each.value, str) and _COLOUR.fullmatch(each.value)}}


def _labels(reader: Reader, found: Mapping[str, Node]) -> tuple[str, ...]:
    if "labels" not in found:
        return LABELS
    labels = tuple(reader.text(each, at) for at, each in reader.items(found["labels"], "image.labels"))
    if len(labels) != len(LABELS):
        reader.wrong(found["labels"].line, "image.labels", f"has {len(labels)} words", f"four: those for {', '.join(LABELS)}")
        return LABELS
    return labels


def _font(reader: Reader, node: Node, at: str) -> str:
    text = reader.text(node, at)
    if not _FILE.fullmatch(text):
        reader.wrong(node.line, at, f"{text!r:.60} is no font", "the name of a .ttf or .otf file in fonts/")
        return ""
    return text
