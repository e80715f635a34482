"""A person's events as packed columns (`layout`): decoded no further than a question asks."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, compress
from typing import Any

import msgspec

from app.domain.dictionary import ESCAPE, Dictionary
from app.domain.event import ID_BYTES, Event
from app.domain.layout import ENTRY, HEADER, SEALED, TRIMMED, U2, Trimmed, leading, only_type, pack_columns, plucking, trimmed_row
from app.domain.sealing import Kept, laid_out, sealed, unsealed

NO_ROWS: dict[int, bytes] = {}
NO_KEPT: dict[int, Kept] = {}
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[Any]).decode


class History:
    """Events sorted by (timestamp, id). `ts[i]`, `types[i]` and `payload(i)` belong together.

    `unknown` is true where it was written with another dictionary, or with more names than this one has: read the
    dictionary anew and try again. Events before `sealed_upto` lie column by column.
    """

    __slots__ = ("_data", "_ids_at", "_kept", "_offsets", "_rows", "_tail", "_trimmed", "names", "sealed_upto", "ts", "types", "unknown")

    def __init__(self, base: bytes | None, tail: bytes | None, names: Dictionary) -> None:
        self.names = names
        self.unknown = False
        self.sealed_upto = 0
        self._offsets: list[int] | None = None
        self._rows: dict[int, bytes] = NO_ROWS
        self._kept: dict[int, Kept] = NO_KEPT
        self._tail: list[bytes] | None = None
        self._trimmed = b""
        if not base:
            self._data, self.ts, self.types, self._ids_at = b"", array("Q"), b"", 0
            return
        epoch, size, n, tails, trims = HEADER.unpack_from(base)
        self.unknown = epoch != names.epoch or size > names.size
        self._data = base
        ids_at = HEADER.size + 8 * n
        ts = array("Q", base[HEADER.size : ids_at])
        ts.byteswap()
        self.ts = ts
        self._ids_at = ids_at
        types_at = ids_at + ID_BYTES * n
        self.types = base[types_at : types_at + n]
        if trims:
            self._trimmed = base[-TRIMMED.size * trims :]
        if tails >= SEALED:
            self.sealed_upto = n
            self._kept = {}
            tails -= SEALED
        if tails and tail:
            self._append(tail)

    @staticmethod
    def of(events: Iterable[Event], names: Dictionary | None = None, trimmed: Mapping[str, Trimmed] | None = None) -> History:
        """A history of these events; of several with one id the first counts. `trimmed` tells by name what was trimmed."""
        names = names if names is not None else Dictionary(growing=True)
        entries: dict[bytes, tuple[int, bytes, int, bytes]] = {}
        for event in events:
            if len(event.id) != ID_BYTES:
                raise ValueError(f"an event's id has {ID_BYTES} bytes, not {len(event.id)}")
            code, payload = names.pack(event)
            entries.setdefault(event.id, (event.at, event.id, code, payload))
        gone = [trimmed_row(names, name, each) for name, each in (trimmed or {}).items()]
        return History(pack_columns(sorted(entries.values()), names, gone), None, names)

    def _append(self, tail: bytes) -> None:
        entries: list[bytes] = []
        at, end = 0, len(tail)
        while at < end:
            start = at + 2
            at = start + (tail[at] << 8) + tail[at + 1]
            entries.append(tail[start:at])
        entries.sort()
        self._tail = entries
        newest = array("Q", b"".join([entry[:8] for entry in entries]))
        newest.byteswap()
        self.ts += newest
        self.types += bytes([entry[ENTRY.size - 1] for entry in entries])

    def stored(self) -> tuple[bytes, bytes]:
        """(columns, tail) that the same history is read from again."""
        tail = self._tail
        return self._data, b"" if tail is None else b"".join([U2.pack(len(entry)) + entry for entry in tail])

    def sealed(self) -> bytes | None:
        """The stored string of the same history with its payloads column by column; None where it has a tail or cannot be had so."""
        if self.sealed_upto or self._tail is not None:
            return None
        columns = sealed(self.types, self._payloads(range(len(self.ts))), self.names)
        if columns is None:
            return None
        return self._with(SEALED, columns)

    def opened(self) -> bytes | None:
        """The stored string of a sealed history without its tail, with its payloads row by row again; None where it is not sealed."""
        if not self.sealed_upto:
            return None
        payloads = laid_out([Kept(row, self.names) for row in self._sealed_rows().values()], self.sealed_upto)
        lengths = array("H", map(len, payloads))
        lengths.byteswap()
        return self._with(0, lengths.tobytes() + b"".join(payloads))

    def _with(self, tails: int, payloads: bytes) -> bytes:
        data = self._data
        epoch, size, n, _, trims = HEADER.unpack_from(data)
        rest = data[HEADER.size : self._ids_at + (ID_BYTES + 1) * n]
        return b"".join((HEADER.pack(epoch, size, n, tails, trims), rest, payloads, self._trimmed))

    def __len__(self) -> int:
        return len(self.ts)

    def id(self, i: int) -> bytes:
        """The hashed messageId of event `i`."""
        if self._tail is not None and i >= (n := len(self.ts) - len(self._tail)):
            return self._tail[i - n][8 : 8 + ID_BYTES]
        at = self._ids_at + ID_BYTES * i
        return self._data[at : at + ID_BYTES]

    def _find_offsets(self) -> list[int]:
        n = len(self.ts) - (len(self._tail) if self._tail is not None else 0)
        at = self._ids_at + (ID_BYTES + 1) * n
        lengths = array("H", self._data[at : at + 2 * n])
        lengths.byteswap()
        found = self._offsets = list(accumulate(lengths, initial=at + 2 * n))
        return found

    def kept(self, number: int) -> Kept | None:
        """The sealed events of a type; None where none of it are."""
        found = self._kept.get(number)
        if found is None and self.sealed_upto and (row := (self._rows or self._sealed_rows()).get(number)) is not None:
            found = self._kept[number] = Kept(row, self.names)
        return found

    def _sealed_rows(self) -> dict[int, bytes]:
        if not self._rows:
            start = self._ids_at + (ID_BYTES + 1) * self.sealed_upto
            self._rows = unsealed(self._data[start : len(self._data) - len(self._trimmed)])
        return self._rows

    def _rank(self, i: int) -> tuple[Kept, int]:
        code = self.types[i]
        found = self.kept(code)
        assert found is not None
        return found, found.rank(i)

    def payload(self, i: int) -> bytes:
        return self._payloads((i,))[0]

    def _payloads(self, positions: Sequence[int]) -> list[bytes]:
        """Payloads of events in ascending order."""
        if n := self.sealed_upto:
            return [self._packed(i) if i < n else self._tail[i - n][ENTRY.size :] for i in positions]  # pyright: ignore[reportOptionalSubscript]
        offsets, data = self._offsets or self._find_offsets(), self._data
        n = len(offsets) - 1
        if not positions or positions[-1] < n:
            return [data[offsets[i] : offsets[i + 1]] for i in positions]
        assert self._tail is not None
        return [data[offsets[i] : offsets[i + 1]] if i < n else self._tail[i - n][ENTRY.size :] for i in positions]

    def _packed(self, i: int) -> bytes:
        of_type, rank = self._rank(i)
        return _pack(of_type.row(rank))[1:]

    def number(self, i: int) -> int:
        """The number of event `i`'s name."""
        code = self.types[i]
        return code if code != ESCAPE else _unpack(b"\x93" + self.payload(i))[0]

    def values(self, i: int) -> tuple[int, list[Any] | dict[str, Any]]:
        """(shape, values in its order) of event `i`; shape 0 gives a dict of its own."""
        if i < self.sealed_upto:
            of_type, rank = self._rank(i)
            return of_type.row(rank)
        payload = self.payload(i)
        found = _unpack((b"\x92" if self.types[i] != ESCAPE else b"\x93") + payload)
        return found[-2], found[-1]

    def rows(self, positions: list[int], depth: int) -> tuple[list[int], list[Any]]:
        """Shapes and values of several events of one type, in ascending order, decoded in one call: of each array of values
        only the first `depth` at least, which `property_at` reaches."""
        payloads = self._payloads(positions)
        width = 3 if positions and self.types[positions[0]] == ESCAPE else 2
        flat = leading(max(depth - 1, 0).bit_length())(b"\xdd" + (width * len(payloads)).to_bytes(4, "big") + b"".join(payloads))
        return flat[width - 2 :: width], flat[width - 1 :: width]

    def plucked(self, positions: list[int], at: int, key: str) -> tuple[list[int], list[list[str]]] | None:
        """Shapes of several events of one type, in ascending order, and of the objects that stand in a list at place `at` of each
        what they hold at `key`; nothing else is made of them. None where any has no such list, or other than text in it."""
        if not positions or positions[0] < self.sealed_upto or self.types[positions[0]] == ESCAPE:
            return None
        payloads = self._payloads(positions)
        decode, part = plucking(at, key)
        try:
            flat = decode(b"\xdd" + (2 * len(payloads)).to_bytes(4, "big") + b"".join(payloads))
        except msgspec.ValidationError:
            return None
        return flat[::2], [list(map(part, row.parts)) for row in flat[1::2]]

    def properties(self, i: int) -> dict[str, Any]:
        shape, values = self.values(i)
        if isinstance(values, dict):
            return values
        return dict(zip(self.names.shape_names[shape], values, strict=True))

    def value(self, i: int, name: str) -> Any:
        """One property of event `i`, None where it lacks it."""
        if i < self.sealed_upto:
            of_type, rank = self._rank(i)
            return of_type.value(rank, name)
        shape, values = self.values(i)
        if isinstance(values, dict):
            return values.get(name)
        at = self.names.position(shape, name)
        return None if at is None else values[at]

    def positions(self, number: int, start: int, stop: int) -> list[int]:
        """Where the events of one type stand, oldest first."""
        if start < self.sealed_upto:
            edge = min(stop, self.sealed_upto)
            found = kept.places[kept.rank(start) : kept.rank(edge)].tolist() if (kept := self.kept(number)) is not None else []
            return found if edge == stop else found + self.positions(number, edge, stop)
        found = list(compress(range(start, stop), self.types[start:stop].translate(only_type(min(number, ESCAPE)))))
        return found if number < ESCAPE else [i for i in found if self.number(i) == number]

    def count(self, number: int, start: int, stop: int) -> int:
        """How many of the events `[start, stop)` are of a type, one of the first 254."""
        kept, edge = self._kept.get(number), self.sealed_upto
        if kept is None:
            return self.types.count(number, start, stop)
        if stop <= edge:
            return kept.rank(stop) - kept.rank(start)
        return (len(kept.places) - kept.rank(start) if start < edge else 0) + self.types.count(number, max(start, edge), stop)

    def instants(self, number: int, start: int, stop: int) -> list[int]:
        """When the events of a type among `[start, stop)` happened, oldest first."""
        ts, kept, edge = self.ts, self.kept(number), self.sealed_upto
        if kept is None or start >= edge:
            return [ts[i] for i in self.positions(number, start, stop)]
        first, last = kept.rank(start) if start else 0, len(kept.places) if stop >= edge else kept.rank(stop)
        found = [ts[i] for i in kept.places[first:last]]
        return found if stop <= edge else found + [ts[i] for i in self.positions(number, edge, stop)]

    def holding(self, needle: bytes, start: int, stop: int) -> Iterator[int]:
        """Which of the events `[start, stop)` hold these bytes in their payload, latest first: the packed form of a value
        leads to every event that has it, and to few others."""
        if start >= stop:
            return
        if self._tail is not None or self.sealed_upto:
            yield from (i for i in range(stop - 1, start - 1, -1) if needle in self.payload(i))
            return
        offsets, data = self._offsets or self._find_offsets(), self._data
        first, end = offsets[start], offsets[stop]
        while (at := data.rfind(needle, first, end)) >= 0:
            i = bisect_right(offsets, at) - 1
            yield i
            end = offsets[i]

    def upto(self, now: int) -> int:
        """How many events have happened at `now`."""
        ts = self.ts
        return len(ts) if not ts or ts[-1] <= now else bisect_right(ts, now)

    @property
    def trims(self) -> bytes:
        """What was trimmed, as it is stored: a `TRIMMED` row per type."""
        return self._trimmed

    def after(self, instant: int, stop: int) -> int:
        """The first of `[0, stop)` that is strictly later than `instant`."""
        return bisect_right(self.ts, instant, 0, stop)

    def trimmed(self) -> dict[int, Trimmed]:
        """By type code: what was trimmed of it (all names beyond the 254th share code 255)."""
        rows = TRIMMED.iter_unpack(self._trimmed)
        return {code: Trimmed(watermark, first_at, count) for code, watermark, _, first_at, count in rows}

    def gone(self, number: int) -> Trimmed | None:
        """What was trimmed of one type; None for the types beyond the 254th, which are trimmed as one."""
        return self.trimmed().get(number) if self._trimmed and number < ESCAPE else None

    def events(self) -> Iterator[Event]:
        """Every event, decoded."""
        for i, at in enumerate(self.ts):
            yield Event(self.names.type_names[self.number(i)], at, self.id(i), self.properties(i))


NO_HISTORY = History(None, None, Dictionary())
