"""What rules read of a history, decoded once per request: rows of an event, an index of a property, a stream of matches.

Each value is made on first use and kept in `request.memo`. A `span` is how far back rules look, ms; None is everything.
Streams and index entries are ascending timestamps behind `NO_INSTANT`, so that `stream[-1] > t - window` needs no test
for emptiness.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, cast
from zoneinfo import ZoneInfo

import msgspec

from app.content.matching import Sift, reach, walk
from app.content.windows import CLOCK
from app.domain.conditions import Path
from app.domain.dictionary import Dictionary
from app.domain.history import History
from app.domain.layout import property_at
from app.domain.request import NEVER, NO_INSTANT, Request
from app.domain.sealing import Kept

Stream = list[int] | tuple[int, ...]


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


class Column:
    """One property of one type of event: (instants, values), events that lack it passed over, oldest first. It goes back as far
    as the rules that read it look.

    Over a list path the value is the list of all that the path reaches.
    """

    def __init__(self, rows: EventRows, path: Path) -> None:
        self.rows = rows
        self.path = path
        self.span: int | None = 0
        rows.read(path[0])

    def widen(self, span: int | None) -> None:
        """A rule looks back this far, ms (None: to the beginning)."""
        self.span = wider(self.span, span)

    def __call__(self, r: Request) -> tuple[list[int], list[Any]]:
        found = r.memo.get(self)
        if found is None:
            found = r.memo[self] = self._read(r)
        return found

    def later(self, r: Request, after: int, *, once: bool) -> list[Any]:
        """The values later than `after`, oldest first; with `once` in no order, and each perhaps once."""
        head, history = self.path[0], r.history
        kept = history.kept(history.names.types.get(self.rows.event, 0)) if head not in CLOCK else None
        if kept is None:
            instants, values = self(r)
            return values[bisect_right(instants, after) :] if instants and instants[0] <= after else values
        first, last, values = self.rows.recent(r, kept, head, after)
        values = (kept.among if once else kept.of)(head, first, last) + values
        if rest := self.path[1:]:
            values = [None if value is None else reach(value, rest) for value in values]
        return [value for value in values if value is not None] if None in values else values

    def _read(self, r: Request) -> tuple[list[int], list[Any]]:
        rows = self.rows(r, self.span)
        return present(rows.ts, self.rows.values(r, rows, self.path[0]), self.path[1:])


def wider(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)


def present(instants: list[int], values: list[Any], rest: Path = ()) -> tuple[list[int], list[Any]]:
    """What the rest of a path reaches in each value, absent ones passed over together with their instants."""
    if rest:
        values = [None if value is None else reach(value, rest) for value in values]
    if None in values:
        kept = [(at, value) for at, value in zip(instants, values, strict=True) if value is not None]
        return [at for at, _ in kept], [value for _, value in kept]
    return instants, values


SCANS = 3
"""Questions of one request that an index answers by looking for the value in the packed history, before it is made: to
decode all events of a type costs as much as several such looks (measured: `bench/`)."""


class Index:
    """The instants at which a property took each value: value -> stream. Booleans are filed as `("boolean", b)`, so
    that `true` is no 1; of a list every element counts."""

    def __init__(self, column: Column) -> None:
        self.column = column

    def __call__(self, r: Request) -> dict[Any, Stream]:
        known = r.memo.get(self)
        if type(known) is dict:
            return cast("dict[Any, Stream]", known)
        found: dict[Any, list[int]] = {}
        r.memo[self] = found
        instants, values = self.column(r)
        for at, value in zip(instants, values, strict=True):
            if type(value) is str:
                stream = found.get(value)
                if stream is None:
                    found[value] = [NO_INSTANT, at]
                else:
                    stream.append(at)
            else:
                self._file(found, at, value)
        return cast("dict[Any, Stream]", found)

    def _file(self, found: dict[Any, list[int]], at: int, value: Any) -> None:
        for key in {index_key(each) for each in walk(value, ())} - {None}:
            found.setdefault(key, [NO_INSTANT]).append(at)

    def needle(self, key: Any) -> bytes:
        """The packed form of a value in an event's payload; empty where it has several, as a number has, or is in none."""
        return msgspec.msgpack.encode(key) if isinstance(key, str) and self.column.path[0] not in CLOCK else b""

    def since(self, r: Request, key: Any, needle: bytes, count: int, after: int) -> bool:
        """Whether the property took a value at least so often later than `after`; `needle` is that of the value."""
        asked: Any = r.memo.get(self, 0)
        if needle and type(asked) is int:
            if r.history.sealed_upto:
                if (times := self._in_sealed(r, key, needle, after)) is not None:
                    return times >= count
            elif asked < SCANS:
                r.memo[self] = asked + 1
                return self._in_rows(r, key, needle, count, after)
        stream = self(r).get(key, NEVER)
        return len(stream) > count and stream[-count] > after

    def _in_rows(self, r: Request, key: str, needle: bytes, count: int, after: int) -> bool:
        history, rows, path = r.history, self.column.rows, self.column.path
        number = history.names.types.get(rows.event)
        if number is None:
            return False
        for i in history.holding(needle, bisect_right(history.ts, after, 0, r.count), r.count):
            if history.number(i) == number and _has(history.value(i, path[0]), path[1:], key):
                count -= 1
                if not count:
                    return True
        return False

    def _in_sealed(self, r: Request, key: str, needle: bytes, after: int) -> int | None:
        """How often a property took a text later than `after`; None where the sealed columns do not tell."""
        history, (head, *rest) = r.history, self.column.path
        kept = history.kept(history.names.types.get(self.column.rows.event, 0))
        if kept is None or rest:
            return None
        first, last, newest = self.column.rows.recent(r, kept, head, after)
        sealed = kept.times(head, key, needle, first, last)
        return None if sealed is None else sealed + sum([_has(value, (), key) for value in newest])


