"""A worker's copy of the items, kept up to date by what changed; with a copy on disk for a start without the store."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from app.catalogue.items import parse_item
from app.domain.item import Item
from app.errors import RequestInvalid


class Replica:
    """`rows` in the order of first arrival. `version` counts every change taken in here; `at` is the store's version.

    A request that holds `rows` keeps seeing them whole: a change puts a new list in place.
    """

    def __init__(self) -> None:
        self.version = 0
        self.at = 0
        self.rows: list[Item] = []
        self._by_id: dict[str, Item] = {}
        self._indexes: dict[str, tuple[int, dict[Any, list[int]]]] = {}

    def get(self, id: str) -> Item | None:
        return self._by_id.get(id)

    def apply(self, at: int, changes: Mapping[str, Mapping[str, Any] | None]) -> None:
        """Take changes in, all at once; an item that does not pass the rules for items is left out."""
        if not changes:
            self.at = at
            return
        by_id = dict(self._by_id)
        for id, fields in changes.items():
            if fields is None:
                by_id.pop(id, None)
                continue
            try:
                by_id[id] = Item(parse_item(fields))
            except RequestInvalid:
                by_id.pop(id, None)
        self._by_id, self.rows = by_id, list(by_id.values())
        self.at = at
        self.version += 1

    def index(self, field: str) -> Mapping[Any, Sequence[int]]:
        """value -> numbers of the rows that have it, for equality; built on first use and per version."""
        found = self._indexes.get(field)
        if found is None or found[0] != self.version:
            rows: dict[Any, list[int]] = {}
            for number, item in enumerate(self.rows):
                value = item.fields.get(field)
                if isinstance(value, (str, int, float)):
                    rows.setdefault(("boolean", value) if isinstance(value, bool) else value, []).append(number)
            found = self._indexes[field] = (self.version, rows)
        return found[1]

    def save(self, path: Path) -> None:
        """Write the copy on disk, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(msgspec.msgpack.encode([item.fields for item in self.rows]))
        part.replace(path)

    def restore(self, path: Path) -> bool:
        """Take the copy on disk; False where there is none or it cannot be read."""
        try:
            rows = msgspec.msgpack.decode(path.read_bytes())
            self.apply(0, {row["id"]: row for row in rows})
        except (OSError, msgspec.DecodeError, KeyError, TypeError):
            return False
        return True
