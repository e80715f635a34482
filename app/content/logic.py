"""What follows from conditions without looking at anybody: that some can never hold together, that one implies another.

A condition is turned into literals under `all` and `any`. Two literals clash where no person at no instant satisfies both:
a field that would have to lie in two sets apart, an event that would have to have happened and not, two variants of one
experiment. Whatever cannot be told is taken as possible, so what is said to be impossible is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from app.content.ranges import ALL, Reach, reach_of, shared
from app.domain import conditions as c
from app.domain.definitions import Segment

MOST = 4_000
"""Literals that are put beside others for one question; beyond, everything is taken as possible."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A leaf that has to hold, or not to hold."""

    leaf: c.Leaf
    holds: bool

    @property
    def place(self) -> c.Place:
        return self.leaf.place


@dataclass(frozen=True, slots=True)
class Both:
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple[Part, ...]


Part: TypeAlias = "Literal | Both | Either"
Clash: TypeAlias = "tuple[Literal, Literal]"


def part(node: c.Condition, *, holds: bool = True) -> Part:
    """A condition that has to hold, or not to, as literals."""
    match node:
        case c.All(children) | c.Any(children):
            parts = tuple(part(child, holds=holds) for child in children)
            return Both(parts) if isinstance(node, c.All) == holds else Either(parts)
        case c.Not(child):
            return part(child, holds=not holds)
        case c.Field(ref, tests) if len(tests) > 1:
            return part(c.All(tuple(c.Field(ref, (test,), node.place) for test in tests)), holds=holds)
        case c.Did(negated=True):
            return part(replace(node, negated=False), holds=not holds)
        case c.Did(count=count) if len(count) > 1:
            return part(c.All(tuple(replace(node, count=(test,)) for test in count)), holds=holds)
        case _:
            return Literal(node, holds)


class Logic:
    """Questions about the conditions of one version of the rules. `domains` are what a reference can be at all."""

    def __init__(self, segments: Mapping[str, Segment], domains: Mapping[c.Ref, Reach]) -> None:
        self._segments = segments
        self._domains = domains
        self._steps = 0

    def clash(self, parts: Iterable[Part]) -> Clash | None:
        """Two literals, of all that have to hold, that never do so together; None where that cannot be said."""
        self._steps = 0
        return self._clash((), list(parts))

    def implies(self, known: Iterable[Part], wanted: Part) -> bool:
        """Whether everybody for whom `known` holds is one for whom `wanted` does."""
        return wanted == Both(()) or self.clash((*known, inverse(wanted))) is not None

    def _clash(self, held: tuple[Literal, ...], parts: Sequence[Part]) -> Clash | None:
        literals, choices = list(held), list[Either]()
        todo = list(reversed(parts))
        while todo:
            each = todo.pop()
            match each:
                case Both(inner):
                    todo += reversed(inner)
                case Either():
                    choices.append(each)
                case Literal():
                    if found := self._against(each, literals):
                        return found
                    literals.append(each)
                    if each.holds and isinstance(each.leaf, c.InSegment) and each.leaf.segment in self._segments:
                        todo.append(part(self._segments[each.leaf.segment].condition))
        for choice in choices:
            found = [self._clash(tuple(literals), (branch,)) for branch in choice.parts]
            if found and all(found):
                return found[0]
        return None

    def _against(self, literal: Literal, others: Sequence[Literal]) -> Clash | None:
        self._steps += len(others) + 1
        if self._steps > MOST:
            return None
        clashing = next((other for other in others if _opposed(literal, other)), None)
        if clashing is not None:
            return clashing, literal
        leaf = literal.leaf
        if isinstance(leaf, c.Field):
            return self._out_of_reach(leaf, literal, others)
        return None

    def _out_of_reach(self, leaf: c.Field, literal: Literal, others: Sequence[Literal]) -> Clash | None:
        """Whether nothing is left that the field could be."""
        beside = [other for other in others if isinstance(other.leaf, c.Field) and other.leaf.ref == leaf.ref]
        left = shared(self._domains.get(leaf.ref, ALL), reach_of(leaf.tests[0], holds=literal.holds))
        if not left:
            return literal, literal
        for other in beside:
            assert isinstance(other.leaf, c.Field)
            left = shared(left, reach_of(other.leaf.tests[0], holds=other.holds))
            if not left:
                return other, literal
        return None


