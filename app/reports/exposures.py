"""Who saw which variant and what came of it, counted by DuckDB: from a file with a row per visitor (or per time that one came).

A visitor is counted once, on the day of the first row. Of a metric whose values are all 0 and 1 a visitor has the highest, of any
other the sum; nothing is 0. Whoever has rows of several variants is counted apart, and in no sample.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from app.errors import SettingsInvalid
from app.reports.counting import Daily, counted, told
from app.reports.estimates import Kind
from app.reports.results import Counts

READERS = {
    ".parquet": "read_parquet(?, union_by_name => true)", ".csv": "read_csv(?, sample_size => -1)", ".tsv": "read_csv(?, sample_size => -1)",
    ".jsonl": "read_json(?)", ".ndjson": "read_json(?)", ".json": "read_json(?)",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A file and what its columns are called. Without a `unit` each row is a visitor of its own; with an `experiment` only the rows
    that name it are read; without `at` nothing is known of days. `metrics` are columns of numbers."""

    path: Path
    metrics: tuple[str, ...]
    variant: str = "variant"
    unit: str = ""
    at: str = ""
    experiment: str = ""


def variants_of(table: Table, experiment: str) -> list[str]:
    """Every variant that the file names, sorted."""
    with opened(table, experiment) as db:
        return [row[0] for row in db.execute("SELECT DISTINCT variant FROM seen WHERE variant IS NOT NULL ORDER BY variant").fetchall()]


def count(table: Table, experiment: str, variants: Sequence[str]) -> tuple[Counts, Daily]:
    """The counts of these variants, and by day those of the first metric (none where the file knows no days)."""
    with opened(table, experiment) as db:
        passed = _passed_over(db, table, variants)
        kinds: list[Kind] = [_kind(db, i) for i in range(len(table.metrics))]
        _visit(db, kinds)
        return counted(db, list(zip(table.metrics, kinds, strict=True)), variants, passed)


@contextmanager
def opened(table: Table, experiment: str) -> Generator[duckdb.DuckDBPyConnection]:
    """A database with the rows of one experiment as `seen`: unit, variant, day, and a number per metric."""
    path = table.path
    ending = next((each for each in READERS if path.name.removesuffix(".gz").endswith(each)), None)
    if ending is None:
        raise SettingsInvalid(f"{path}: the name must end in {', '.join(READERS)}; all but Parquet also with .gz")
    if not path.is_file():
        raise SettingsInvalid(f"{path}: there is no such file")
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        try:
            _read(db, table, READERS[ending], experiment)
        except duckdb.BinderException as error:
            raise SettingsInvalid(f"{path}: {told(error)}") from error
        except duckdb.Error as error:
            raise SettingsInvalid(f"{path} cannot be read: {told(error)}") from error
        yield db


def _read(db: duckdb.DuckDBPyConnection, table: Table, reader: str, experiment: str) -> None:
    unit = f"CAST({_quoted(table.unit)} AS VARCHAR)" if table.unit else "CAST(row_number() OVER () AS VARCHAR)"
    day = f"strftime(CAST({_quoted(table.at)} AS TIMESTAMP), '%Y-%m-%d')" if table.at else "CAST(NULL AS VARCHAR)"
    values = "".join(
        f", TRY_CAST({_quoted(name)} AS DOUBLE) AS m{i}, {_quoted(name)} IS NOT NULL AND NOT coalesce(isfinite(TRY_CAST({_quoted(name)} AS DOUBLE)), false) AS odd{i}"
        for i, name in enumerate(table.metrics)
    )
    only = f"WHERE CAST({_quoted(table.experiment)} AS VARCHAR) = ?" if table.experiment else ""
    db.execute(
        f"CREATE TABLE seen AS SELECT {unit} AS unit, CAST({_quoted(table.variant)} AS VARCHAR) AS variant, {day} AS day{values} FROM {reader} {only}",  # noqa: S608 (names are quoted)
        [str(table.path), *([experiment] if table.experiment else [])],
    )


def _quoted(name: str) -> str:
    """A column's name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def _passed_over(db: duckdb.DuckDBPyConnection, table: Table, variants: Sequence[str]) -> dict[str, int]:
    """Why rows, or single values, do not count, with how many there are; they are taken out."""
    found: dict[str, int] = {}
    for i, name in enumerate(table.metrics):
        odd = db.execute(f"SELECT count(*) FROM seen WHERE odd{i}").fetchone()
        found[f"{name} is no number there, and taken as 0"] = odd[0] if odd else 0
        db.execute(f"UPDATE seen SET m{i} = 0 WHERE odd{i} OR m{i} IS NULL")
    for condition, why in (("unit IS NULL", "nobody is named"), ("variant IS NULL", "no variant is named")):
        found[why] = _removed(db, condition, [])
    others = db.execute("SELECT DISTINCT variant FROM seen WHERE NOT list_contains(?, variant) ORDER BY variant", [list(variants)]).fetchall()
    for (variant,) in others:
        found[f"{variant} is not a variant of the experiment"] = _removed(db, "variant = ?", [variant])
    return {why: number for why, number in found.items() if number}


def _removed(db: duckdb.DuckDBPyConnection, condition: str, values: list[str]) -> int:
    found = db.execute(f"DELETE FROM seen WHERE {condition}", values).fetchone()
    return found[0] if found else 0


def _kind(db: duckdb.DuckDBPyConnection, i: int) -> Kind:
    found = db.execute(f"SELECT bool_and(m{i} IN (0, 1)) FROM seen").fetchone()
    return "rate" if found is not None and found[0] is not False else "mean"


def _visit(db: duckdb.DuckDBPyConnection, kinds: Sequence[Kind]) -> None:
    """A row per visitor."""
    values = "".join(f", {'max' if kind == 'rate' else 'fsum'}(m{i}) AS m{i}" for i, kind in enumerate(kinds))
    db.execute(f"CREATE TABLE visitors AS SELECT min(variant) AS variant, count(DISTINCT variant) AS variants, min(day) AS day{values} FROM seen GROUP BY unit")
