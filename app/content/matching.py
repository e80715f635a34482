"""What each operator means, as closures: `test(value, request) -> bool`.

Comparisons are false across types and with anything absent, whatever the operator but `exists: false`. Numeric strings
are no numbers, `true` is no 1, and an instant compares with instants alone; `before` and `after` read a text as an ISO date.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, tzinfo
from functools import partial
from math import asin, cos, radians, sin, sqrt
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

import re2

from app.domain.conditions import Instant, Path, Ref, Test, Where
from app.domain.json import is_list, is_object
from app.domain.literals import parse_instant
from app.domain.request import Request

type_of = type
Check = Callable[[Any, Request], bool]
Sift = Callable[[list[Any], Request], list[int]]
Resolve = Callable[[Ref], Callable[[Request], Any]]

_ORDER = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
_ORDERED: dict[str, Callable[[list[Any], Any], list[int]]] = {
    "gt": lambda values, right: [i for i, value in enumerate(values) if value > right],
    "gte": lambda values, right: [i for i, value in enumerate(values) if value >= right],
    "lt": lambda values, right: [i for i, value in enumerate(values) if value < right],
    "lte": lambda values, right: [i for i, value in enumerate(values) if value <= right],
}
_NUMBERS: frozenset[Any] = frozenset({int, float})
_EARTH_KM = 6371.0088  # mean radius, IUGG


def kind(value: Any) -> str | None:
    """`string number boolean instant`, or None for what does not compare."""
    return _KINDS.get(type_of(value))


_KINDS: dict[Any, str] = {str: "string", int: "number", float: "number", bool: "boolean", Instant: "instant"}


def compare(name: str, left: Any, right: Any) -> bool:
    """`eq ne gt gte lt lte` of two values, false across kinds."""
    family = kind(left)
    if family is None:
        return False
    if family != kind(right):
        return False
    if name == "eq":
        return left == right
    if name == "ne":
        return left != right
    return family != "boolean" and _ORDER[name](left, right)


def same(left: Any, right: Any) -> bool:
    """`eq` of two values that Python already finds equal: they must also be of one kind."""
    return kind(left) is not None and kind(left) == kind(right)


def is_listing(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))


def member(value: Any, choices: Any) -> bool:
    return is_listing(choices) and any(compare("eq", value, choice) for choice in choices)


def not_member(value: Any, choices: Any) -> bool:
    family = kind(value)
    if family is None or not is_listing(choices):
        return False
    return any(kind(choice) == family for choice in choices) and not member(value, choices)


def contains(value: Any, part: Any) -> bool:
    if isinstance(value, str):
        return isinstance(part, str) and part in value
    return is_listing(value) and member(part, value)


def lacks(value: Any, part: Any) -> bool:
    if isinstance(value, str):
        return isinstance(part, str) and part not in value
    return is_listing(value) and kind(part) is not None and not member(part, value)


def between(value: Any, ends: Any) -> bool:
    """Both ends included."""
    return compare("gte", value, ends[0]) and compare("lte", value, ends[1])


def instant_of(value: Any, timezone: tzinfo = UTC) -> Instant | None:
    """An instant from itself or from ISO 8601 text (a date is its local midnight, UTC where no timezone is given)."""
    if type(value) is Instant:
        return value
    found = parse_instant(value, timezone)
    return None if found is None else Instant(found)


def kilometres(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance by the haversine formula."""
    a, b = radians(lat1), radians(lat2)
    half = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_KM * asin(min(1.0, sqrt(half)))


def within_km(value: Any, circle: Any) -> bool:
    if not is_object(value):
        return False
    lat: Any = value.get("lat", value.get("latitude"))
    lon: Any = value.get("lon", value.get("lng", value.get("longitude")))
    if type(lat) not in _NUMBERS or type(lon) not in _NUMBERS:
        return False
    return kilometres(lat, lon, circle[0], circle[1]) <= circle[2]


_PLAIN: dict[str, Callable[[Any, Any], bool]] = {
    "in": member, "not_in": not_member, "contains": contains, "not_contains": lacks, "between": between,
    "within_km": within_km,
    "starts_with": lambda value, part: isinstance(value, str) and isinstance(part, str) and value.startswith(part),
    "ends_with": lambda value, part: isinstance(value, str) and isinstance(part, str) and value.endswith(part),
    "exists": lambda value, wanted: (value is not None) == wanted,
}


def operate(name: str, left: Any, right: Any) -> bool:
    """An operator whose both sides are known only at the request."""
    plain = _PLAIN.get(name)
    return plain(left, right) if plain is not None else compare(name, left, right)


