"""Values that grow with time alone: `seconds_since`, and the expressions made of it.

Over `[now, now + d]` such a value lies between two numbers. Where a comparison holds, or does not, with both ends of what
its sides lie between, it does so all the while: from that follows how long an answer is certain to stay.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

from app.content.matching import is_listing, operate
from app.content.program import Program
from app.content.reader import names_in
from app.content.writer import NUMBER
from app.domain import conditions as c
from app.domain.definitions import Definitions
from app.domain.request import Request

Range: TypeAlias = "tuple[float, float]"
Over: TypeAlias = "Callable[[Request, int], Any]"
"""`over(r, d)`: a `Range` where it is a number, else what it is from `r.now` to `r.now + d` all the while."""
Held: TypeAlias = "Callable[[Request, int], bool]"
"""`held(r, d)`: whether an answer stays from `r.now` to `r.now + d`. `Unsure` where that cannot be told."""
LONGEST = 400 * 86_400_000


class Unsure(Exception):
    """The value, or the answer, may be one or another in the meantime."""


class Unforeseen(Exception):
    """Nothing can be told of the future of a value."""


def longest(held: Held, r: Request, most: int) -> int:
    """The greatest number of ms, `most` (exclusive) and 400 days at most, for which the answer is certain to stay.
    `Unforeseen` where it is not even certain now."""
    low, high = 0, min(most - 1, LONGEST)
    if held(r, high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if held(r, middle) else (low, middle)
    if not low and not held(r, 0):
        raise Unforeseen
    return low


def inputs_of(definitions: Definitions, ref: c.Ref) -> list[c.Ref]:
    """What a model's score, or the row of a table, is worked out of."""
    if ref.root == "table":
        return [each.ref for each in definitions.tables[ref.path[1]].inputs]
    card = definitions.models.get(ref.path[1])
    return [] if card is None else [column.name for column in card.inputs]


class Drifts:
    """What drifts in one version of the rules."""

    def __init__(self, program: Program) -> None:
        self._definitions = program.definitions
        self._resolver = program.writer.resolver
        self._drifting: dict[str, bool] = {}

    def drifts(self, ref: c.Ref) -> bool:
        """Whether the value grows while nothing happens."""
        definitions, id = self._definitions, ref.path[1]
        if ref.root in ("model", "table"):
            return any(map(self.drifts, inputs_of(definitions, ref)))
        if ref.root != "feature":
            return False
        if id not in self._drifting:
            feature = definitions.features[id]
            expression = feature.expression
            self._drifting[id] = feature.kind == "seconds_since" or (expression is not None and any(map(self.drifts, names_in(expression))))
        return self._drifting[id]

    def held(self, ref: c.Ref, tests: Sequence[c.Test]) -> Held:
        """Of the tests of one field."""
        left = self._over(ref)
        rights = [(test.operator, self._right(test.value)) for test in tests]

        def held(r: Request, d: int) -> bool:
            try:
                value = left(r, d)
                return all(_same_answer(operator, value, right(r, d)) for operator, right in rights)
            except Unsure:
                return False

        return held

    def _right(self, value: object) -> Over:
        return self._over(value) if isinstance(value, c.Ref) else lambda r, d: _range(value)

    def _over(self, ref: c.Ref) -> Over:
        if not self.drifts(ref):
            resolve = self._resolver(ref)
            return lambda r, d: _range(resolve(r))
        if ref.root in ("model", "table"):
            return _unforeseen
        feature = self._definitions.features[ref.path[1]]
        if feature.expression is not None:
            return self._expression(feature.expression)
        resolve = self._resolver(ref)

        def growing(r: Request, d: int) -> Any:
            value = resolve(r)
            if value is None:
                return None
            at = r.now - round(value * 1000)
            return (r.now - at) / 1000, (r.now + d - at) / 1000

        return growing

    def _expression(self, node: c.Expression) -> Over:
        over = self._inside(node)

        def value(r: Request, d: int) -> Any:
            low, high = over(r, d) or (math.nan, math.nan)
            if math.isfinite(low) and math.isfinite(high):
                return low, high
            if math.isfinite(low) or math.isfinite(high):
                raise Unsure
            return None

        return value

    def _inside(self, node: c.Expression) -> Callable[[Request, int], Range | None]:
        match node:
            case c.Number(value):
                return lambda r, d: (value, value)
            case c.Name(ref):
                over = self._over(ref)
                return lambda r, d: found if _is_range(found := over(r, d)) else None
            case c.Negative(operand):
                inner = self._inside(operand)
                return lambda r, d: None if (found := inner(r, d)) is None else (-found[1], -found[0])
            case c.Arithmetic(symbol, left, right):
                return _both(_ARITHMETIC[symbol], self._inside(left), self._inside(right))
            case c.Call(function, arguments):
                first, *more = map(self._inside, arguments)
                if function in _SINGLE:
                    single = _SINGLE[function]
                    return lambda r, d: None if (found := first(r, d)) is None else single(*found)
                for each in more:
                    first = _both(_least if function == "min" else _most, first, each)
                return first


