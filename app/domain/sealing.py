"""Payloads of a long history laid out column by column, so that a rule that reads one property decodes that property alone.

They stand where the lengths and payloads of a history's rows would, as a msgpack map: by the number of each type of event, as a
string of bytes that is opened only where a rule reads the type, an array again:

    places among all that are sealed, u16 each | shapes, each once | which of them, a byte an event (empty where there is one) | columns

There is a column for each property that any of the shapes names, in their order, of two strings of bytes:

    codes   a byte an event, its place among the values; 255 where its shape lacks the property
    values  a msgpack array of the values, each once

or, where values hardly repeat: no codes, and an array of the values of all events, nil where one's shape lacks the property.
Nothing is lost: what is sealed is opened and compared before it is taken.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from app.domain.dictionary import Dictionary

ABSENT = 255
MOST_EVENTS = 65_535
MOST_VALUES = 250
"""So many values are numbered."""
REPEATED = 2
"""Each value has to come so often on average to be numbered."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_NIL = _pack(None)
_PLAIN = frozenset({str, type(None)})


class Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The sealed events of one type, as they are stored."""

    places: bytes
    shapes: list[int]
    which: bytes
    columns: list[tuple[bytes, bytes]]


_row_of = msgspec.msgpack.Decoder(Row).decode
unsealed = msgspec.msgpack.Decoder(dict[int, bytes]).decode
"""What was sealed, by type, for `Kept`."""


class Kept:
    """The sealed events of one type: `places` in the history, and `of(name)`, what each of them holds there. An event goes by its
    rank, how many of its type are older."""

    __slots__ = ("_at", "_columns", "_decoded", "_names", "_row", "places")

    def __init__(self, data: bytes, names: Dictionary) -> None:
        self._row = row = _row_of(data)
        self.places = array("H", row.places)
        self.places.byteswap()
        self._columns = row.columns
        self._names = names.shape_names
        self._at = names.places(tuple(row.shapes))
        self._decoded: dict[str, list[Any]] = {}

    def rank(self, place: int) -> int:
        """How many of them come before a place in the history."""
        return bisect_left(self.places, place)

    def _values(self, name: str) -> list[Any]:
        found = self._decoded.get(name)
        if found is None:
            found = self._decoded[name] = _unpack(self._columns[self._at[name]][1])
        return found

    def of(self, name: str, first: int, last: int) -> list[Any]:
        """What the events of ranks `[first, last)` hold there, None where one lacks it."""
        at = self._at.get(name)
        if at is None:
            return [None] * (last - first)
        codes, values = self._columns[at][0], self._values(name)
        if not codes:
            return values[first:last]
        part = codes[first:last]
        if ABSENT in part:
            return [None if code == ABSENT else values[code] for code in part]
        return [*map(values.__getitem__, part)]

    def among(self, name: str, first: int, last: int) -> list[Any]:
        """As `of`, in no order, and with no need to tell a value more than once."""
        at = self._at.get(name)
        if at is None:
            return []
        codes, values = self._columns[at][0], self._values(name)
        return [values[code] for code in {*codes[first:last]} if code != ABSENT] if codes else values[first:last]

    def times(self, name: str, value: str, packed: bytes, first: int, last: int) -> int | None:
        """How many events of ranks `[first, last)` hold this text there, `packed` being its packed form; None where a look at
        each has to tell."""
        at = self._at.get(name)
        if at is None:
            return 0
        codes, data = self._columns[at]
        if packed not in data:
            return 0
        values = self._values(name) if codes else []
        if not values or not _PLAIN.issuperset(map(type, values)):
            return None
        return codes.count(values.index(value), first, last) if value in values else 0

    def row(self, rank: int) -> tuple[int, list[Any]]:
        """(shape, values in its order) of one event."""
        row = self._row
        shape = row.shapes[row.which[rank] if row.which else 0]
        return shape, [self.value(rank, name) for name in self._names[shape]]

    def rows(self) -> list[tuple[int, list[Any]]]:
        """As `row`, of all."""
        (shape, *others), count = self._row.shapes, len(self.places)
        if others or not self._at:
            return [self.row(rank) for rank in range(count)]
        return [(shape, [*values]) for values in zip(*[self.of(name, 0, count) for name in self._names[shape]], strict=True)]

    def value(self, rank: int, name: str) -> Any:
        """One property of one event, None where it lacks it."""
        at = self._at.get(name)
        if at is None:
            return None
        codes, values = self._columns[at][0], self._values(name)
        if not codes:
            return values[rank]
        return None if (code := codes[rank]) == ABSENT else values[code]


def sealed(types: bytes, payloads: Sequence[bytes], names: Dictionary) -> bytes | None:
    """The columns of events of these types and payloads; None where they do not give them back to the last bit, as where an
    event brought the names of its properties along."""
    if len(types) > MOST_EVENTS:
        return None
    parted: dict[int, list[int]] = {}
    for i, code in enumerate(types):
        parted.setdefault(code, []).append(i)
    events: list[tuple[int, list[Any]]] = [_unpack(b"\x92" + payload) for payload in payloads] if ABSENT not in parted else []
    if len(events) < len(types) or not all(shape for shape, _ in events):
        return None
    data = _pack({code: _pack(_row(places, events, names)) for code, places in parted.items()})
    return data if laid_out([Kept(row, names) for row in unsealed(data).values()], len(types)) == [*payloads] else None


def laid_out(opened: Iterable[Kept], count: int) -> list[bytes]:
    """The payloads of sealed events, row by row again."""
    found = [b""] * count
    for each in opened:
        for place, row in zip(each.places, each.rows(), strict=True):
            found[place] = _pack(row)[1:]
    return found


def _row(places: Sequence[int], every: Sequence[tuple[int, list[Any]]], names: Dictionary) -> Row:
    events = [every[i] for i in places]
    shapes = sorted({shape for shape, _ in events})
    number = {shape: i for i, shape in enumerate(shapes)}
    which = bytes([number[shape] for shape, _ in events]) if len(shapes) > 1 else b""
    standing = array("H", places)
    standing.byteswap()
    maps = [dict(zip(names.shape_names[shape], map(_pack, values), strict=True)) for shape, values in events]
    return Row(standing.tobytes(), shapes, which, [_column([each.get(name) for each in maps]) for name in names.places(tuple(shapes))])


def _column(packed: Sequence[bytes | None]) -> tuple[bytes, bytes]:
    code = {each: i for i, each in enumerate(dict.fromkeys(each for each in packed if each is not None))}
    if len(code) > MOST_VALUES or REPEATED * len(code) > len(packed):
        return b"", _array([_NIL if each is None else each for each in packed])
    return bytes([ABSENT if each is None else code[each] for each in packed]), _array(code)


def _array(packed: Iterable[bytes]) -> bytes:
    rows = [*packed]
    return b"\xdd" + len(rows).to_bytes(4, "big") + b"".join(rows)
