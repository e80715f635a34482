"""Examples to learn from, in memory: the inputs by column, the label, and where it is known the instant of each row."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from app.content.values import instant
from app.errors import SettingsInvalid
from app.learning.parquet import opened
from app.learning.spec import Column, Spec, Table

DELIMITERS = ",;|\t"
_TRUTH = {"true": 1.0, "yes": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "no": 0.0, "0": 0.0, "0.0": 0.0}


@dataclass(frozen=True, slots=True)
class Examples:
    """`values[i]` holds what column `i` is in every row: numbers (NaN where absent) or texts ("" where absent)."""

    columns: tuple[Column, ...]
    values: tuple[np.ndarray, ...]
    label: np.ndarray
    instant: np.ndarray | None = None
    who: np.ndarray | None = None
    """Whose rows they are, where that is known."""
    treated: np.ndarray | None = None
    """Where it matters who was treated: 1 or 0."""
    weight: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: np.ndarray) -> Examples:
        of_rows = [None if each is None else each[rows] for each in (self.instant, self.who, self.treated, self.weight)]
        return Examples(self.columns, tuple(each[rows] for each in self.values), self.label[rows], *of_rows)

    def without(self, names: Sequence[str]) -> Examples:
        kept = [i for i, column in enumerate(self.columns) if str(column.name) not in names]
        return Examples(tuple(self.columns[i] for i in kept), tuple(self.values[i] for i in kept), self.label, self.instant, self.who, self.treated, self.weight)


def read_rows(path: Path, spec: Spec) -> Examples:
    """A training set as `inlay dataset` writes it; `SettingsInvalid` where it was made by another spec."""
    file = opened(path)
    wanted = ["profile", "instant", "label", *(["treated"] if spec.uplift is not None else []), *(str(column.name) for column in spec.inputs)]
    if missing := [name for name in wanted if name not in file.schema_arrow.names]:
        raise SettingsInvalid(f"{path}: no column {', '.join(missing)}; make it anew with `inlay dataset`")
    table = file.read(wanted)
    instants = table.column("instant").cast("int64").to_numpy()
    values = tuple(_values(table.column(str(column.name)).to_pylist(), column) for column in spec.inputs)
    who = np.array(table.column("profile").to_pylist(), dtype=object)
    treated = np.array(table.column("treated").to_pylist(), dtype=np.float64) if spec.uplift is not None else None
    return Examples(spec.inputs, values, np.array(table.column("label").to_pylist(), dtype=np.float64), instants, who, treated)


def read_table(spec: Spec, timezone: Any) -> Examples:
    """The rows of the spec's table; `SettingsInvalid` where a column is missing or the label is no yes or no."""
    assert spec.table is not None
    columns = _parquet(spec.table.file) if spec.table.file.suffix == ".parquet" else _csv(spec.table.file)
    named = {column: column.of or column.name.path[-1] for column in spec.inputs}
    wanted = [*named.values(), spec.table.label, *([spec.table.treated] if spec.table.treated else []), *([spec.table.time] if spec.table.time else [])]
    if missing := [name for name in wanted if name not in columns]:
        raise SettingsInvalid(f"{spec.table.file}: no column {', '.join(missing)}; it has {', '.join(columns)[:400]}")
    values = tuple(_values(columns[named[column]], column) for column in spec.inputs)
    treated = _labels(spec.table, columns[spec.table.treated], "treated") if spec.table.treated else None
    return Examples(spec.inputs, values, _labels(spec.table, columns[spec.table.label]), _instants(spec.table, columns, timezone), treated=treated)


def _parquet(path: Path) -> dict[str, list[Any]]:
    return dict(opened(path).read().to_pydict())


def _csv(path: Path) -> dict[str, list[Any]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") if path.suffix == ".gz" else path.open(encoding="utf-8", newline="") as file:
        first = file.readline()
        header = next(csv.reader([first], delimiter=max(DELIMITERS, key=first.count)), list[str]())
        rows = [row for row in csv.reader(file, delimiter=max(DELIMITERS, key=first.count)) if row]
    if wrong := next((i for i, row in enumerate(rows, 2) if len(row) != len(header)), 0):
        raise SettingsInvalid(f"{path}:{wrong} has {len(rows[wrong - 2])} cells where there are {len(header)} columns")
    return {name: [row[i] for row in rows] for i, name in enumerate(header)}


def _values(found: Iterable[Any], column: Column) -> np.ndarray:
    if column.text:
        return np.array(["" if value is None else str(value) for value in found], dtype=object)
    return np.array([_number(value) for value in found], dtype=np.float64)


def _number(value: Any) -> float:
    """As a served model's input is: numbers and truths, everything else is absent."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return _TRUTH.get(value.lower(), np.nan)
    return float(value) if isinstance(value, (int, float)) else np.nan


def _labels(table: Table, found: Sequence[Any], what: Literal["label", "treated"] = "label") -> np.ndarray:
    told, said = [_TRUTH.get(str(value).strip().lower()) for value in found], "a label" if what == "label" else what
    for i, (label, value) in enumerate(zip(told, found, strict=True)):
        if label is None:
            raise SettingsInvalid(f"{table.file}: row {i + 1} has {value!r:.40} in {getattr(table, what)}; {said} is 1 or 0, true or false, yes or no")
    return np.array(told, dtype=np.float64)


def _instants(table: Table, columns: dict[str, list[Any]], timezone: Any) -> np.ndarray | None:
    if not table.time:
        return None
    found = [int(value.timestamp() * 1000) if hasattr(value, "timestamp") else instant(str(value), timezone) for value in columns[table.time]]
    for i, at in enumerate(found):
        if at is None:
            raise SettingsInvalid(f"{table.file}: row {i + 1} has {columns[table.time][i]!r:.40} in {table.time}, which is no date such as 2026-10-01")
    return np.array(found, dtype=np.int64)