def _unforeseen(r: Request, d: int) -> Any:
    raise Unforeseen


def _range(value: object) -> Any:
    """A number as what lies between it and itself."""
    return (value, value) if type(value) in NUMBER else value


def _is_range(value: Any) -> TypeGuard[Range]:
    return isinstance(value, tuple)


def _same_answer(operator: str, left: Any, right: Any) -> bool:
    """Whether a test answers the same wherever in their ranges both sides are. `right` of `in` and `between` is fixed."""
    if operator in ("in", "not_in", "between"):
        return not _is_range(left) or not is_listing(right) or _same_among(operator, left, right)
    if not _is_range(left):
        return not _is_range(right) or _of_ends(operator, (left, left), right)
    if operator in ("gt", "gte", "lt", "lte"):
        return _of_ends(operator, left, right if _is_range(right) else (right, right))
    if operator in ("eq", "ne"):
        return not _is_range(right) or left[0] == left[1] == right[0] == right[1] or left[1] < right[0] or right[1] < left[0]
    return left[0] == left[1] or not _is_range(right)


def _same_among(operator: str, left: Range, right: Sequence[Any]) -> bool:
    if operator == "between":
        return _same_answer("gte", left, _range(right[0])) and _same_answer("gt", left, _range(right[1]))
    return all(_same_answer("eq", left, _range(each)) for each in right)


def _of_ends(operator: str, left: tuple[Any, Any], right: tuple[Any, Any]) -> bool:
    return operate(operator, left[0], right[1]) == operate(operator, left[1], right[0])


Combine: TypeAlias = "Callable[[Range, Range], Range | None]"


def _both(combine: Combine, left: Callable[[Request, int], Range | None], right: Callable[[Request, int], Range | None]) -> Callable[[Request, int], Range | None]:
    """Missing where one of them is."""

    def both(r: Request, d: int) -> Range | None:
        a, b = left(r, d), right(r, d)
        return None if a is None or b is None else combine(a, b)

    return both


def _sum(a: Range, b: Range) -> Range:
    return a[0] + b[0], a[1] + b[1]


def _difference(a: Range, b: Range) -> Range:
    return a[0] - b[1], a[1] - b[0]


def _product(a: Range, b: Range) -> Range:
    found = [x * y for x in a for y in b]
    if any(map(math.isnan, found)):
        raise Unsure
    return min(found), max(found)


def _quotient(a: Range, b: Range) -> Range | None:
    if b[0] == b[1] == 0:
        return None
    if b[0] <= 0 <= b[1]:
        raise Unsure
    found = [x / y for x in a for y in b]
    return min(found), max(found)


def _least(a: Range, b: Range) -> Range:
    return min(a[0], b[0]), min(a[1], b[1])


def _most(a: Range, b: Range) -> Range:
    return max(a[0], b[0]), max(a[1], b[1])


def _abs(low: float, high: float) -> Range:
    return (0.0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))


def _log(low: float, high: float) -> Range | None:
    if high <= 0:
        return None
    if low <= 0:
        raise Unsure
    return math.log(low), math.log(high)


def _exp(low: float, high: float) -> Range | None:
    try:
        first = math.exp(low)
    except OverflowError:
        return None
    try:
        return first, math.exp(high)
    except OverflowError:
        raise Unsure from None


_ARITHMETIC: Mapping[str, Combine] = {"+": _sum, "-": _difference, "*": _product, "/": _quotient}
_SINGLE: Mapping[str, Callable[[float, float], Range | None]] = {"abs": _abs, "log": _log, "exp": _exp}
