"""What a value can be, given a comparison: stretches of each kind, and whether it may be missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from app.domain import conditions as c
from app.domain.tables import Kind, Span, Value

Stretches: TypeAlias = "tuple[Span, ...] | None"
"""The stretches of one kind; None where all values of it are possible."""
_KINDS: tuple[Kind, ...] = ("string", "number", "boolean", "instant")
_KIND: dict[type, Kind] = {str: "string", int: "number", float: "number", bool: "boolean", c.Instant: "instant"}
_UNKNOWN = frozenset({"contains", "not_contains", "starts_with", "ends_with", "matches", "within_km", "before", "after"})
"""What also holds of other values than those of a stretch: of lists, of texts that are dates, of objects."""


@dataclass(frozen=True, slots=True)
class Reach:
    """`kinds` maps each kind that is possible to its stretches. `other`: it may be a list or an object."""

    kinds: tuple[tuple[Kind, Stretches], ...]
    missing: bool
    other: bool

    def __bool__(self) -> bool:
        return bool(self.kinds) or self.missing or self.other


ALL = Reach(tuple((kind, None) for kind in _KINDS), missing=True, other=True)
ANYTHING = Reach(ALL.kinds, missing=False, other=True)
MISSING = Reach((), missing=True, other=False)


def reach_of(test: c.Test, *, holds: bool) -> Reach:
    """What a value for which the test holds, or does not, can be."""
    if test.operator == "exists":
        return ANYTHING if bool(test.value) == holds else MISSING
    if test.operator in _UNKNOWN or any(isinstance(each, c.Ref) for each in test.values) or not test.values:
        return ANYTHING if holds else ALL
    found = _compared(test)
    return found if holds else _rest(found)


def _compared(test: c.Test) -> Reach:
    values = cast("tuple[Value, ...]", test.values)
    if isinstance(values[0], c.Instant) and test.operator == "between":
        return ANYTHING
    found: list[tuple[Kind, Stretches]] = []
    for kind in _KINDS:
        of_kind = [value for value in values if _KIND.get(type(value)) == kind]
        spans = _spans(test.operator, kind, of_kind) if of_kind else ()
        if spans:
            found.append((kind, spans))
    return Reach(tuple(found), missing=False, other=False)


def _spans(operator: c.Operator, kind: Kind, values: Sequence[Value]) -> tuple[Span, ...]:
    first, points = values[0], tuple(Span(kind, each, each) for each in values)
    match operator:
        case "ne" | "not_in":
            return _outside(points, kind)
        case "between":
            return (Span(kind, first, values[-1]),)
        case "gt" | "gte":
            return (Span(kind, first, None, operator == "gte"),)
        case "lt" | "lte":
            return (Span(kind, None, first, True, operator == "lte"),)
        case _:
            return points


def _rest(reach: Reach) -> Reach:
    """Everything else."""
    held = dict(reach.kinds)
    kinds: list[tuple[Kind, Stretches]] = []
    for kind in _KINDS:
        if kind not in held:
            kinds.append((kind, None))
        elif (spans := held[kind]) is not None and (outside := _outside(spans, kind)):
            kinds.append((kind, outside))
    return Reach(tuple(kinds), not reach.missing, not reach.other)


def _outside(spans: Sequence[Span], kind: Kind) -> tuple[Span, ...]:
    """What lies in none of the spans."""
    if kind == "boolean":
        return tuple(Span(kind, each, each) for each in (False, True) if not any(span.holds(each) for span in spans))
    left: Stretches = None
    for span in spans:
        sides: list[Span] = []
        if span.low is not None:
            sides.append(Span(kind, None, span.low, True, not span.low_included))
        if span.high is not None:
            sides.append(Span(kind, span.high, None, not span.high_included))
        left = _meeting(left, tuple(sides))
    return left or ()


def shared(a: Reach, b: Reach) -> Reach:
    """What is possible by both."""
    others, kinds = dict(b.kinds), list[tuple[Kind, Stretches]]()
    for kind, spans in a.kinds:
        if kind in others and (both := _meeting(spans, others[kind])) != ():
            kinds.append((kind, both))
    return Reach(tuple(kinds), a.missing and b.missing, a.other and b.other)


def _meeting(a: Stretches, b: Stretches) -> Stretches:
    if a is None or b is None:
        return b if a is None else a
    return tuple(both for one in a for other in b if (both := _overlap(one, other)) is not None)


def _overlap(a: Span, b: Span) -> Span | None:
    if not a.meets(b):
        return None
    low = b if a.low is None or (b.low is not None and (b.low, not b.low_included) > (a.low, not a.low_included)) else a
    high = b if a.high is None or (b.high is not None and (b.high, b.high_included) < (a.high, a.high_included)) else a
    return Span(a.kind, low.low, high.high, low.low_included, high.high_included)
