"""The language of conditions and expressions, as frozen values.

Every leaf keeps the place (`file:line`) that it was written at, so that a decision can name what removed an offer.
What a leaf means is stated once, in `docs/rules.md`; the compiler and the reference interpreter both follow it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

Scalar: TypeAlias = "str | int | float | bool"
Path: TypeAlias = "tuple[str, ...]"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written: `rules/shop.yaml:31`."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


NOWHERE = Place("", 0)


@dataclass(frozen=True, slots=True)
class Ref:
    """`{field: profile.country}`: a rooted name. `path[0]` is the root: profile feature model context offer item table."""

    path: Path

    @property
    def root(self) -> str:
        return self.path[0]

    def __str__(self) -> str:
        return ".".join(self.path)


Operator: TypeAlias = Literal[
    "eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in", "contains", "not_contains", "starts_with", "ends_with",
    "matches", "exists", "between", "before", "after", "within_km",
]


@dataclass(frozen=True, slots=True)
class Test:
    """An operator with its right-hand side.

    `value` is a scalar or a `Ref` for the comparing operators; a tuple of scalars for `in` and `not_in`; a pair for
    `between` (numbers, strings, or two `Instant`s); an `Instant` for `before` and `after`; a bool for `exists`; the
    pattern's text for `matches` (RE2, unanchored); `(lat, lon, km)` for `within_km`.
    """

    operator: Operator
    value: object

    @property
    def values(self) -> tuple[object, ...]:
        """The right-hand side as a tuple: alone in one where it is none."""
        return cast("tuple[object, ...]", self.value) if isinstance(self.value, tuple) else (self.value,)


class Instant(int):
    """Milliseconds since 1970-01-01T00:00Z. A type of its own, so that an instant never compares with a number."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Where:
    """A test on one property of an event, addressed by its dotted path."""

    path: Path
    test: Test


@dataclass(frozen=True, slots=True)
class Ever:
    """No window: every event up to now."""


@dataclass(frozen=True, slots=True)
class Within:
    """`t - milliseconds < timestamp <= t`."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Since:
    """`timestamp >= instant`, up to now."""

    instant: Instant


@dataclass(frozen=True, slots=True)
class SinceLast:
    """Strictly after the latest `event`; without one nothing counts."""

    event: str


@dataclass(frozen=True, slots=True)
class Between:
    """`start <= timestamp < end`, up to now."""

    start: Instant
    end: Instant


Period: TypeAlias = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Calendar:
    """From the start of the current local day, week (Monday) or month, up to now."""

    unit: Period


Window: TypeAlias = "Ever | Within | Since | SinceLast | Between | Calendar"


@dataclass(frozen=True, slots=True)
class All:
    children: tuple[Condition, ...]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Any:
    children: tuple[Condition, ...]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Not:
    child: Condition
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Field:
    """`{field: profile.country, in: [DE, AT]}`. Several operators in one leaf all have to hold."""

    ref: Ref
    tests: tuple[Test, ...]
    place: Place = NOWHERE

    def roots(self) -> set[str]:
        """Of all that it reads."""
        return {self.ref.root, *(test.value.root for test in self.tests if isinstance(test.value, Ref))}


@dataclass(frozen=True, slots=True)
class Did:
    """`did` and `did_not`. Conditions in `where` that share a list hold of one and the same element of it.

    `count` compares the number of events that match; `did_not` (`negated`) is the exact negation of `did`.
    """

    event: str
    where: tuple[Where, ...] = ()
    window: Window = Ever()
    count: tuple[Test, ...] = (Test("gte", 1),)
    negated: bool = False
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Changed:
    """`{changed: profile.city, within: 24h}`: inside the window the trait took a value other than the one before it."""

    trait: str
    window: Window
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class InSegment:
    segment: str
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Consented:
    purpose: str
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class LocalTime:
    """Minutes of the local day, half-open; `start > end` runs over midnight. `days` are 0 (Monday) to 6; empty: all."""

    start: int
    end: int
    days: frozenset[int]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class InVariant:
    """`{variant: experiment.name}`: the person takes part in the experiment, with this variant."""

    experiment: str
    variant: str
    place: Place = NOWHERE


Leaf: TypeAlias = "Field | Did | Changed | InSegment | Consented | LocalTime | InVariant"
Condition: TypeAlias = "All | Any | Not | Leaf"


def leaves(node: Condition) -> Iterator[Leaf]:
    """The conditions below that are no group, in their order."""
    match node:
        case All(children) | Any(children):
            for child in children:
                yield from leaves(child)
        case Not(child):
            yield from leaves(child)
        case _:
            yield node


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Name:
    ref: Ref


Symbol: TypeAlias = Literal["+", "-", "*", "/"]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    operator: Symbol
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Negative:
    operand: Expression


Function: TypeAlias = Literal["min", "max", "abs", "log", "exp"]


@dataclass(frozen=True, slots=True)
class Call:
    """`min max` take one or more arguments, `abs log exp` one. Division by zero, `log` of no positive number and any
    result that is not finite are missing."""

    function: Function
    arguments: tuple[Expression, ...]


Expression: TypeAlias = "Number | Name | Arithmetic | Negative | Call"
