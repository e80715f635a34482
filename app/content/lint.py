"""What is allowed and yet probably not meant: warnings about definitions that are otherwise valid."""

from __future__ import annotations

from collections.abc import Iterator

from app.content.limits import counted
from app.domain import conditions as c
from app.domain import definitions as d
from app.errors import Problem

_ALWAYS = frozenset({"count", "sum", "days", "distinct"})
"""Kinds of features that have a value of nothing; the other kinds are missing then."""


def warnings(definitions: d.Definitions) -> list[Problem]:
    """Negations that admit people nothing is known of, placements that no offer is for, and caps that count nothing."""
    found = [problem for key, condition in _conditions(definitions) for problem in _negations(condition, key, frozenset(), definitions)]
    offered = {name for offer in definitions.offers.values() for name in offer.placements}
    for id, placement in definitions.placements.items():
        if id not in offered:
            found.append(_warning(placement.place, f"placements.{id}", "no offer is for it: it always falls back"))
    for id, cap in definitions.caps.items():
        if cap.of and not any(counted(cap, offer) for offer in definitions.offers.values()):
            found.append(_warning(cap.place, f"caps.{id}", "no offer has these attributes: it counts nothing", "of: names what stands in the attributes: of offers"))
    return found


def _conditions(definitions: d.Definitions) -> Iterator[tuple[str, c.Condition]]:
    """Every condition that admits; `suppress` turns away, so an unknown value there admits nobody more."""
    for id, segment in definitions.segments.items():
        yield f"segments.{id}", segment.condition
    for id, offer in definitions.offers.items():
        for name in d.GROUPS[:3]:
            condition = getattr(offer, name)
            if condition is not None:
                yield f"offers.{id}.{name}", condition
        if offer.shown.items is not None and offer.shown.items.filter is not None:
            yield f"offers.{id}.items.filter", offer.shown.items.filter


def _negations(node: c.Condition, key: str, known: frozenset[c.Ref], definitions: d.Definitions) -> Iterator[Problem]:
    match node:
        case c.All(children):
            known |= {child.ref for child in children if isinstance(child, c.Field) and not _of_nothing(child)}
            for child in children:
                yield from _negations(child, key, known, definitions)
        case c.Any(children):
            for child in children:
                yield from _negations(child, key, known, definitions)
        case c.Not(child, place):
            optional = [ref for ref in _optional(child, definitions) if ref not in known]
            if optional and not _of_nothing(child):
                hint = f"add {{field: {optional[0]}, exists: true}} beside it, or use ne or not_in, which want a value"
                yield _warning(place, key, f"also admits those of whom {optional[0]} is not known", hint)
        case _:
            pass


def _optional(node: c.Condition, definitions: d.Definitions) -> Iterator[c.Ref]:
    """The references below that may be missing."""
    for leaf in c.leaves(node):
        if isinstance(leaf, c.Field) and not any(test.operator == "exists" for test in leaf.tests):
            ref = leaf.ref
            feature = definitions.features.get(ref.path[1]) if ref.root == "feature" else None
            if ref.root in ("profile", "context", "item") or (feature is not None and feature.kind not in _ALWAYS):
                yield ref


def _of_nothing(node: c.Condition) -> bool:
    """Whether the condition holds of somebody of whom nothing is known; segments and the clock count as not holding."""
    match node:
        case c.All(children):
            return all(map(_of_nothing, children))
        case c.Any(children):
            return any(map(_of_nothing, children))
        case c.Not(child):
            return not _of_nothing(child)
        case c.Field(_, tests):
            return all(test == c.Test("exists", False) for test in tests)
        case c.Did(negated=negated):
            return negated
        case _:
            return False


def _warning(place: c.Place, key: str, message: str, hint: str = "") -> Problem:
    return Problem(place.file, place.line, key, message, hint, warning=True)