def compile_test(test: Test, resolve: Resolve, timezone: ZoneInfo) -> Check:
    """One operator with its right-hand side, which may be a reference that is looked up at the request."""
    name = test.operator
    right: Any = test.value
    if name == "matches":
        search = re2.compile(str(right)).search
        return lambda value, r: type_of(value) is str and search(value) is not None
    if name in ("before", "after"):
        order = operator.lt if name == "before" else operator.gt
        return _instant_check(order, right, resolve, timezone)
    if name == "eq" and type_of(right) is str:
        return lambda value, r: value == right
    if name in _ORDER and type_of(right) in _NUMBERS:
        order = _ORDER[name]
        return lambda value, r: type_of(value) in _NUMBERS and order(value, right)
    if name == "between" and type_of(test.values[0]) is Instant:
        low, high = right
        return lambda value, r: (at := instant_of(value, timezone)) is not None and low <= at <= high
    plain = _PLAIN.get(name)
    check: Callable[[Any, Any], bool] = plain if plain is not None else partial(compare, name)
    if isinstance(right, Ref):
        get = resolve(right)
        return lambda value, r: check(value, get(r))
    return lambda value, r: check(value, right)


def _instant_check(order: Callable[[Any, Any], bool], right: Any, resolve: Resolve, timezone: ZoneInfo) -> Check:
    def given(r: Request) -> Any:
        return right

    get = resolve(right) if isinstance(right, Ref) else given

    def check(value: Any, r: Request) -> bool:
        left, other = instant_of(value, timezone), instant_of(get(r), timezone)
        return left is not None and other is not None and order(left, other)

    return check


_WHOLE_LIST = frozenset({"contains", "not_contains", "exists"})


def compile_where(wheres: Iterable[Where], resolve: Resolve, timezone: ZoneInfo) -> Callable[[Any, Request], bool]:
    """A test of an event's properties. Conditions that share a list hold of one and the same element of it."""
    return _node([(where.path, where.test.operator, compile_test(where.test, resolve, timezone)) for where in wheres])


def compile_columns(wheres: Iterable[Where], resolve: Resolve, timezone: ZoneInfo) -> list[tuple[str, Sift]]:
    """The same test taken apart: (property, the numbers of the values that its test keeps)."""
    heads: dict[str, list[Where]] = {}
    for where in wheres:
        heads.setdefault(where.path[0], []).append(where)
    return [(head, _sift(each, resolve, timezone)) for head, each in heads.items()]


def _sift(wheres: list[Where], resolve: Resolve, timezone: ZoneInfo) -> Sift:
    holds = _node([(where.path[1:], where.test.operator, compile_test(where.test, resolve, timezone)) for where in wheres])
    path, test = wheres[0].path, wheres[0].test
    if len(wheres) == 1 and len(path) == 1 and test.operator in _ORDER and type_of(test.value) in _NUMBERS:
        order, ordered = _ORDER[test.operator], _ORDERED[test.operator]
        right: Any = test.value
        return lambda values, r: ordered(values, right) if _NUMBERS.issuperset(map(type_of, values)) else [
            i for i, value in enumerate(values)
            if (order(value, right) if type_of(value) in _NUMBERS else type_of(value) is list and holds(value, r))
        ]
    return lambda values, r: [i for i, value in enumerate(values) if holds(value, r)]


def _node(tests: list[tuple[Path, str, Check]]) -> Callable[[Any, Request], bool]:
    here = [(name, check) for path, name, check in tests if not path]
    below: dict[str, list[tuple[Path, str, Check]]] = {}
    for path, name, check in tests:
        if path:
            below.setdefault(path[0], []).append((path[1:], name, check))
    nodes = [(key, _node(rest)) for key, rest in below.items()]
    whole = [check for name, check in here if name in _WHOLE_LIST]
    single = [check for name, check in here if name not in _WHOLE_LIST]
    if len(single) == 1 and not whole and not nodes:
        only = single[0]
        return lambda value, r: any(only(each, r) for each in value) if is_list(value) else only(value, r)

    def element(value: Any, r: Request) -> bool:
        if not all(check(value, r) for check in single):
            return False
        if not nodes:
            return True
        inside: dict[str, Any] = value if is_object(value) else {}
        return all(node(inside.get(key), r) for key, node in nodes)

    def holds(value: Any, r: Request) -> bool:
        if not is_list(value):
            return all(check(value, r) for check in whole) and element(value, r)
        if not all(check(value, r) for check in whole):
            return False
        if not single and not nodes:
            return True
        return any(element(each, r) for each in value)

    return holds


def walk(value: Any, path: Path) -> list[Any]:
    """Every value that a dotted path reaches, through lists; absent ones are passed over."""
    found = [value]
    for key in path:
        found = [inner[key] for outer in found for inner in (outer if isinstance(outer, list) else (outer,))
                 if isinstance(inner, dict) and inner.get(key) is not None]
    return [inner for outer in found for inner in (outer if isinstance(outer, list) else (outer,)) if inner is not None]


def reach(value: Any, path: Path) -> Any:
    """The value at a path without lists, None where there is none; over a list path the list of values."""
    for i, key in enumerate(path):
        if isinstance(value, list):
            return walk(value, path[i:]) or None
        if not is_object(value):
            return None
        value = value.get(key)
    return value