def inverse(node: Part) -> Part:
    """What holds exactly where the part does not."""
    match node:
        case Literal(leaf, holds):
            return Literal(leaf, not holds)
        case Both(parts):
            return Either(tuple(map(inverse, parts)))
        case Either(parts):
            return Both(tuple(map(inverse, parts)))


def subjects(node: Part) -> Iterator[object]:
    """What the literals that have to hold in any case are about; what is implied must have the same among its own."""
    match node:
        case Literal(leaf):
            yield _subject(leaf)
        case Both(parts):
            for each in parts:
                yield from subjects(each)
        case Either():
            pass


def _subject(leaf: c.Leaf) -> object:
    match leaf:
        case c.Field(ref):
            return ref
        case c.Did(event):
            return "did", event
        case c.InVariant(experiment):
            return "variant", experiment
        case c.LocalTime():
            return "local_time"
        case c.InSegment(segment):
            return "segment", segment
        case c.Consented(purpose):
            return "consent", purpose
        case c.Changed(trait):
            return "changed", trait


def _opposed(a: Literal, b: Literal) -> bool:
    """Whether two literals, fields aside, can never both be as wanted."""
    if a.holds != b.holds and replace(a.leaf, place=c.NOWHERE) == replace(b.leaf, place=c.NOWHERE):
        return True
    match a.leaf, b.leaf:
        case c.Did() as one, c.Did() as other:
            return _too_many(one, a.holds, other, b.holds) or _too_many(other, b.holds, one, a.holds)
        case c.InVariant() as one, c.InVariant() as other:
            return a.holds and b.holds and one.experiment == other.experiment and one.variant != other.variant
        case c.LocalTime() as one, c.LocalTime() as other:
            return a.holds and b.holds and not _minutes(one) & _minutes(other)
        case _:
            return False


def _too_many(few: c.Did, few_hold: bool, many: c.Did, many_hold: bool) -> bool:
    """Whether more of the events of `few` are asked for than may be among those of `many`, which hold all of them."""
    if few.event != many.event or not set(map(repr, many.where)) <= set(map(repr, few.where)) or not _inside(few.window, many.window):
        return False
    least, most = _bounds(few.count[0], few_hold)[0], _bounds(many.count[0], many_hold)[1]
    return least > most


def _bounds(test: c.Test, holds: bool) -> tuple[float, float]:
    """(least, most) number of events that the test of a count allows."""
    first, *more = test.values
    if not isinstance(first, (int, float)):
        return 0, float("inf")
    match test.operator, holds:
        case ("gte", True) | ("lt", False):
            return first, float("inf")
        case ("gt", True) | ("lte", False):
            return first + 1, float("inf")
        case ("lte", True) | ("gt", False):
            return 0, first
        case ("lt", True) | ("gte", False):
            return 0, first - 1
        case ("eq", True) | ("ne", False):
            return first, first
        case "between", True:
            last = more[0]
            return first, last if isinstance(last, (int, float)) else float("inf")
        case _:
            return 0, float("inf")


_LONGER = {"day": ("day", "week", "month"), "week": ("week",), "month": ("month",)}


def _inside(inner: c.Window, outer: c.Window) -> bool:
    """Whether an event in the one window is in the other too, at any instant."""
    match inner, outer:
        case _, c.Ever():
            return True
        case c.Within(shorter), c.Within(longer):
            return shorter <= longer
        case c.Since(later), c.Since(earlier):
            return later >= earlier
        case c.Between(start), c.Since(earlier):
            return start >= earlier
        case c.Between(start, end), c.Between(first, last):
            return start >= first and end <= last
        case c.Calendar(short), c.Calendar(long):
            return long in _LONGER[short]
        case _:
            return inner == outer


def _minutes(clock: c.LocalTime) -> int:
    """The minutes of the week at which the leaf holds, a bit each."""
    found = 0
    for day in clock.days or range(7):
        begins = day * 1440
        if clock.start <= clock.end:
            found |= _run(begins + clock.start, clock.end - clock.start)
        else:
            found |= _run(begins + clock.start, 1440 - clock.start) | _run((begins + 1440) % 10_080, clock.end)
    return found


def _run(start: int, length: int) -> int:
    return ((1 << length) - 1) << start
