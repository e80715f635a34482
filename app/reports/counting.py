"""Visitors counted: from a table of DuckDB with a row for each to samples by metric, variant and day.

The table is `visitors`: `variant`, `variants` (how many they saw), `day`, and a number per metric, `m0` being the one that decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from app.reports.estimates import Kind, Sample
from app.reports.results import Counts

Daily = list[tuple[str, dict[str, Sample]]]


def counted(db: duckdb.DuckDBPyConnection, metrics: Sequence[tuple[str, Kind]], variants: Sequence[str], passed: dict[str, int]) -> tuple[Counts, Daily]:
    """The counts of these variants, and by day those of the first metric (none where no days are known). Whoever saw several is in no sample."""
    units = dict.fromkeys(variants, 0) | dict(db.execute("SELECT variant, count(*) FROM visitors WHERE variants = 1 GROUP BY variant").fetchall())
    samples = {name: _samples(db, i, kind, variants) for i, (name, kind) in enumerate(metrics)}
    found = db.execute("SELECT count(*) FILTER (variants > 1), coalesce(min(day), ''), coalesce(max(day), '') FROM visitors").fetchone()
    multiple, first, last = found or (0, "", "")
    return Counts(units, samples, multiple, passed, first, last), _daily(db, metrics[0][1])


def _samples(db: duckdb.DuckDBPyConnection, i: int, kind: Kind, variants: Sequence[str]) -> dict[str, Sample]:
    rows = db.execute(f"SELECT variant, count(*), fsum(m{i}), fsum(m{i} * m{i}) FROM visitors WHERE variants = 1 GROUP BY variant").fetchall()
    return {variant: Sample(kind, 0, 0.0, 0.0) for variant in variants} | {variant: Sample(kind, n, total, squares) for variant, n, total, squares in rows}


def _daily(db: duckdb.DuckDBPyConnection, kind: Kind) -> Daily:
    rows = db.execute("SELECT day, variant, count(*), fsum(m0), fsum(m0 * m0) FROM visitors WHERE variants = 1 AND day IS NOT NULL GROUP BY day, variant ORDER BY day, variant").fetchall()
    days: dict[str, dict[str, Sample]] = {}
    for day, variant, n, total, squares in rows:
        days.setdefault(day, {})[variant] = Sample(kind, n, total, squares)
    return list(days.items())


def told(error: Exception) -> str:
    """The first line of what DuckDB says, without the kind of error."""
    return str(error).split("\n")[0].partition(": ")[2] or str(error)
