"""`alternatives:` of placements and offers: another ranking, another choice of offers, another block, where a condition holds.

That is how an experiment tries a ranking, a model, a whole policy or a variant of a block: the condition names the variant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.content.leaves import ROOTS, condition
from app.content.reader import Reader
from app.content.source import Node
from app.domain import conditions as c
from app.domain import definitions as d
from app.domain.request import Request

if TYPE_CHECKING:
    from app.content.program import Program

POLICY_KEYS = ("when", "rank", "offers", "description")
GUISE_KEYS = ("when", "block", "vars", "items", "description")
Rank = Callable[..., float | None]
Shown = Callable[[Reader, dict[str, Node], Node, str], d.Shown]


def policies(reader: Reader, found: Mapping[str, Node], at: str) -> tuple[d.Policy, ...]:
    """Those of a placement, the first that holds is taken."""
    if "alternatives" not in found:
        return ()
    return tuple([_policy(reader, node, here) for here, node in reader.items(found["alternatives"], f"{at}.alternatives")])


def _policy(reader: Reader, node: Node, at: str) -> d.Policy:
    found = reader.mapping(node, at, POLICY_KEYS, ("when",))
    if not {"rank", "offers"} & found.keys():
        reader.wrong(node.line, at, "changes nothing", "rank: another order, offers: the only ones that may be shown, or both")
    return d.Policy(
        condition(reader, found["when"], f"{at}.when") if "when" in found else c.Any(()),
        reader.expression(found["rank"], f"{at}.rank", (*ROOTS, "offer")) if "rank" in found else None,
        reader.names_list(found["offers"], f"{at}.offers", reader.names.offers, "offer") if "offers" in found else None, reader.place(node),
    )


def guises(reader: Reader, found: dict[str, Node], at: str, shown: Shown) -> tuple[d.Guise, ...]:
    """Those of an offer, the first that holds is taken; what one leaves out is the offer's own."""
    if "alternatives" not in found:
        return ()
    return tuple([_guise(reader, found, node, here, shown) for here, node in reader.items(found["alternatives"], f"{at}.alternatives")])


def _guise(reader: Reader, offer: dict[str, Node], node: Node, at: str, shown: Shown) -> d.Guise:
    found = reader.mapping(node, at, GUISE_KEYS, ("when",))
    if not {"block", "vars", "items"} & found.keys():
        reader.wrong(node.line, at, "changes nothing", "block: another one, vars: or items: others, or several of them")
    own = {key: each for key, each in found.items() if key in ("block", "vars", "items")}
    merged = {key: each for key, each in offer.items() if key != "vars" or "block" not in own} | own
    if "vars" in own and "block" not in own and "vars" in offer:
        merged["vars"] = _over(offer["vars"], own["vars"])
    return d.Guise(condition(reader, found["when"], f"{at}.when") if "when" in found else c.Any(()), shown(reader, merged, node, at))


def _over(usual: Node, other: Node) -> Node:
    """A mapping laid over another."""
    if not isinstance(usual.value, dict) or not isinstance(other.value, dict):
        return other
    return Node({**usual.value, **other.value}, other.line, {**usual.keys, **other.keys})


def barring(placement: d.Placement, offer: str) -> Iterator[c.Condition]:
    """When an offer is kept out of the placement: where an alternative holds that does not name it, and none before that does."""
    before: list[c.Condition] = []
    for each in placement.alternatives:
        if each.offers is not None and offer not in each.offers:
            yield c.All((each.when, *[c.Not(other, each.place) for other in before])) if before else each.when
        before.append(each.when)


def ranking(program: Program, placement: d.Placement, usual: Rank) -> Rank | None:
    """How offers score where alternatives have a say in it; None where none has."""
    if not any(each.rank is not None for each in placement.alternatives):
        return None
    others: Sequence[tuple[Callable[[Request], bool], Rank]] = [
        (program.condition(each.when), usual if each.rank is None else program.expression(each.rank)) for each in placement.alternatives
    ]
    key = ("ranking", placement.id)

    def score(r: Request, offer: Mapping[str, Any]) -> float | None:
        rank = r.memo.get(key)
        if rank is None:
            rank = r.memo[key] = next((rank for when, rank in others if when(r)), usual)
        return rank(r, offer)

    return score
