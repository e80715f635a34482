"""`identities:` of rules files: the kinds of identifiers that name a person beside user ids and anonymous ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from app.content.reader import Reader
from app.content.source import Node
from app.domain.identity import KINDS, USUAL_KINDS, IdentityKind

KEYS = ("trait", "hashed", "country", "description")
_CALLING_CODE = re.compile(r"\+[1-9][0-9]{0,2}")
_ID = re.compile(r"[a-z][a-z0-9_]*")


def identity_kinds(found: Mapping[str, tuple[Reader, Node]]) -> Mapping[str, IdentityKind]:
    """The declared kinds, and those that always are there."""
    kinds = dict(USUAL_KINDS)
    traits: dict[str, str] = {}
    for id, (reader, node) in found.items():
        at = f"identities.{id}"
        if id in KINDS - USUAL_KINDS.keys():
            reader.wrong(node.line, at, "is there without being declared, and is as it is", "declare other kinds, such as email, phone, braze_id")
            continue
        if not _ID.fullmatch(id):
            reader.wrong(node.line, at, "is no usable name", "lower-case letters, digits and _")
        kind = kinds[id] = _kind(reader, id, node, at)
        other = traits.setdefault(kind.trait, id)
        if other != id:
            reader.wrong(node.line, f"{at}.trait", f"{kind.trait!r:.60} already carries {other}", "one trait carries one kind")
    return MappingProxyType(kinds)


def _kind(reader: Reader, id: str, node: Node, at: str) -> IdentityKind:
    given = reader.mapping(node, at, KEYS)
    trait = reader.text(given["trait"], f"{at}.trait", id) if "trait" in given else id
    hashed = given["hashed"].value if "hashed" in given else False
    if not isinstance(hashed, bool):
        reader.wrong(given["hashed"].line, f"{at}.hashed", "is neither true nor false")
    country = ""
    if "country" in given:
        country = reader.text(given["country"], f"{at}.country")
        if id != "phone" or not _CALLING_CODE.fullmatch(country):
            reader.wrong(given["country"].line, f"{at}.country", f"{country!r:.20} does not fit", 'the calling code of phone numbers, such as "+49"')
    return IdentityKind(trait, hashed is True, country, reader.place(node))
