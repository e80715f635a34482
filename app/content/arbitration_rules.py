"""`arbitration:` of a mail, and of the items of an offer, from nodes to definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.content.reader import Reader
from app.content.source import Node
from app.domain.arbitration import Arbitration
from app.domain.grids import Grid

KEYS = ("by", "at_most", "at_least", "pins", "diversity", "alike", "not_again")
MOST_SENDS = 100


def arbitration(reader: Reader, node: Node, at: str, placements: tuple[str, ...]) -> Arbitration:
    """How the placements of a mail are chosen together; checked against its placements and the attributes of offers."""
    found = reader.mapping(node, at, KEYS)
    by = _attribute(reader, found["by"], f"{at}.by") if "by" in found else "category"
    alike = tuple(_attribute(reader, each, here) for here, each in reader.items(found["alike"], f"{at}.alike")) if "alike" in found else ()
    pins = _pins(reader, found["pins"], f"{at}.pins", placements) if "pins" in found else {}
    rules = replace(_rules(reader, found, node, at, by, alike, len(placements), "placements"), pins=pins)
    if (rules.at_most or rules.at_least or rules.at_most_each is not None) and by not in reader.names.attributes:
        reader.wrong(node.line, f"{at}.by", f"no offer has the attribute {by}", f"attributes: {{{by}: shoes}} in offers, or by: another one")
    if rules.diversity and not alike and by not in reader.names.attributes:
        reader.wrong(found["diversity"].line, f"{at}.diversity", f"compares offers by {by}, which none has", "alike: [...] names attributes of offers")
    return rules


def grid(reader: Reader, node: Node, at: str, places: int) -> Grid:
    """How the items of an offer are chosen together, by fields of theirs; checked against the number of them."""
    found = reader.mapping(node, at, KEYS)
    by = reader.text(found["by"], f"{at}.by", "category") if "by" in found else "category"
    alike = tuple(reader.text(each, here, by) for here, each in reader.items(found["alike"], f"{at}.alike")) if "alike" in found else ()
    pins = tuple(reader.text(each, here) for here, each in reader.items(found["pins"], f"{at}.pins")) if "pins" in found else ()
    if len(set(pins)) < len(pins):
        reader.wrong(found["pins"].line, f"{at}.pins", "pins an item twice", "no item comes twice in a mail")
    if len(pins) > places:
        reader.wrong(found["pins"].line, f"{at}.pins", f"names {len(pins)} items, and the limit is {places}", "fewer, or a higher limit")
    return Grid(_rules(reader, found, node, at, by, alike, places, "items"), pins)


def _rules(reader: Reader, found: Mapping[str, Node], node: Node, at: str, by: str, alike: tuple[str, ...], places: int, what: str) -> Arbitration:
    """What mails and grids have in common."""
    each, at_most = None, dict[str, float]()
    if "at_most" in found and isinstance(found["at_most"].value, dict):
        at_most = _counts(reader, found["at_most"], f"{at}.at_most", what)
    elif "at_most" in found:
        each = _count(reader, found["at_most"], f"{at}.at_most", what)
    at_least = _counts(reader, found["at_least"], f"{at}.at_least", what) if "at_least" in found else {}
    diversity = reader.number(found["diversity"], f"{at}.diversity") if "diversity" in found else 0.0
    if not 0 <= diversity <= 1:
        reader.wrong(found["diversity"].line, f"{at}.diversity", f"is {diversity:g}", "from 0, by rank alone, to 1")
    not_again = reader.whole(found["not_again"], f"{at}.not_again", 1, MOST_SENDS, 1) if "not_again" in found else 0
    rules = Arbitration(by, at_most, at_least, diversity=diversity, alike=alike or (by,), not_again=not_again, place=reader.place(node), at_most_each=each)
    _fitting(reader, node, at, rules, places, what)
    return rules


def _attribute(reader: Reader, node: Node, at: str) -> str:
    return reader.one_of(node, at, sorted(reader.names.attributes), "attribute of an offer") or ""


def _counts(reader: Reader, node: Node, at: str, what: str) -> dict[str, float]:
    return {category: _count(reader, each, f"{at}.{category}", what) for category, each in reader.mapping(node, at).items()}


def _count(reader: Reader, node: Node, at: str, what: str) -> float:
    value = reader.number(node, at)
    if value < 0 or (value > 1 and value != int(value)):
        reader.wrong(node.line, at, f"is {value:g}", f"a number of {what}, or below 1 a share of them")
        return 0.0
    return value


def _fitting(reader: Reader, node: Node, at: str, rules: Arbitration, places: int, what: str) -> None:
    shares, whole = rules.shares(places), "the mail has" if what == "placements" else "the limit is"
    for category, least in shares.items():
        if least > rules.quota(category, places):
            reader.wrong(node.line, f"{at}.at_least.{category}", f"wants {least}, and at_most allows {rules.quota(category, places):g}", "no more than at_most")
    if sum(shares.values()) > places:
        reader.wrong(node.line, f"{at}.at_least", f"wants {sum(shares.values())} {what}, and {whole} {places}", f"fewer, or more {what}")


def _pins(reader: Reader, node: Node, at: str, placements: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for placement, each in reader.mapping(node, at, placements).items():
        offer = reader.one_of(each, f"{at}.{placement}", reader.names.offers, "offer")
        if offer is None:
            continue
        if placement not in reader.names.offered.get(offer, ()):
            reader.wrong(each.line, f"{at}.{placement}", f"{offer} is not for {placement}", f"placements: [{placement}] in the offer")
        if offer in found.values():
            reader.wrong(each.line, f"{at}.{placement}", f"{offer} is pinned twice", "no offer comes twice in a mail")
        found[placement] = offer
    return found
