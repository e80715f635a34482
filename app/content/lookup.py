"""Decision tables at work: which rows fit is an intersection of bit sets, one per input, each found by one look-up.

Of each input the values at which some row begins or ends to fit cut the order of its kind into points and gaps; all values
of a gap are alike. So the rows that fit are known beforehand for every point and every gap, a bit a row, and a table of
thousands of rows costs hardly more than one of a few.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import fsum
from typing import Any
from zoneinfo import ZoneInfo

from app.content.matching import instant_of
from app.domain.conditions import Instant
from app.domain.tables import NOTHING, Cell, Kind, Output, Table

_KINDS: dict[type, Kind] = {str: "string", int: "number", float: "number", bool: "boolean", Instant: "instant"}


class Axis:
    """The values of one kind, cut where the cells of a column begin and end. `slots` holds the rows that fit: of the gap
    before the first point, of the first point, of the gap after it, and so on."""

    __slots__ = ("_exact", "_slots", "points")

    def __init__(self, kind: Kind, cells: Iterable[tuple[int, Cell]], always: int) -> None:
        """`cells` are (number of the row, its cell); `always` the rows that any value fits."""
        spans = [(row, [span for span in cell if span.kind == kind]) for row, cell in cells]
        ends = {end for _, found in spans for span in found for end in (span.low, span.high) if end is not None}
        self.points: list[Any] = sorted(ends)
        at = {point: 2 * i + 1 for i, point in enumerate(self.points)}
        changes = [0] * (2 * len(self.points) + 2)
        for row, found in spans:
            ranges = [
                (0 if span.low is None else at[span.low] + (not span.low_included),
                 2 * len(self.points) if span.high is None else at[span.high] - (not span.high_included))
                for span in found
            ]
            for slot in _edges(ranges):
                changes[slot] ^= 1 << row
        self._slots: list[int] = []
        held = always
        for change in changes[:-1]:
            held ^= change
            self._slots.append(held)
        self._exact = dict(zip(self.points, self._slots[1::2], strict=True))

    @property
    def slots(self) -> Sequence[int]:
        return self._slots

    def __call__(self, value: Any) -> int:
        """The rows that a value of this kind fits."""
        found = self._exact.get(value)
        return found if found is not None else self._slots[2 * bisect_left(self.points, value)]


def _edges(ranges: list[tuple[int, int]]) -> list[int]:
    """The slots at which a row begins to fit, and those at which it no longer does, in turn."""
    found: list[int] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1]:
            found[-1] = max(found[-1], last + 1)
        else:
            found += [first, last + 1]
    return found


class Column:
    """All that the cells of one input ask, whatever the value turns out to be."""

    __slots__ = ("_any", "_axes")

    def __init__(self, cells: Sequence[Cell], timezone: ZoneInfo) -> None:
        self._any = sum(1 << row for row, cell in enumerate(cells) if not cell)
        kinds: set[Kind] = {span.kind for cell in cells for span in cell}
        axes = {kind: Axis(kind, enumerate(cells), self._any) for kind in kinds}
        self._axes: dict[type, Callable[[Any], int]] = {type_: axes[kind] for type_, kind in _KINDS.items() if kind in axes}
        if "instant" in axes:
            self._axes[str] = _dated(axes["instant"], axes.get("string"), self._any, timezone)

    def __call__(self, value: object) -> int:
        axis = self._axes.get(type(value))
        return self._any if axis is None else axis(value)


def _dated(instants: Axis, texts: Axis | None, always: int, timezone: ZoneInfo) -> Callable[[Any], int]:
    """A text may be a date too, as in `before` and `between`."""

    def fits(value: str) -> int:
        at = instant_of(value, timezone)
        return (texts(value) if texts is not None else always) | (instants(at) if at is not None else 0)

    return fits


def columns(table: Table, timezone: ZoneInfo) -> list[Column | None]:
    """One per input; None where no row asks about it."""
    cells = [[row.cells[i] for row in table.rows] for i in range(len(table.inputs))]
    return [Column(each, timezone) if any(each) else None for each in cells]


def results(table: Table) -> Callable[[int], Mapping[str, Any]]:
    """What follows from the rows that fit, given as bits."""
    rows = [row.values for row in table.rows]
    if table.hit != "collect":
        return lambda fits: rows[(fits & -fits).bit_length() - 1] if fits else NOTHING
    return lambda fits: _collected(table.outputs, [rows[i] for i in bits(fits)])


def bits(fits: int) -> Iterator[int]:
    """The numbers of the rows, ascending."""
    while fits:
        lowest = fits & -fits
        yield lowest.bit_length() - 1
        fits ^= lowest


def _collected(outputs: Sequence[Output], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = {each.name: [row[each.name] for row in rows if each.name in row] for each in outputs}
    return {each.name: value for each in outputs if (value := _GATHER[each.gather](found[each.name])) is not None}


_GATHER: dict[str, Callable[[list[Any]], Any]] = {
    "list": lambda values: values or None, "sum": lambda values: _whole(fsum(values)), "count": len,
    "min": lambda values: min(values, default=None), "max": lambda values: max(values, default=None),
}


def _whole(total: float) -> float | int:
    return int(total) if total.is_integer() else total
