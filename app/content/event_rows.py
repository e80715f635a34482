"""The events of one type, decoded once per request and no further than rules look back: of a `span` in ms; None is everything."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from app.content.windows import CLOCK
from app.domain.dictionary import Dictionary
from app.domain.history import History
from app.domain.layout import property_at
from app.domain.request import Request
from app.domain.sealing import Kept


class Rows:
    """The events of one type in `(after, now]`: of ranks `[first, last)` among those that are sealed, `kept`, then decoded ones,
    `newer[i]`, `shapes[i]` and `values[i]`, of each no more than rules read."""

    __slots__ = ("after", "first", "history", "kept", "last", "newer", "shapes", "values")

    def __init__(
        self, history: History, after: int, newer: list[int], shapes: list[int], values: list[Any], kept: Kept | None = None, first: int = 0, last: int = 0,
    ) -> None:
        self.history = history
        self.after = after
        self.newer = newer
        self.shapes = shapes
        self.values = values
        self.kept = kept
        self.first = first
        self.last = last

    def __len__(self) -> int:
        return self.last - self.first + len(self.newer)

    @property
    def ts(self) -> list[int]:
        """The instants of all."""
        if self.kept is None:
            return self.newer
        ts = self.history.ts
        return [ts[i] for i in self.kept.places[self.first : self.last]] + self.newer

    def instants(self, some: Sequence[int]) -> list[int]:
        """Those of some of them."""
        newer = self.newer
        if self.kept is None:
            return [newer[i] for i in some]
        ts, places, first, sealed = self.history.ts, self.kept.places, self.first, self.last - self.first
        return [ts[places[first + i]] if i < sealed else newer[i - sealed] for i in some]


class EventRows:
    """Decodes the events of one type, each at most once per request, and no more of them than was asked for."""

    def __init__(self, event: str, timezone: ZoneInfo) -> None:
        self.event = event
        self.timezone = timezone
        self._heads: set[str] = set()
        self._depth = 1
        self._names: Dictionary | None = None
        self._depths: dict[int, int] = {}
        """By the number of a shape in these names."""

    def read(self, head: str) -> None:
        """A rule reads this property."""
        self._heads.add(head)
        self._names = None

    def __call__(self, r: Request, span: int | None) -> Rows:
        """Those of the last `span` ms at least; None is all."""
        after = -1 if span is None else max(r.now - span, -1)
        found: Rows | None = r.memo.get(self)
        if found is None:
            found = r.memo[self] = self._decoded(r, after, None)
        elif found.after > after:
            older = self._decoded(r, after, found.after)
            found = r.memo[self] = Rows(
                r.history, after, older.newer + found.newer, older.shapes + found.shapes, older.values + found.values, older.kept, older.first, found.last,
            )
        return found

    def _decoded(self, r: Request, after: int, upto: int | None) -> Rows:
        """As deep as was needed for the rows so far, and deeper where these turn out to need it."""
        history = r.history
        kept = history.kept(history.names.types.get(self.event, 0)) if history.sealed_upto else None
        if kept is None:
            positions, instants = r.between(self.event, after, upto)
            return Rows(history, after, instants, *(self._read(r, positions) if positions else ([], [])))
        edge, stop = history.sealed_upto, r.count if upto is None else bisect_right(history.ts, upto, 0, r.count)
        start = bisect_right(history.ts, after, 0, stop) if after >= 0 else 0
        positions = history.positions(history.names.types[self.event], max(start, edge), stop) if stop > edge else []
        instants = [history.ts[i] for i in positions]
        return Rows(history, after, instants, *(self._read(r, positions) if positions else ([], [])), kept, kept.rank(start), kept.rank(min(stop, edge)))

    def _read(self, r: Request, positions: list[int]) -> tuple[list[int], list[Any]]:
        shapes, values = r.history.rows(positions, self._depth)
        depth = self._depth_of(r.history.names, shapes)
        if depth > self._depth:
            self._depth = depth
            return r.history.rows(positions, depth)
        return shapes, values

    def _depth_of(self, names: Dictionary, shapes: list[int]) -> int:
        """How many values of rows of these shapes reach all that rules read of them."""
        if names is not self._names:
            self._names, self._depths = names, {}
        depths = self._depths
        for shape in {*shapes} - depths.keys():
            depths[shape] = max([1 + at for head in self._heads if (at := names.position(shape, head)) is not None], default=1)
        return depths[shapes[0]] if len(depths) == 1 else max(map(depths.__getitem__, shapes))

    def recent(self, r: Request, kept: Kept, head: str, after: int) -> tuple[int, int, list[Any]]:
        """Of a type of which events are sealed: the ranks of those later than `after`, and what events of the tail hold that are."""
        history, stop = r.history, r.count
        edge = history.sealed_upto
        first = kept.rank(bisect_right(history.ts, after, 0, stop)) if after >= 0 else 0
        if stop <= edge:
            return first, len(kept.places) if stop == edge else kept.rank(stop), []
        last = len(kept.places)
        tail: Rows | None = r.memo.get((self, "tail"))
        if tail is None:
            positions = history.positions(history.names.types[self.event], edge, stop)
            tail = r.memo[self, "tail"] = Rows(history, -1, [history.ts[i] for i in positions], *(self._read(r, positions) if positions else ([], [])))
        return first, last, self.values(r, tail, head)[bisect_right(tail.newer, after) :]

    def values(self, r: Request, rows: Rows, head: str) -> list[Any]:
        """One property of each row, None where it lacks it."""
        if not len(rows):
            return []
        if head in CLOCK:
            tell = CLOCK[head]
            return [tell(at, self.timezone) for at in rows.ts]
        if rows.kept is None:
            return self._row_values(r, rows, head)
        sealed = rows.kept.of(head, rows.first, rows.last)
        return sealed + self._row_values(r, rows, head) if rows.values else sealed

    def _row_values(self, r: Request, rows: Rows, head: str) -> list[Any]:
        position, first = r.history.names.position, rows.shapes[0]
        if first and rows.shapes.count(first) == len(rows.shapes):
            at = position(first, head)
            return [None] * len(rows.shapes) if at is None else [*map(property_at(at), rows.values)]
        return [
            (row.get(head) if shape == 0 else None if (at := position(shape, head)) is None else property_at(at)(row))
            for shape, row in zip(rows.shapes, rows.values, strict=True)
        ]
