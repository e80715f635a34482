"""Decision tables: a grid of conditions and of what follows from them, as a marketer keeps it in a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from app.domain.conditions import NOWHERE, Instant, Place, Ref, Scalar

Hit: TypeAlias = Literal["first", "unique", "collect"]
Gathering: TypeAlias = Literal["list", "sum", "min", "max", "count"]
Kind: TypeAlias = Literal["string", "number", "boolean", "instant"]
Value: TypeAlias = "Scalar | Instant"
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Span:
    """The values of one kind from `low` to `high`, either of which may be None: without an end, but not both."""

    kind: Kind
    low: Value | None
    high: Value | None
    low_included: bool = True
    high_included: bool = True

    def holds(self, value: Any) -> bool:
        """Whether a value of the span's kind lies in it."""
        above = self.low is None or value > self.low or (self.low_included and value == self.low)
        return above and (self.high is None or value < self.high or (self.high_included and value == self.high))

    def within(self, other: Span) -> bool:
        """Whether the other holds all that this one does."""
        if self.kind != other.kind:
            return False
        low = other.low is None or (self.low is not None and (_first(self), not self.low_included) >= (_first(other), not other.low_included))
        return low and (other.high is None or (self.high is not None and (_last(self), self.high_included) <= (_last(other), other.high_included)))

    def meets(self, other: Span) -> bool:
        """Whether some value could lie in both."""
        return self.kind == other.kind and not _before(self, other) and not _before(other, self)


def _first(span: Span) -> Any:
    return span.low


def _last(span: Span) -> Any:
    return span.high


def _before(a: Span, b: Span) -> bool:
    """Whether `a` ends before `b` begins."""
    if a.high is None or b.low is None:
        return False
    end, start = _last(a), _first(b)
    return end < start or (end == start and not (a.high_included and b.low_included))


Cell: TypeAlias = "tuple[Span, ...]"
"""The spans of which one has to hold the value; none means that any value fits, also none at all."""


@dataclass(frozen=True, slots=True)
class Input:
    """What a column of conditions is about. `kind` is None where it is not known before a request."""

    ref: Ref
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """A column of results. `kind` is that of one cell; `gather` is how the rows that a `collect` table hits become one value."""

    name: str
    kind: Kind = "string"
    gather: Gathering = "list"


@dataclass(frozen=True, slots=True)
class Row:
    """`cells` in the order of the inputs; `values` has the outputs that the row gives."""

    cells: tuple[Cell, ...]
    values: Mapping[str, Scalar]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Table:
    """`first`: the first row that fits; `unique`: at most one row can; `collect`: all that do."""

    id: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    hit: Hit = "first"
    rows: tuple[Row, ...] = ()
    place: Place = NOWHERE
