"""Which rows of a decision table may meet: by where their cells begin and end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from app.domain.conditions import Instant
from app.domain.tables import Cell, Kind

KINDS: tuple[Kind, ...] = get_args(Kind)
TYPES: Mapping[Kind, tuple[type, ...]] = {"string": (str,), "number": (int, float), "boolean": (bool,), "instant": (Instant,)}


class Hulls:
    """The cells of a column by where each begins and ends, whatever gaps it has."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._all = (1 << len(cells)) - 1
        self._any = union(1 << row for row, cell in enumerate(cells) if not cell)
        self._mixed = {span.kind for cell in cells for span in cell} >= {"instant", "string"}
        ends = {end for cell in cells for span in cell for end in (span.low, span.high) if end is not None}
        self._places = {kind: {end: i for i, end in enumerate(sorted(end for end in ends if type(end) in types))} for kind, types in TYPES.items()}
        rows = [(row, *found) for row, cell in enumerate(cells) for found in self._hull(cell)]
        self._begun = {kind: _gathered([(low, row) for row, other, low, _ in rows if other == kind]) for kind in TYPES}
        self._unended = {kind: _gathered([(-high, row) for row, other, _, high in rows if other == kind]) for kind in TYPES}

    def meeting(self, cell: Cell) -> int:
        """The rows whose cells may have a value in common with this one."""
        if not cell or self._mixed:
            return self._all
        return self._any | union(
            _upto(self._begun[kind], high) & _upto(self._unended[kind], -low) for kind, low, high in self._hull(cell)
        )

    def _hull(self, cell: Cell) -> Iterator[tuple[Kind, float, float]]:
        for kind in KINDS:
            spans, places = [span for span in cell if span.kind == kind], self._places[kind]
            if spans:
                low = min(float("-inf") if span.low is None else places[span.low] for span in spans)
                yield kind, low, max(float("inf") if span.high is None else places[span.high] for span in spans)


def _gathered(rows: list[tuple[float, int]]) -> tuple[list[float], list[int]]:
    """(places, ascending; the rows up to each of them)."""
    places, held, fits = list[float](), list[int](), 0
    for place, row in sorted(rows):
        fits |= 1 << row
        places.append(place)
        held.append(fits)
    return places, held


def _upto(gathered: tuple[list[float], list[int]], place: float) -> int:
    places, held = gathered
    at = bisect_right(places, place)
    return held[at - 1] if at else 0


def union(parts: Iterable[int]) -> int:
    """The rows of any of them."""
    found = 0
    for part in parts:
        found |= part
    return found
