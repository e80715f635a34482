"""A person, sorted by the identifiers that everything came by, from what stands under their key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.adapters.whole_keys import FIELDS, read_marks, read_versions
from app.domain.event import ID_BYTES
from app.domain.history import History
from app.domain.whole import Edge, Holding, Mark, Row, Whole, stamp_of


class _Sorting:
    """A person's data being sorted by origin."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[bytes, Row]] = {}
        self.fields: dict[str, dict[str, set[bytes]]] = {}
        self.sends: dict[str, dict[str, bytes]] = {}
        self.marks: dict[str, dict[int, Mark]] = {}

    def field(self, origin: str, name: str, value: bytes) -> None:
        self.fields.setdefault(origin, {}).setdefault(name, set()).add(value)

    def holdings(self) -> dict[str, Holding]:
        origins = (*self.rows, *self.fields, *self.sends, *self.marks)
        found = {
            origin: Holding(
                self.rows.get(origin, {}), {name: frozenset(values) for name, values in self.fields.get(origin, {}).items()},
                self.sends.get(origin, {}), self.marks.get(origin, {}),
            )
            for origin in origins
        }
        return {origin: holding for origin, holding in found.items() if holding}


def read_whole(
    key: str, history: History | None, meta: Mapping[bytes, bytes], origins: Mapping[bytes, bytes], records: Mapping[bytes, bytes]
) -> Whole:
    found = _Sorting()
    edges: set[Edge] = set()
    parted: dict[tuple[str, str], int] = {}
    owners = {name[2:].decode(): value.decode() for name, value in origins.items() if name.startswith(b"w:")}
    for name, value in meta.items():
        field = name.decode()
        if field.startswith(FIELDS) and not field.startswith("i:u:"):
            found.field(owners.get(field, key), field, value)
    came: dict[str, set[bytes]] = {}
    standing = set(records)
    for name, value in origins.items():
        kind, (first, _, second) = name[:2], name[2:].decode().partition("\0")
        if kind == b"e:":
            came[first] = {value[i : i + ID_BYTES] for i in range(0, len(value), ID_BYTES)}
        elif kind == b"f:":
            for version in read_versions(value):
                found.field(first, second, version)
        elif kind == b"k:":
            found.marks[first] = read_marks(value)
        elif kind == b"g:":
            edges.add(Edge(*stamp_of(value), first, second))
        elif kind == b"n:":
            parted[first, second] = int.from_bytes(value, "big")
        elif kind == b"r:":
            send = second.encode()
            if not value and send in standing:
                found.sends.setdefault(first, {})[second] = records[send]
                standing.discard(send)
            elif value:
                found.sends.setdefault(first, {})[second] = value
    for send in standing:
        found.sends.setdefault(key, {})[send.decode()] = records[send]
    if history is not None:
        _sort_events(found, key, history, came)
    return Whole(found.holdings(), frozenset(edges), parted)


def _sort_events(found: _Sorting, key: str, history: History, came: Mapping[str, set[bytes]]) -> None:
    strange = set[bytes]().union(*(ids for origin, ids in came.items() if origin != key))
    for i, at in enumerate(history.ts):
        id = history.id(i)
        row: Row = (at, id, history.types[i], history.payload(i))
        for origin in [origin for origin, ids in came.items() if id in ids]:
            found.rows.setdefault(origin, {})[id] = row
        if id not in strange:
            found.rows.setdefault(key, {})[id] = row
    ours = read_marks(history.trims)
    for marks in found.marks.values():
        for code, mark in marks.items():
            if code in ours:
                ours[code] = replace(ours[code], count=max(ours[code].count - mark.count, 0))
    found.marks[key] = {code: mark for code, mark in ours.items() if mark.count}
