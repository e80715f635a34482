"""Who saw which variant, or was held out, and what came of it: counted from the packed decision log (docs/decision-log.md).

A unit is in an experiment from its first decision under a variant on; of what the person did since, what lies within a metric's window
counts. Where each send is a unit, it counts for the latest send before it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from app.domain.experiments import Experiment, Holdout, Measure
from app.reports.counting import Daily, counted
from app.reports.estimates import Kind
from app.reports.results import Counts

HELD, SERVED = "held out", "served"
_EXPERIMENT = "p.variants[?]"
_HOLDOUT = f"CASE WHEN p.holdout = ? THEN '{HELD}' WHEN p.holdout = '' THEN '{SERVED}' END"


@dataclass(frozen=True, slots=True)
class Log:
    """The folder, and which days of exposures are read (ISO dates, half-open; empty: all)."""

    folder: Path
    since: str = ""
    until: str = ""
    damaged: list[str] = field(default_factory=list[str])
    """Files that could not be read, and were left out."""


def count_experiment(log: Log, experiment: Experiment, measures: Sequence[Measure]) -> tuple[Counts, Daily]:
    unit = "d.who || ':' || d.send" if experiment.unit == "send" else "d.who"
    with _opened(log, _EXPERIMENT, experiment.id, unit, ()) as db:
        return _counted(db, measures, [name for name, _ in experiment.variants], log)


def count_holdout(log: Log, holdout: Holdout, measures: Sequence[Measure]) -> tuple[Counts, Daily]:
    """Those held out against those served, in the placements of the holdout; whom another holdout holds is in neither."""
    with _opened(log, _HOLDOUT, holdout.id, "d.who", holdout.placements) as db:
        return _counted(db, measures, [SERVED, HELD], log)


@contextmanager
def _opened(log: Log, variant: str, id: str, unit: str, placements: Sequence[str]) -> Generator[duckdb.DuckDBPyConnection]:
    """A database with `seen` (unit, who, variant, moment) and `outcomes` (who, moment, event, value)."""
    decisions, outcomes = _readable(log, "decisions"), _readable(log, "outcomes")
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute("CREATE TABLE seen (unit VARCHAR, who VARCHAR, variant VARCHAR, moment TIMESTAMPTZ)")
        if decisions:
            db.execute(
                f'INSERT INTO seen SELECT {unit} AS unit, d.who, {variant} AS variant, d."at" AS moment FROM read_parquet(?) d, unnest(d.placements) AS t(p) '  # noqa: S608 (our own words)
                "WHERE (? = '' OR d.\"at\" >= CAST(? AS TIMESTAMPTZ)) AND (? = '' OR d.\"at\" < CAST(? AS TIMESTAMPTZ)) AND (len(?) = 0 OR list_contains(?, p.placement))",
                [id, decisions, log.since, log.since or None, log.until, log.until or None, list(placements), list(placements)],
            )
        db.execute("DELETE FROM seen WHERE variant IS NULL")
        db.execute("CREATE TABLE outcomes (who VARCHAR, moment TIMESTAMPTZ, event VARCHAR, value DOUBLE)")
        if outcomes:
            db.execute("INSERT INTO outcomes SELECT DISTINCT who, \"at\", event, value FROM read_parquet(?) WHERE who IN (SELECT who FROM seen WHERE who <> '')", [outcomes])
        yield db


def _readable(log: Log, what: str) -> list[str]:
    """The files that are whole; others are noted."""
    found: list[str] = []
    with duckdb.connect() as db:
        for path in sorted(log.folder.glob(f"date=*/{what}-*.parquet")):
            try:
                db.execute("SELECT count(*) FROM parquet_file_metadata(?)", [str(path)])
                found.append(str(path))
            except duckdb.Error:
                log.damaged.append(f"{path.parent.name}/{path.name}")
    return found


def _counted(db: duckdb.DuckDBPyConnection, measures: Sequence[Measure], variants: Sequence[str], log: Log) -> tuple[Counts, Daily]:
    passed = {"people who were erased since": _number(db, "DELETE FROM seen WHERE who = ''")}
    for (variant,) in db.execute("SELECT DISTINCT variant FROM seen WHERE NOT list_contains(?, variant) ORDER BY variant", [list(variants)]).fetchall():
        passed[f"{variant} is not a variant of the experiment"] = _number(db, "DELETE FROM seen WHERE variant = ?", variant)
    db.execute(
        "CREATE TABLE units AS SELECT unit, any_value(who) AS who, min(variant) AS variant, count(DISTINCT variant) AS variants, min(moment) AS moment FROM seen GROUP BY unit"
    )
    db.execute("CREATE TABLE visitors AS SELECT unit, variant, variants, strftime(moment, '%Y-%m-%d') AS day FROM units")
    kinds: list[tuple[str, Kind]] = [(each.name, "mean" if each.total else "rate") for each in measures]
    for i, each in enumerate(measures):
        _measure(db, i, each)
    counts, daily = counted(db, kinds, variants, {why: number for why, number in passed.items() if number})
    return replace(counts, remarks=tuple(_remarks(log))), daily


def _remarks(log: Log) -> Iterator[str]:
    yield from [f"{name} is damaged, and left out" for name in log.damaged]
    if not any(log.folder.glob("date=*/decisions-*.parquet")):
        yield f"there are no packed decisions in {log.folder.name}/: inlay log pack makes them of what servers wrote"


def _measure(db: duckdb.DuckDBPyConnection, i: int, measure: Measure) -> None:
    """Add the column of a metric to the visitors."""
    db.execute(f"ALTER TABLE visitors ADD COLUMN m{i} DOUBLE DEFAULT 0")
    db.execute(
        f"UPDATE visitors SET m{i} = found.value FROM (SELECT u.unit, {'fsum(o.value)' if measure.total else '1.0'} AS value "  # noqa: S608 (our own words)
        "FROM outcomes o ASOF JOIN units u ON o.who = u.who AND o.moment > u.moment WHERE o.event = ? AND o.moment <= u.moment + to_milliseconds(?) GROUP BY u.unit) found WHERE visitors.unit = found.unit",
        [measure.event, measure.within],
    )


def _number(db: duckdb.DuckDBPyConnection, statement: str, *values: str) -> int:
    found = db.execute(statement, list(values)).fetchone()
    return found[0] if found else 0
