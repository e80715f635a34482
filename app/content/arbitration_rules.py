"""`arbitration:` of a mail, from nodes to its definition."""

from __future__ import annotations

from app.content.reader import Reader
from app.content.source import Node
from app.domain.arbitration import Arbitration

KEYS = ("by", "at_most", "at_least", "pins", "diversity", "alike", "not_again")
MOST_SENDS = 100


def arbitration(reader: Reader, node: Node, at: str, placements: tuple[str, ...]) -> Arbitration:
    """How the placements of a mail are chosen together; checked against its placements and the attributes of offers."""
    found = reader.mapping(node, at, KEYS)
    by = _attribute(reader, found["by"], f"{at}.by") if "by" in found else "category"
    counts = {key: _counts(reader, found[key], f"{at}.{key}") if key in found else {} for key in ("at_most", "at_least")}
    if counts["at_most"] or counts["at_least"]:
        _counted(reader, node, at, by, counts, len(placements))
    alike = tuple(_attribute(reader, each, here) for here, each in reader.items(found["alike"], f"{at}.alike")) if "alike" in found else ()
    diversity = reader.number(found["diversity"], f"{at}.diversity") if "diversity" in found else 0.0
    if not 0 <= diversity <= 1:
        reader.wrong(found["diversity"].line, f"{at}.diversity", f"is {diversity:g}", "from 0, by rank alone, to 1")
    if diversity and not alike and by not in reader.names.attributes:
        reader.wrong(found["diversity"].line, f"{at}.diversity", f"compares offers by {by}, which none has", "alike: [...] names attributes of offers")
    not_again = reader.whole(found["not_again"], f"{at}.not_again", 1, MOST_SENDS, 1) if "not_again" in found else 0
    pins = _pins(reader, found["pins"], f"{at}.pins", placements) if "pins" in found else {}
    return Arbitration(by, counts["at_most"], counts["at_least"], pins, diversity, alike or (by,), not_again, reader.place(node))


def _attribute(reader: Reader, node: Node, at: str) -> str:
    return reader.one_of(node, at, sorted(reader.names.attributes), "attribute of an offer") or ""


def _counts(reader: Reader, node: Node, at: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for category, each in reader.mapping(node, at).items():
        value = reader.number(each, f"{at}.{category}")
        if value < 0 or (value > 1 and value != int(value)):
            reader.wrong(each.line, f"{at}.{category}", f"is {value:g}", "a number of placements, or below 1 a share of them")
            value = 0.0
        found[category] = value
    return found


def _counted(reader: Reader, node: Node, at: str, by: str, counts: dict[str, dict[str, float]], placements: int) -> None:
    if by not in reader.names.attributes:
        reader.wrong(node.line, f"{at}.by", f"no offer has the attribute {by}", f"attributes: {{{by}: shoes}} in offers, or by: another one")
    rules = Arbitration(by, counts["at_most"], counts["at_least"])
    shares = rules.shares(placements)
    for category, least in shares.items():
        if least > rules.quota(category, placements):
            reader.wrong(node.line, f"{at}.at_least.{category}", f"wants {least}, and at_most allows {rules.quota(category, placements):g}", "no more than at_most")
    if sum(shares.values()) > placements:
        reader.wrong(node.line, f"{at}.at_least", f"wants {sum(shares.values())} placements, and the mail has {placements}", "fewer, or more placements")


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
