"""Tables in files: CSV, JSON Lines, a JSON list, Parquet, all but the last also gzipped; read a row at a time."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from importlib import import_module
from itertools import chain, count
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias, cast

import msgspec

from app.domain.json import Json
from app.errors import SettingsInvalid
from app.formats.rows import Unread

MAX_CELL = 1 << 20
MAX_LINE = 16 << 20
ARROW_ROWS = 8_192
DELIMITERS = ",;\t|"
ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}

Cells: TypeAlias = Sequence[Any]
_decode: Callable[[bytes], Json] = msgspec.json.Decoder().decode


class Object(dict[str, Any]):
    """A JSON object as a row. What it lacks is None, but that a dotted name reaches into the objects in it."""

    def __missing__(self, key: str) -> Any:
        found: Json = self
        for part in key.split(".") if "." in key else ():
            found = found.get(part) if isinstance(found, dict) else None
        return None if found is self else found


class Table:
    """A file. `columns` are those of a CSV's first line or of a Parquet schema, None where each row has its own (JSON).
    `typed` says that cells have types, else they are text; `total` is the number of rows where that is known."""

    def __init__(self, path: Path, encoding: str | None = None, delimiter: str | None = None) -> None:
        self.path = path
        self.name = path.name.removesuffix(".gz")
        self.typed = not self.name.endswith((".csv", ".tsv"))
        self.columns: list[str] | None = None
        self.total: int | None = None
        self._read = 0
        self._first: Mapping[str, Any] = {}
        if not self.name.endswith(ENDINGS):
            raise SettingsInvalid(f"{path}: the name must end in {', '.join(ENDINGS)}; all but Parquet also with .gz")
        self._size = max(path.stat().st_size, 1)
        self._raw = path.open("rb", buffering=0)
        self._rows: Iterator[Any]
        if self.name.endswith(".parquet"):
            self._rows = self._parquet()
            return
        plain: Any = gzip.GzipFile(fileobj=self._raw) if path.suffix == ".gz" else io.BufferedReader(self._raw, 1 << 18)
        if self.typed:
            self._rows = self._json(_json_list(plain, path) if self.name.endswith(".json") else _json_lines(plain))
        else:
            self._rows = self._csv(plain, encoding, delimiter)

    def done(self) -> float:
        """How much of the file was read, from 0 to 1."""
        if self.total is not None:
            return self._read / max(self.total, 1)
        return 1.0 if self._raw.closed else min(self._raw.tell() / self._size, 1.0)

    def known(self) -> list[str]:
        """The columns, or those of the first object."""
        return self.columns if self.columns is not None else list(self._first)

    def rows(self) -> Iterator[tuple[int, Any]]:
        """Each row's number from 1, and a list of its cells or an `Object`; `Unread` where it is neither.
        `SettingsInvalid` where the file breaks off in its middle."""
        number = 0
        try:
            for row in self._rows:
                number += 1
                yield number, row
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SettingsInvalid(f"{self.path}: the gzip file is broken after row {number:,}: {error}") from error
        except UnicodeError as error:
            raise SettingsInvalid(f"{self.path}: not {getattr(error, 'encoding', 'readable')} after row {number:,}; say what it is with --encoding") from error

    # -- CSV -------------------------------------------------------------------------------------------------------

    def _csv(self, plain: Any, encoding: str | None, delimiter: str | None) -> Iterator[list[str] | Unread]:
        start = _start(plain, self.path)
        encoding = encoding or next((name for bom, name in _BOMS.items() if start.startswith(bom)), "utf-8-sig")
        noted = _Noted()
        try:
            text = io.TextIOWrapper(plain, encoding, errors=noted.name, newline="")
            first = start.decode(encoding, "replace").partition("\n")[0]
        except LookupError as error:
            raise SettingsInvalid(f"no encoding {encoding!r}: utf-8, cp1252 and latin-1 are common ones") from error
        csv.field_size_limit(MAX_CELL)
        reader = csv.reader(text, delimiter=delimiter or max(DELIMITERS, key=first.count))
        try:
            self.columns = _header(next(reader, list[str]()), self.path)
        except csv.Error as error:
            raise SettingsInvalid(f"{self.path}: the first line cannot be read: {error}") from error
        return _csv_rows(reader, len(self.columns), noted)

    # -- JSON ------------------------------------------------------------------------------------------------------

    def _json(self, objects: Iterator[Object | Unread]) -> Iterator[Object | Unread]:
        for first in objects:
            self._first = first if isinstance(first, Object) else {}
            return chain((first,), objects)
        return objects

    # -- Parquet ---------------------------------------------------------------------------------------------------

    def _parquet(self) -> Iterator[Cells]:
        try:
            arrow: Any = import_module("pyarrow")
            parquet: Any = import_module("pyarrow.parquet")
        except ImportError as error:
            raise SettingsInvalid("Parquet needs the extra: pip install 'inlay[parquet]'") from error
        try:
            file = parquet.ParquetFile(self._raw)
        except (arrow.ArrowException, OSError) as error:
            raise SettingsInvalid(f"{self.path}: no Parquet file that can be read: {str(error)[:200]}") from error
        self.columns, self.total = list(file.schema_arrow.names), file.metadata.num_rows
        return chain.from_iterable(map(self._cells, file.iter_batches(ARROW_ROWS)))

    def _cells(self, batch: Any) -> Iterator[Cells]:
        self._read += batch.num_rows
        return zip(*[_arrow_cells(column) for column in batch.columns], strict=True)


class _Noted:
    """An error handler that lets bytes pass which are not in the encoding, and notes that there were some."""

    _numbers = count()

    def __init__(self) -> None:
        self.seen = False
        self.name = f"inlay-noted-{next(self._numbers)}"
        self._escape: Any = codecs.lookup_error("surrogateescape")
        codecs.register_error(self.name, self._note)

    def _note(self, error: UnicodeError) -> tuple[str, int]:
        self.seen = True
        return self._escape(error)


def _start(plain: Any, path: Path) -> bytes:
    try:
        return plain.peek(1 << 16)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SettingsInvalid(f"{path}: no gzip file: {error}") from error


def _header(row: list[str], path: Path) -> list[str]:
    columns = [name.strip() for name in row]
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise SettingsInvalid(f"{path}: two columns are called {twice[0]!r}")
    return columns


def _csv_rows(reader: Iterator[list[str]], width: int, noted: _Noted) -> Iterator[list[str] | Unread]:
    while True:
        try:
            for row in reader:
                if len(row) != width:
                    if row:
                        yield Unread(f"{len(row)} cells where there are {width} columns")
                elif noted.seen and not _encodable(row):
                    yield Unread("text that is not in the encoding of the file")
                else:
                    yield row
            return
        except csv.Error:
            yield Unread(f"a cell of more than {MAX_CELL:,} characters, or a quote that is not closed")


def _encodable(row: list[str]) -> bool:
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_lines(plain: Any) -> Iterator[Object | Unread]:
    first = True
    while line := plain.readline(MAX_LINE):
        if first:
            line, first = line.removeprefix(codecs.BOM_UTF8), False
        if line.strip():
            yield _object(line)


def _object(line: bytes) -> Object | Unread:
    try:
        found = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Unread(f"no JSON: {str(error)[:80]}")
    return _row(found)


def _json_list(plain: Any, path: Path) -> Iterator[Object | Unread]:
    try:
        found = _decode(plain.read().removeprefix(codecs.BOM_UTF8) or b"[]")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsInvalid(f"{path}: no JSON: {error}") from error
    if not isinstance(found, list):
        raise SettingsInvalid(f"{path}: a list of objects belongs here; objects a line go into a .jsonl file")
    return map(_row, found)


def _row(found: Json) -> Object | Unread:
    return Object(found) if isinstance(found, dict) else Unread("no JSON object")


def _arrow_cells(column: Any) -> Iterable[Any]:
    """A column as plain values: dates as ISO 8601 text, decimals as numbers, what is not a number as none."""
    cells: list[Any] = column.to_pylist()
    return cells if set(map(type, cells)) <= _PLAIN else [_plain(cell) for cell in cells]


_PLAIN = frozenset({str, int, bool, type(None)})


def _plain(cell: Any) -> Any:
    match cell:
        case float():
            return cell if isfinite(cell) else None
        case Decimal():
            return int(cell) if cell == cell.to_integral_value() else float(cell)
        case date() | time():
            return cell.isoformat()
        case bytes():
            return cell.decode("utf-8", "replace")
        case dict():
            return {str(key): _plain(each) for key, each in cast("dict[Any, Any]", cell).items()}
        case list():
            return [_plain(each) for each in cast("list[Any]", cell)]
        case _:
            return cell
