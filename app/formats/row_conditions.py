"""Conditions over the columns of a table: which rows are rejected, and which are which event.

A cell that is empty or not there compares with nothing: only `exists: false` holds of it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import re2

from app.domain.literals import parse_number



class Row(Protocol):
    """Cells by their place: a number in a table with columns, a name in an object, which then gives None for any other."""

    def __getitem__(self, place: Any, /) -> Any: ...


Bound: TypeAlias = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class ColumnTest:
    """One operator on one column. `value` is text, a number, true or false, or a list of them (`in`, `not_in`)."""

    column: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Combined:
    """`all`, `any` or `not` of conditions."""

    how: str
    of: tuple[Condition, ...]


Condition: TypeAlias = "ColumnTest | Combined"
GROUPS = ("all", "any", "not")


def bind(condition: Condition, place: Mapping[str, Any]) -> Bound:
    """The condition as a test of rows whose columns stand at these places."""
    if isinstance(condition, ColumnTest):
        holds, at = _holds(condition), place[condition.column]
        return lambda row: holds(row[at])
    tests = [bind(each, place) for each in condition.of]
    match condition.how:
        case "all":
            return lambda row: all(test(row) for test in tests)
        case "any":
            return lambda row: any(test(row) for test in tests)
        case _:
            return lambda row: not any(test(row) for test in tests)


def _holds(test: ColumnTest) -> Callable[[Any], bool]:
    want = test.value
    if test.operator == "exists":
        return lambda cell: (cell is not None and cell != "") == want
    if test.operator == "matches":
        search = re2.compile(str(want)).search
        return lambda cell: _text(cell) != "" and search(_text(cell)) is not None
    if test.operator in ("in", "not_in"):
        equals = [_compared(operator.eq, each) for each in want]
        wanted = test.operator == "in"
        return lambda cell: cell is not None and cell != "" and any(equal(cell) for equal in equals) == wanted
    return _compared(_COMPARE[test.operator], want) if test.operator in _COMPARE else _of_text(_TEXT[test.operator], str(want))


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda have, part: part in have, "not_contains": lambda have, part: part not in have,
    "starts_with": str.startswith, "ends_with": str.endswith,
}
OPERATORS = (*_COMPARE, "in", "not_in", *_TEXT, "matches", "exists")


def _compared(compare: Callable[[Any, Any], bool], want: Any) -> Callable[[Any], bool]:
    """A cell is read as what it is compared with: a number, true or false, or text."""
    read: Callable[[Any], Any] = _boolean if isinstance(want, bool) else _number if isinstance(want, (int, float)) else _text

    def holds(cell: Any) -> bool:
        if cell is None or cell == "":
            return False
        have = read(cell)
        return have is not None and compare(have, want)

    return holds


def _of_text(check: Callable[[str, str], bool], part: str) -> Callable[[Any], bool]:
    return lambda cell: cell is not None and cell != "" and check(_text(cell), part)


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else "" if cell is None else str(cell)


def _number(cell: Any) -> int | float | None:
    if isinstance(cell, str):
        return parse_number(cell.strip())
    return cell if isinstance(cell, (int, float)) and not isinstance(cell, bool) else None


def _boolean(cell: Any) -> bool | None:
    return cell if isinstance(cell, bool) else {"true": True, "false": False}.get(_text(cell).strip().lower())
