"""Features: a number, text, list or instant worked out of the events, the same online and offline.

Sums are `math.fsum`: exact, so that neither the order of arrival nor the engine shows in the last bit.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from math import fsum
from typing import Any
from zoneinfo import ZoneInfo

from app.content.columns import Column, Stream, index_key, last_value, tally
from app.content.matching import kind, walk
from app.content.windows import CLOCK, Edges, edges, local_days, offsets_of, span
from app.content.writer import Writer
from app.domain.conditions import Ever, Instant, Within
from app.domain.definitions import Feature
from app.domain.request import Request

Compute = Callable[[Request], Any]
NUMBER = frozenset({int, float})
_TEXT = frozenset({str})
Pairs = Callable[[Request], "tuple[list[int], list[Any]]"]


def numbers(values: list[Any]) -> list[float]:
    """The numbers among them, elements of lists included."""
    if NUMBER.issuperset(map(type, values)):
        return values
    found: list[float] = []
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
    if _TEXT.issuperset(map(type, values)):
        return len(set(values))
    return len({key for value in values for each in walk(value, ()) if (key := index_key(each)) is not None})


_COMBINE: dict[str, Callable[[list[Any]], Any]] = {
    "sum": lambda values: tidy(fsum(numbers(values))),
    "avg": lambda values: fsum(found) / len(found) if (found := numbers(values)) else None,
    "min": lambda values: min(numbers(values), default=None),
    "max": lambda values: max(numbers(values), default=None),
    "distinct": distinct,
    "first": lambda values: values[0] if values else None,
    "last": lambda values: values[-1] if values else None,
}
AGGREGATES = frozenset(_COMBINE)
"""Kinds that read a property."""
DECODING = AGGREGATES - {"last"}
"""Kinds that read it of every event of the window, even without a `where`."""


def written(feature: Feature, writer: Writer) -> list[str]:
    """Source that sets `value` to what a feature of any kind but `expr` is for the request `r`.

    What is asked for most, over a window that ends now, is written out; the rest is called."""
    call = writer.constant
    ends_now = isinstance(feature.window, Within | Ever)
    after = f"r.now - {feature.window.milliseconds}" if isinstance(feature.window, Within) else "-1"
    if feature.kind == "count" and not feature.where and ends_now and not outlives_trimming(feature):
        return [
            "history, stop = r.history, r.count",
            f"number = history.names.types.get({call(feature.event)}, 255)",
            f"start = bisect_right(history.ts, {after}, 0, stop)",
            f"value = (history.count if history.sealed_upto else history.types.count)(number, start, stop) if number < 255 else r.tally({call(feature.event)}, {after})",
        ]
    if feature.kind == "days" and not feature.where and ends_now:
        days, offsets = call(local_days, "F"), call(offsets_of(writer.timezone), "F")
        return [f"value = len({days}(r.instants({call(feature.event)}, {after}), {offsets}))"]
    if feature.kind == "seconds_since" and not feature.where and ends_now:
        return [f"at = r.last({call(feature.event)})", f"value = (r.now - at) / 1000 if at > {after} else None"]
    compute = compile_feature(feature, writer)
    if not isinstance(compute, Aggregate) or not ends_now:
        return [f"value = {call(compute, 'F')}(r)"]
    lines = [f"instants, values = {call(compute.pairs, 'F')}(r)"]
    if isinstance(feature.window, Within):
        lines += [f"after = {after}", "if instants and instants[0] <= after:", "    values = values[bisect_right(instants, after):]"]
    if isinstance(compute.pairs, Column):
        sealed = f"values = {call(compute.pairs, 'F')}.later(r, {after}, once={feature.kind == 'distinct'})"
        lines = ["if r.history.sealed_upto:", f"    {sealed}", "else:", *("    " + line for line in lines)]
    return [*lines, f"value = {call(_COMBINE[feature.kind], 'F')}(values)"]


class Aggregate:
    """What `combine` makes of the values inside a window."""

    def __init__(self, pairs: Pairs, window: Edges, combine: Callable[[list[Any]], Any]) -> None:
        self.pairs = pairs
        self._window = window
        self._combine = combine

    def __call__(self, r: Request) -> Any:
        after, upto = self._window(r)
        instants, values = self.pairs(r)
        return self._combine(values[bisect_right(instants, after) : None if upto is None else bisect_right(instants, upto)])


def compile_feature(feature: Feature, writer: Writer) -> Compute:
    """The function that computes a feature of any kind but `expr`."""
    back, timezone = span(feature.window), writer.timezone
    window = edges(feature.window, timezone)
    if feature.kind not in AGGREGATES:
        stream = writer.stream(feature.event, feature.where, back) if feature.where else None
        return _of_instants(feature, stream, window, timezone)
    if feature.where:
        pairs = writer.matches(feature.event, feature.where, back).pairs(feature.path)
    elif feature.kind in DECODING or feature.path[0] in CLOCK:
        pairs = writer.column(feature.event, feature.path, back)
    else:
        return lambda r: last_value(r, feature.event, feature.path, *window(r))
    return Aggregate(pairs, window, _COMBINE[feature.kind])


def outlives_trimming(feature: Feature) -> bool:
    """Whether what is kept of every type for ever answers it: the first and last instant, and how many there were."""
    return not feature.where and isinstance(feature.window, Ever) and feature.kind in ("count", "first_at", "last_at", "seconds_since")


def truncated(feature: Feature, value: Any, r: Request, timezone: ZoneInfo) -> bool:
    """Whether the value may be another one than before events were trimmed."""
    number = r.history.names.types.get(feature.event)
    gone = r.history.trimmed().get(min(number, 255)) if number is not None else None
    if gone is None or gone.watermark <= edges(feature.window, timezone)(r)[0]:
        return False
    if outlives_trimming(feature) and r.gone(feature.event) is not None:
        return False
    return value is None or feature.kind not in ("last", "last_at", "seconds_since")


def _of_instants(feature: Feature, stream: Callable[[Request], Stream] | None, window: Any, timezone: ZoneInfo) -> Compute:
    def instants(r: Request) -> list[int]:
        after, upto = window(r)
        if stream is None:
            return r.instants(feature.event, after, upto)
        found = stream(r)
        return list(found[max(1, bisect_right(found, after)) : None if upto is None else bisect_left(found, upto + 1)])

    def latest(r: Request) -> int | None:
        after, upto = window(r)
        if upto is None:
            at = r.last(feature.event) if stream is None else stream(r)[-1]
            return at if at > after else None
        found = instants(r)
        return found[-1] if found else None

    def lifetime(r: Request) -> int:
        gone = r.gone(feature.event)
        return r.tally(feature.event, -1) + (gone.count if gone is not None else 0)

    def first(r: Request) -> Instant | None:
        gone, found = r.gone(feature.event), instants(r)
        return Instant(gone.first_at) if gone is not None else Instant(found[0]) if found else None

    match feature.kind:
        case "count" if outlives_trimming(feature):
            return lifetime
        case "first_at" if outlives_trimming(feature):
            return first
        case "count" if stream is None:
            return lambda r: r.tally(feature.event, *window(r))
        case "count":
            assert stream is not None
            return lambda r: tally(stream(r), *window(r))
        case "days":
            offsets = offsets_of(timezone)
            return lambda r: len(local_days(instants(r), offsets))
        case "first_at":
            return lambda r: Instant(found[0]) if (found := instants(r)) else None
        case "last_at":
            return lambda r: Instant(at) if (at := latest(r)) is not None else None
        case _:
            return lambda r: (r.now - at) / 1000 if (at := latest(r)) is not None else None
