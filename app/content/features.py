"""Features: a number, text, list or instant worked out of the events, the same online and offline.

Sums are `math.fsum`: exact, so that neither the order of arrival nor the engine shows in the last bit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from math import fsum
from typing import Any
from zoneinfo import ZoneInfo

from app.content.columns import Column, Matches, index_key, last_value
from app.content.matching import kind, reach, walk
from app.content.windows import edges, local_time
from app.domain.conditions import Instant
from app.domain.definitions import Feature
from app.domain.request import Request

Compute = Callable[[Request], Any]
Pairs = Callable[[Request], "tuple[list[int], list[Any]]"]


def numbers(values: list[Any]) -> list[float]:
    """The numbers among them, elements of lists included."""
    found = []
    for value in values:
        if type(value) is float or type(value) is int:
            found.append(value)
        elif type(value) is list:
            found += [each for each in walk(value, ()) if kind(each) == "number"]
    return found


def tidy(total: float) -> float | int:
    """A whole number as an int, so that `sum` of integers reads as one."""
    return int(total) if total.is_integer() and abs(total) < 2**53 else total


def distinct(values: list[Any]) -> int:
    try:
        if not {type(value) for value in values} - {str}:
            return len(set(values))
    except TypeError:
        pass
    return len({key for value in values for each in walk(value, ()) if (key := index_key(each)) is not None})


_AGGREGATES: dict[str, Callable[[list[Any]], Any]] = {
    "sum": lambda values: tidy(fsum(numbers(values))),
    "avg": lambda values: fsum(found) / len(found) if (found := numbers(values)) else None,
    "min": lambda values: min(numbers(values), default=None),
    "max": lambda values: max(numbers(values), default=None),
    "distinct": distinct,
}


def compile_feature(feature: Feature, column: Callable[[], Column] | None, matches: Matches | None, timezone: ZoneInfo) -> Compute:
    """The function that computes a feature of any kind but `expr`.

    `column` gives the property that it reads where there is no `where`; `matches` the events that its `where` keeps.
    """
    window = edges(feature.window, timezone)
    if feature.kind in ("count", "days", "first_at", "last_at", "seconds_since"):
        return _of_instants(feature, matches, window, timezone)
    if matches is None and feature.kind == "last":
        return lambda r: last_value(r, feature.event, feature.path, *window(r))
    pairs = _pairs(feature, column, matches)

    def inside(r: Request) -> list[Any]:
        after, upto = window(r)
        instants, values = pairs(r)
        if not instants or (instants[0] > after and upto is None):
            return values
        return values[bisect_right(instants, after) : None if upto is None else bisect_right(instants, upto)]

    if feature.kind == "first":
        return lambda r: found[0] if (found := inside(r)) else None
    if feature.kind == "last":
        return lambda r: found[-1] if (found := inside(r)) else None
    aggregate = _AGGREGATES[feature.kind]
    return lambda r: aggregate(inside(r))


def _pairs(feature: Feature, column: Callable[[], Column] | None, matches: Matches | None) -> Pairs:
    if matches is None:
        assert column is not None
        return column()
    holds, rows = matches.holds, matches.rows

    def kept(r: Request) -> tuple[list[int], list[Any]]:
        found = [
            (at, value)
            for at, properties in rows.properties(r)
            if holds(properties, r) and (value := reach(properties, feature.path)) is not None
        ]
        return [at for at, _ in found], [value for _, value in found]

    return kept


def _of_instants(feature: Feature, matches: Matches | None, window: Any, timezone: ZoneInfo) -> Compute:
    def instants(r: Request) -> list[int]:
        after, upto = window(r)
        if matches is None:
            ts = r.history.ts
            return [ts[i] for i in r.places(feature.event, after, upto)]
        stream = matches(r)
        return list(stream[max(1, bisect_right(stream, after)) : None if upto is None else bisect_left(stream, upto + 1)])

    def latest(r: Request) -> int | None:
        if matches is None and not window(r)[0] > 0 and window(r)[1] is None:
            return at if (at := r.last(feature.event)) >= 0 else None
        found = instants(r)
        return found[-1] if found else None

    match feature.kind:
        case "count" if matches is None:
            return lambda r: r.tally(feature.event, *window(r))
        case "count":
            return lambda r: len(instants(r))
        case "days":
            return lambda r: len({local_time(at, timezone).date() for at in instants(r)})
        case "first_at":
            return lambda r: Instant(found[0]) if (found := instants(r)) else None
        case "last_at":
            return lambda r: Instant(at) if (at := latest(r)) is not None else None
        case _:
            return lambda r: (r.now - at) / 1000 if (at := latest(r)) is not None else None


def rows_needed(feature: Feature) -> bool:
    """Whether the feature decodes all events of its window."""
    return bool(feature.where) or feature.kind in ("sum", "avg", "min", "max", "distinct", "first")


