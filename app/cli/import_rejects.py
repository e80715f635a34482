"""The file of rejected rows: CSV where its name says so, else JSON Lines; each row with its number and the reason."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.adapters.redis_imports import Place
from app.formats.rows import Group, Rejected


class Rejects:
    """`path` None: nowhere. `before` is what an earlier run noted: where the file still holds what it wrote, `continued`
    is true and the rest follows; else the file begins anew."""

    def __init__(self, path: Path | None, columns: Sequence[str] | None, before: Place | None = None) -> None:
        self._columns = columns
        self._path = path
        self._csv = path is not None and path.suffix == ".csv"
        place = before.rejects if before is not None else 0
        self.continued = before is not None and (path is None or (path.exists() and path.stat().st_size >= max(place, 1)))
        self._file = None
        if path is not None:
            self._file = path.open("r+b" if self.continued else "wb")
            if self.continued:
                self._file.truncate(place)
                self._file.seek(place)
            elif self._csv:
                self._line(["row", "reason", *(columns or ("values",))])

    def place(self) -> int:
        """How far the file is written."""
        if self._file is None:
            return 0
        self._file.flush()
        return self._file.tell()

    def write(self, rejected: Rejected) -> None:
        if self._file is None:
            return
        if isinstance(rejected.row, Group):
            for number, _, row in rejected.row:
                self._one(number, rejected.reason, row)
        else:
            self._one(rejected.number, rejected.reason, rejected.row)

    def _one(self, number: int, reason: str, row: Any) -> None:
        if self._csv:
            self._line([number, reason, *self._cells(row)])
            return
        values: dict[str, Any] = dict(row if self._columns is None else zip(self._columns, row, strict=False)) if row is not None else {}
        self._bytes(json.dumps({"row": number, "reason": reason} | values | {"row": number, "reason": reason}, default=str))

    def _cells(self, row: Any) -> Sequence[Any]:
        if row is None:
            return ()
        return row if self._columns is not None else (json.dumps(row, default=str),)

    def _line(self, cells: Sequence[Any]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(cells)
        self._bytes(text.getvalue())

    def _bytes(self, line: str) -> None:
        assert self._file is not None
        self._file.write(line.encode("utf-8", "replace") + b"\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
