"""Rows of a table -> what was heard of whom, or items, as a map says."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any
from zlib import crc32

import msgspec

from app.domain.event import Event, Heard, event_name, hashed_id, public
from app.domain.json import Json
from app.errors import RequestInvalid
from app.formats.row_cells import Cells
from app.formats.row_conditions import Row, bind
from app.formats.rows import Entries, Rejected, RowMap, Unread
from app.formats.segment import NotHeard, check_payload

MAX_PAYLOAD = 60_000
"""Bytes of properties in one event: an order of more than a thousand lines."""
MAX_NAME = 200
_ID = struct.Struct(">HI")
_pack = msgspec.msgpack.Encoder().encode
_TEXT = frozenset({"id", "name", "category", "url", "image", "related"})


class Reading:
    """A map bound to the columns of one file; None: rows are objects with columns of their own. `typed` says that cells
    have types (JSON, Parquet), so that text stays text. `now` is the clock in ms, `kinds` of ids
    are declared beside the usual ones.

    Ids of events are those of a column, else made of the file's name, the number of the row and what it holds: the same
    file read again gives the same ones, two rows of a file have two, and of rows near each other the later the greater.
    """

    def __init__(self, map: RowMap, columns: Sequence[str] | None, file: str, now: int, kinds: Collection[str] = (), *, typed: bool) -> None:
        place: Mapping[str, Any] = {column: i for i, column in enumerate(columns)} if columns is not None else _Itself()
        self._own = map.own()
        self._map, self._file, self._now, self._typed = map, file, now, typed
        self._open = map.properties is None and columns is None
        self._profile, self._timestamp, self._message = _place(place, map.profile), _place(place, map.timestamp), _place(place, map.message_id)
        properties = map.properties if map.properties is not None else {column: column for column in columns or () if column not in self._own}
        self._properties = [(name, place[column], not typed and not _stays_text(name)) for name, column in properties.items()]
        self._rejects = [(bind(when, place), reason) for when, reason in map.rejects]
        self._names = [
            (bind(each.when, place) if each.when is not None else None, None if each.column else event_name(each.name), _place(place, each.name if each.column else None))
            for each in map.events
        ]
        self.cells = Cells(map, now, kinds)

    # -- what rows mean --------------------------------------------------------------------------------------------

    def events(self, rows: Iterable[tuple[int, Row | Unread]]) -> Entries:
        return _each(rows, self._happened)

    def profiles(self, rows: Iterable[tuple[int, Row | Unread]]) -> Entries:
        """What each row says of a person, as an `identify` does."""
        return _each(rows, self._identified)

    def items(self, rows: Iterable[tuple[int, Row | Unread]], parse: Callable[[Mapping[str, Any]], Any]) -> Entries:
        """What `parse` makes of each row's values; text of `related` is a list with `|` between the ids."""

        def item(number: int, row: Row) -> Any:
            self._refuse(row)
            fields = self._values_of(row)
            if isinstance(related := fields.get("related"), str):
                fields["related"] = related.split("|")
            try:
                return parse(fields)
            except RequestInvalid as error:
                raise NotHeard("invalid", error.message[:200]) from error

        return _each(rows, item)

    def _identified(self, number: int, row: Row) -> Heard:
        self._refuse(row)
        who = self.cells.person(row[self._profile])
        at = self._now if self._map.timestamp is None else self.cells.instant(row[self._timestamp])
        traits = self._values_of(row)
        inner: Json = traits.get("traits")
        if isinstance(inner, dict):
            del traits["traits"]
            traits = {**inner, **traits}
        check_payload(traits, MAX_PAYLOAD)
        return Heard("identify", who, Event("identify", at, self._id(number, row), public(traits)), traits)

    def _happened(self, number: int, row: Row) -> Heard:
        if self._rejects:
            self._refuse(row)
        who, at = self.cells.person(row[self._profile]), self.cells.instant(row[self._timestamp])
        return Heard("track", who, Event(self._name(row), at, self._id(number, row), self._values_of(row)))

    # -- parts of a row --------------------------------------------------------------------------------------------

    def _refuse(self, row: Row) -> None:
        for holds, reason in self._rejects:
            if holds(row):
                raise NotHeard("invalid", reason)

    def _name(self, row: Row) -> str:
        for holds, name, place in self._names:
            if holds is None or holds(row):
                if name is not None:
                    return name
                text = str(row[place] or "").strip()
                if not 0 < len(text) <= MAX_NAME:
                    raise NotHeard("invalid", f"no name of an event of 1 to {MAX_NAME} characters")
                return event_name(text)
        raise NotHeard("invalid", "no event that the map names")

    def _id(self, number: int, row: Row) -> bytes:
        if self._map.message_id is not None and (text := row[self._message]) not in (None, ""):
            return hashed_id(str(text))
        return row_id(self._file, number, row)

    def _values_of(self, row: Row) -> dict[str, Any]:
        """Properties that have a value. Plain text and numbers, which most are, cost one look each."""
        if self._open:
            return self._all_of(row)
        found: dict[str, Any] = {}
        size = 0
        known = self.cells.values
        for name, place, numeric in self._properties:
            cell = row[place]
            if cell is None or cell == "":
                continue
            if numeric:
                text = cell
                cell = known.get(text)
                if cell is None:
                    cell = self.cells.value(name, text)
            found[name] = cell
            if type(cell) is str:
                size += len(cell)
            elif type(cell) not in (int, float):
                size = MAX_PAYLOAD
        if self._typed or size > MAX_PAYLOAD // 4 - 100 * len(found):
            check_payload(found, MAX_PAYLOAD)
        return found

    def _all_of(self, row: Any) -> dict[str, Any]:
        found = {name: cell for name, cell in row.items() if name not in self._own and cell is not None and cell != ""}
        check_payload(found, MAX_PAYLOAD)
        return found


class _Itself(dict[str, str]):
    """Where columns stand in an object: under their own names."""

    def __missing__(self, key: str) -> str:
        return key


def _place(place: Mapping[str, Any], column: str | None) -> Any:
    return None if column is None else place[column]


def _stays_text(name: str) -> bool:
    """Ids and names do: 007 is not 7."""
    return name in _TEXT or name.endswith("_id")


def _each(rows: Iterable[tuple[int, Row | Unread]], read: Callable[[int, Row], Any]) -> Entries:
    for number, row in rows:
        if isinstance(row, Unread):
            yield Rejected(number, row)
            continue
        try:
            yield number, read(number, row), row
        except NotHeard as error:
            yield Rejected(number, error.detail, row)


def row_id(file: str, number: int, row: Row) -> bytes:
    """What stands for a row that has no id of its own."""
    try:
        return _ID.pack(number & 0xFFFF, crc32(_pack(row), crc32(file.encode("utf-8", "surrogatepass")) + number & 0xFFFFFFFF))
    except (OverflowError, UnicodeEncodeError) as error:
        raise NotHeard("invalid", "a number beyond 64 bits, or text that is not valid Unicode") from error
