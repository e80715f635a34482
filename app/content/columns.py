"""What rules read of a history, decoded once per request: a column and an index of a property, a stream of matches.

Each value is made on first use and kept in `request.memo`. A `span` is how far back rules look, ms; None is everything.
Streams and index entries are ascending timestamps behind `NO_INSTANT`, so that `stream[-1] > t - window` needs no test
for emptiness.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from app.content.event_rows import EventRows, Rows
from app.content.matching import Sift, reach, walk
from app.content.windows import CLOCK
from app.domain.conditions import Path
from app.domain.request import NEVER, NO_INSTANT, Request

Stream = list[int] | tuple[int, ...]


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


__all__ = ["NEVER", "Column", "Index", "Matches", "index_key", "last_value"]
