"""`esps:` of rules/: from nodes to where each ESP's mails say whose they were."""

from __future__ import annotations

from collections.abc import Mapping

from app.content.reader import Reader
from app.content.source import Node
from app.content.values import meant
from app.domain.custom_keys import USUAL_KEYS, CustomKeys
from app.formats.esps import FORMATS

KEYS = CustomKeys._fields


def esps(entries: Mapping[str, tuple[Reader, Node]]) -> dict[str, CustomKeys]:
    """All entries of the section. What is named there is looked for first, then what is usual."""
    found: dict[str, CustomKeys] = {}
    for source, (reader, node) in entries.items():
        at = f"esps.{source}"
        if source not in FORMATS:
            reader.wrong(node.line, at, f'no source of webhooks "{source[:60]}"', meant(source, FORMATS) or f"there are {', '.join(FORMATS)}")
            continue
        named = reader.mapping(node, at, (*KEYS, "description"))
        found[source] = CustomKeys(*(_names(reader, named.get(key), f"{at}.{key}") + usual for key, usual in zip(KEYS, USUAL_KEYS, strict=True)))
    return found


def _names(reader: Reader, node: Node | None, at: str) -> tuple[str, ...]:
    """One name, or several in their order."""
    if node is None:
        return ()
    if isinstance(node.value, list):
        return tuple(reader.text(each, here) for here, each in reader.items(node, at))
    return (reader.text(node, at),)