def _has(value: Any, rest: Path, key: Any) -> bool:
    return value == key if type(value) is str and not rest else key in walk(value, rest) if value is not None else False


def index_key(value: Any) -> Any:
    """What `Index` files a scalar under; None for what is no scalar."""
    if type(value) is bool:
        return ("boolean", value)
    return value if isinstance(value, (str, int, float)) else None


class Matches:
    """The events whose properties satisfy a `where`. `sifts` are (property, test of its value): all have to hold."""

    def __init__(self, rows: EventRows, sifts: Sequence[tuple[str, Sift]]) -> None:
        self.rows = rows
        self.span: int | None = 0
        self._sifts = sifts
        for head, _ in sifts:
            rows.read(head)

    def widen(self, span: int | None) -> None:
        self.span = wider(self.span, span)

    def __call__(self, r: Request) -> Stream:
        found = r.memo.get(self)
        if found is None:
            rows = self.rows(r, self.span)
            found = r.memo[self] = [NO_INSTANT, *rows.instants(self._kept(r, rows))]
        return found

    def _kept(self, r: Request, rows: Rows) -> Sequence[int]:
        """The numbers of the rows that match."""
        (head, sift), *more = self._sifts
        left = sift(self.rows.values(r, rows, head), r)
        for head, sift in more:
            if not left:
                break
            values = self.rows.values(r, rows, head)
            kept = sift([values[i] for i in left], r)
            left = [left[i] for i in kept]
        return left

    def pairs(self, path: Path) -> Callable[[Request], tuple[list[int], list[Any]]]:
        """A function giving the instants and values of one property of the events that match."""
        self.rows.read(path[0])

        def pairs(r: Request) -> tuple[list[int], list[Any]]:
            rows = self.rows(r, self.span)
            kept, values = self._kept(r, rows), self.rows.values(r, rows, path[0])
            return present(rows.instants(kept), [values[i] for i in kept], path[1:])

        return pairs


def tally(stream: Stream, after: int, upto: int | None) -> int:
    """How many instants of a stream lie in `(after, upto]`."""
    stop = len(stream) if upto is None else bisect_right(stream, upto)
    return max(0, stop - max(1, bisect_right(stream, after)))


def last_value(r: Request, event: str, path: Path, after: int = -1, upto: int | None = None) -> Any:
    """The property of the latest event that has it, decoding no further back than needed; None where there is none."""
    history, head, rest = r.history, path[0], path[1:]
    for i in reversed(r.places(event, after, upto)):
        value = history.value(i, head)
        value = reach(value, rest) if rest and value is not None else value
        if value is not None:
            return value
    return None


__all__ = ["NEVER", "Column", "EventRows", "Index", "Matches", "index_key", "last_value"]
