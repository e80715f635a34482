"""Tables as they are imported: what a map says of their columns, and what comes of their rows (`docs/import.md`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, TypeAlias

from msgspec import Struct

from app.formats.row_conditions import Condition


@dataclass(frozen=True, slots=True)
class EventNamed:
    """The event of the rows that meet `when` (None: of all): the name in a column, or one for all of them."""

    when: Condition | None
    name: str
    column: bool = False


@dataclass(frozen=True, slots=True)
class RowMap:
    """Which column says what. `events` are tried in order; `kind` is that of ids in the profile's column that name none;
    `format` is strptime's, for timestamps that are not ISO 8601; `decimal` is the mark in numbers with digits grouped.
    Without `properties` every column that says nothing else is one."""

    events: tuple[EventNamed, ...] = ()
    profile: str | None = None
    timestamp: str | None = None
    kind: str = "user_id"
    format: str | None = None
    zone: tzinfo = UTC
    message_id: str | None = None
    group_by: str | None = None
    properties: Mapping[str, str] | None = None
    decimal: str | None = None
    rejects: tuple[tuple[Condition, str], ...] = ()

    def own(self) -> frozenset[str]:
        """The columns that are no properties unless the map says so."""
        found = {self.profile, self.timestamp, self.message_id, self.group_by} - {None}
        return frozenset(found | {each.name for each in self.events if each.column})  # pyright: ignore[reportReturnType]


class Unread(str):
    """Why a row cannot be read; it stands in the row's place."""

    __slots__ = ()


class Rejected(Struct, frozen=True):
    """A row that makes nothing: its number from 1, why, and what it holds (None where it could not be read)."""

    number: int
    reason: str
    row: Any = None


Entry: TypeAlias = "tuple[int, Any, Any]"
"""The number of a row, what it makes (`Heard`, or an item), and the row itself; of several rows, the first one's number
and a `Group` of them."""
Entries: TypeAlias = "Iterator[Entry | Rejected]"


class Group(list[Entry]):
    """The rows that make one event, in the order of the file."""
