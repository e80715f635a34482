"""`retention:` of rules/: from nodes to how long what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from app.content.reader import Reader
from app.content.source import Node
from app.content.values import duration, meant
from app.domain.event import event_name
from app.domain.retention import DAY, Retention

KINDS = tuple(each.name for each in fields(Retention))

def retention(entries: Mapping[str, tuple[Reader, Node]]) -> Retention:
    """All entries of the section; each is a kind of data and a duration of a day or more."""
    found: dict[str, Any] = {}
    for kind, (reader, node) in entries.items():
        at = f"retention.{kind}"
        if kind not in KINDS:
            reader.wrong(node.line, at, f'no kind of data "{kind[:60]}"', meant(kind, KINDS) or f"there are {', '.join(KINDS)}")
            continue
        found[kind] = _of_types(reader, node, at) if kind == "events" else _days(reader, node, at)
    return Retention(**found)


def _of_types(reader: Reader, node: Node, at: str) -> dict[str, int]:
    return {event_name(reader.event(Node(name, each.line), at)): _days(reader, each, f"{at}.{name}") for name, each in reader.mapping(node, at).items()}


def _days(reader: Reader, node: Node, at: str) -> int:
    found = reader.duration(node, at)
    if duration(node.value) and found < DAY:
        reader.wrong(node.line, at, "is shorter than a day", "1d or more")
    return found
