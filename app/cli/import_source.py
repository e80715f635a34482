"""What `inlay import` reads: a file as entries, as its kind and its map say."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from app.adapters.file_tables import Table
from app.catalogue.items import parse_item
from app.cli.import_groups import Groups
from app.cli.import_map import read_map, usual_map
from app.domain.event import hashed_id
from app.formats.row_reading import Reading, row_id
from app.formats.rows import Entries, Rejected, RowMap, Unread
from app.formats.segment import NotHeard
from app.formats.wire import parse


@dataclass(frozen=True, slots=True)
class Source:
    """`key` stands for the file and its map, `done` tells how much is read, from 0 to 1, `notes` what to say in the end."""

    table: Table
    entries: Entries
    key: str
    done: Callable[[], float]
    notes: Callable[[], Sequence[str]] = tuple


def source_of(asked: Namespace, kinds: Collection[str]) -> Source:
    """`kinds` are those of ids that the content declares. `SettingsInvalid` or `ContentInvalid` where the file or its map cannot be used."""
    table, now, key = Table(asked.file, asked.encoding, asked.delimiter), time.time_ns() // 1_000_000, _key(asked)
    given = None if asked.map is None else read_map(asked.map, asked.kind, table.known(), kinds, complete=table.columns is not None)
    if asked.kind == "events" and given is None and table.columns is None:
        return Source(table, _events(table, now), key, table.done)
    map = given if given is not None else usual_map(asked.file, asked.kind, table.known())
    reading = Reading(map, table.columns, table.name, now, kinds, typed=table.typed)
    groups = _groups(reading, map, table)
    notes = partial(_of_numbers, reading.cells.looks_grouped)
    if groups is not None:
        return Source(table, iter(groups), key, lambda: (table.done() + groups.done) / 2, notes)
    return Source(table, _entries(asked.kind, reading, table), key, table.done, notes)


def _key(asked: Namespace) -> str:
    """The same for the same file read in the same way."""
    stat = asked.file.stat()
    said = (asked.kind, asked.file.name, stat.st_size, stat.st_mtime_ns, asked.encoding, asked.delimiter)
    meant = asked.map.read_bytes() if asked.map is not None and asked.map.is_file() else b""
    return sha256(repr(said).encode("utf-8", "surrogatepass") + meant).hexdigest()[:32]


def _entries(kind: str, reading: Reading, table: Table) -> Entries:
    if kind == "items":
        return reading.items(table.rows(), parse_item)
    return reading.profiles(table.rows()) if kind == "profiles" else reading.events(table.rows())


def _groups(reading: Reading, map: RowMap, table: Table) -> Groups | None:
    if map.group_by is None:
        return None
    return Groups(reading.events(table.rows()), map.group_by, map.group_by if table.columns is None else table.columns.index(map.group_by))


def _of_numbers(looking: dict[str, int]) -> list[str]:
    return [
        f'{many:,} different values of {name} look like numbers with a comma or grouped digits and were taken as text; say `decimal: "."` or `decimal: ","` in the map'
        for name, many in looking.items()
    ]


def _events(table: Table, now: int) -> Entries:
    """Rows that are events already."""
    for number, row in table.rows():
        if isinstance(row, Unread):
            yield Rejected(number, row)
            continue
        try:
            yield number, parse(row, now, partial(row_id, table.name, number, row), hashed_id), row
        except NotHeard as error:
            yield Rejected(number, error.detail, row)
