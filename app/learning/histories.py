"""Reading histories: Ibis expressions, run by DuckDB over Parquet files, or by a warehouse over a table of the same columns.

People come one after the other, each with all that happened to them, a piece at a time: DuckDB sorts on disk beyond what it may hold in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import msgspec

from app.domain.event import ID_BYTES, Event, hashed_id
from app.domain.history import History
from app.domain.layout import Trimmed
from app.domain.json import is_object
from app.errors import SettingsInvalid
from app.learning.libraries import library
from app.learning.parquet import COLUMNS, arrow, opened

MEMORY = "128MB"
"""What DuckDB may hold; beyond it, it sorts on disk, which takes it no longer."""
THREADS = 1
"""Each more would want memory of its own; most of the time goes into making people out of rows, not into sorting."""
ROWS_AT_ONCE = 5_000
"""Rows that are objects at the same time."""
TABLE = "events"
_parsed = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A table that Ibis reaches by an address, such as `duckdb:///shop.duckdb#events` or `bigquery://project/dataset#events`."""

    url: str
    table: str = TABLE

    def __str__(self) -> str:
        """Without what may be a password."""
        return f"{urlsplit(self.url).scheme}#{self.table}"


Events: TypeAlias = Path | Warehouse
"""Where events are read from: a Parquet file that `inlay export events` wrote, a folder or pattern of such, or a warehouse."""


def events_of(text: str) -> Events:
    """What somebody named; an address has a scheme."""
    if "://" not in text:
        return Path(text)
    url, _, table = text.partition("#")
    return Warehouse(url, table or TABLE)


@dataclass(frozen=True, slots=True)
class Past:
    """All that happened to one person, oldest first, and by type what was trimmed of it."""

    profile: str
    events: Sequence[Event]
    trimmed: Mapping[str, Trimmed]

    def history(self) -> History:
        return History.of(self.events, trimmed=self.trimmed)


def pasts(events: Events) -> Iterator[Past]:
    """Everybody in a history, one after the other, by their ids. `SettingsInvalid` where it is no such history."""
    profile, happened, trimmed = "", list[Event](), dict[str, Trimmed]()
    for who, name, at, id, properties, count, first_at in _rows(events):
        if who != profile:
            if profile:
                yield Past(profile, happened, trimmed)
            profile, happened, trimmed = who, [], {}
        if count is not None:
            trimmed[name] = Trimmed(at, first_at, count)
        else:
            happened.append(_event(events, who, name, at, id, properties))
    if profile:
        yield Past(profile, happened, trimmed)


def known_until(events: Events) -> int:
    """The instant of the last event of a history, ms."""
    db, table = _table(events)
    found = [at for batch in _batches(db, table.aggregate(last=table.timestamp.max()), on_files=isinstance(events, Path)) for at in _plain(batch.column(0))]
    return max((at for at in found if at is not None), default=0)


def _event(events: Events, who: str, name: Any, at: Any, id: bytes | str | None, properties: str | None) -> Event:
    """One row. An id of another length than ours, as a warehouse may have them, is hashed."""
    try:
        found: Any = _parsed(properties) if properties else {}
    except msgspec.DecodeError as error:
        raise SettingsInvalid(f"{events}: an event of {who!r:.80} has properties that are no JSON: {str(error)[:100]}") from error
    if not isinstance(name, str) or not isinstance(at, int) or not is_object(found):
        raise SettingsInvalid(f"{events}: an event of {who!r:.80} has no name, no timestamp, or properties that are no JSON object")
    whole = id.encode() if isinstance(id, str) else id if id is not None else f"{name} {at} {properties}".encode()
    return Event(name, at, whole if len(whole) == ID_BYTES else hashed_id(whole.hex()), found)


def _table(events: Events) -> tuple[Any, Any]:
    """(the connection, the table). `SettingsInvalid` where there is none, or it has other columns."""
    ibis = library("ibis")
    try:
        if isinstance(events, Warehouse):
            db = ibis.connect(events.url)
            table = db.table(events.table)
        else:
            db = ibis.duckdb.connect(memory_limit=MEMORY, threads=THREADS, preserve_insertion_order=False, temp_directory=gettempdir())
            table = db.read_parquet(str(_files(events)))
    except SettingsInvalid:
        raise
    except Exception as error:  # whatever a driver of a warehouse raises
        raise SettingsInvalid(f"{events} cannot be read: {type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}") from error
    if missing := [name for name in ("profile", "event", "timestamp") if name not in table.columns]:
        raise SettingsInvalid(f"{events}: no column {', '.join(missing)}; a history is what `inlay export events` writes, with the columns {', '.join(COLUMNS['events'])}")
    return db, table


def _files(path: Path) -> Path:
    """A file that is looked into, a folder's files, or a pattern as it is."""
    if path.is_dir():
        return path / "**" / "*.parquet"
    if "*" not in path.name:
        opened(path)
    return path


def _rows(events: Events) -> Iterator[tuple[Any, ...]]:
    """Each person's rows together: what was trimmed first, then by time. Columns that are missing hold nothing."""
    db, table = _table(events)
    wanted = table.select(**{name: _column(table, name, kind) for name, kind in COLUMNS["events"].items()})
    ordered = wanted.order_by(["profile", wanted.trimmed.isnull(), "timestamp"])
    for batch in _batches(db, ordered, on_files=isinstance(events, Path)):
        yield from zip(*[_plain(column) for column in batch.columns], strict=True)


def _column(table: Any, name: str, kind: str) -> Any:
    """A column as rows are read; of one that is missing, nothing."""
    if name not in table.columns:
        return library("ibis").null("int64" if kind in ("instant", "number") else "binary" if kind == "bytes" else "string").name(name)
    column = table[name]
    return column.cast("int64") if kind == "number" else column.cast("string") if kind in ("text", "name") else column


def _plain(column: Any) -> list[Any]:
    """Instants as ms since 1970, whatever zone and unit they came in."""
    pa = arrow()[0]
    return (column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()


def _batches(db: Any, expression: Any, *, on_files: bool) -> Iterator[Any]:
    """The rows, a piece at a time. DuckDB is asked in its own words: Ibis 12 asks it for what it has not had since version 2."""
    if not on_files and db.name != "duckdb":
        yield from expression.to_pyarrow_batches(chunk_size=ROWS_AT_ONCE)
        return
    try:
        yield from db.con.sql(library("ibis").to_sql(expression, dialect="duckdb")).to_arrow_reader(ROWS_AT_ONCE)
    except (OSError, library("duckdb").Error) as error:
        raise SettingsInvalid(f"the history cannot be read to its end: {str(error).splitlines()[0][:200]}. It is sorted on disk, in {gettempdir()}: TMPDIR names another place") from error
