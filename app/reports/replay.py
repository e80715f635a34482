"""Logged requests through another version of the content: who would get something else, why, and what it would have earned.

Files are gone through in parallel; what came out is counted by DuckDB. A file or a record that cannot be used is named, and the rest
goes on.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from app.content.choosing import Verdict
from app.content.reenact import Again, Stage
from app.content.snapshot import Snapshot
from app.content.why import Why
from app.content.words import condition_words
from app.domain.decision import Candidate, Choice
from app.domain.logged import Fate, Logged, decode_logged
from app.errors import InlayError, LogUnusable
from app.journal.archive import Archive
from app.journal.packed import arrow
from app.journal.segments import day_of, entries, segments
from app.reports.worth import Worth, worth

Open = Callable[[Path], Snapshot]
"""Opens a folder of content with its models; it is called once in each process."""

_RESULT = {
    "who": "string", "decision": "string", "at": "int64", "placement": "string", "old": "string", "new": "string", "why": "string", "capped_old": "bool_",
    "capped_new": "bool_", "propensity": "float64", "features": "string", "shares": "string",
}
_OUTCOMES = {"who": "string", "decision": "string", "at": "int64", "event": "string", "value": "float64"}


def _table(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> Any:
    """An Arrow table of these columns."""
    pa = arrow()
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, getattr(pa, kind)()) for name, kind in columns.items()]))


@dataclass(frozen=True, slots=True)
class Change:
    """So many would get `new` in the place of `old` (None: the fallback), because of `why`."""

    placement: str
    old: str | None
    new: str | None
    why: str
    decisions: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What a placement showed in the log, and would show. `gone`: the content has no such placement any more, it would be blank."""

    placement: str
    decisions: int
    changed: int
    people_changed: int
    fallback_old: int
    fallback_new: int
    gone: int
    capped_old: int
    capped_new: int


@dataclass(slots=True)
class Replay:
    """`uses` counts how often each offer would be shown whose inventory runs out, before and after."""

    version: str
    decisions: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])
    troubles: list[str] = field(default_factory=list[str])
    placements: list[Shown] = field(default_factory=list[Shown])
    changes: list[Change] = field(default_factory=list[Change])
    uses: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    worth: Worth | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What one file gave."""

    decisions: int
    skipped: Counter[str]
    troubles: list[str]


def replay(log: Path, content: Path, open_content: Open, *, reward: str, within_ms: int, processes: int = 0, step: Callable[[int], None] | None = None) -> Replay:
    """The whole log; of what a server still writes to, not the copy that was packed. `LogUnusable` where there is none."""
    open_, packed = segments(log), sorted(log.glob("date=*/decisions-*.parquet"))
    copied = {path.stem for path in open_}
    files = [path for path in packed if path.stem.removeprefix("decisions-") not in copied] + open_
    if not files:
        raise LogUnusable(f"{log} holds no decisions: neither date=*/decisions-*.parquet nor stream/*.log")
    snapshot = open_content(content)
    found = Replay(snapshot.version)
    found.troubles += [f"model {id}: {why}; its fallback score is used" for id, why in snapshot.runtime.troubles().items()]
    with tempfile.TemporaryDirectory(prefix="inlay-replay-") as scratch:
        tasks = [(path, Path(scratch) / f"{i}.parquet") for i, path in enumerate(files)]
        for done in _each(tasks, log, content, open_content, processes or min(len(files), os.cpu_count() or 1)):
            found.decisions += done.decisions
            found.skipped += done.skipped
            found.troubles += [each for each in done.troubles if each not in found.troubles]
            if step is not None:
                step(done.decisions)
        if not found.decisions:
            raise LogUnusable(f"none of the {sum(found.skipped.values()):,} records in {log} can be replayed: {'; '.join([*found.skipped, *found.troubles][:3])}")
        _count(found, scratch, snapshot)
        found.worth = worth(f"{scratch}/*.parquet", _outcomes(log, found.troubles), reward, within_ms)
    return found


# -- in parallel -------------------------------------------------------------------------------------------------------


def _each(tasks: list[tuple[Path, Path]], log: Path, content: Path, open_content: Open, processes: int) -> Iterator[Done]:
    if processes == 1:
        _begin(log, content, open_content)
        yield from map(_file, tasks)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin, (log, content, open_content)) as pool:
        yield from pool.map(_file, tasks)


class _Process:
    """What a process holds while it goes through its files."""

    stage: Stage
    why: Why
    archive: Archive


def _begin(log: Path, content: Path, open_content: Open) -> None:
    snapshot = open_content(content)
    archive = _Process.archive = Archive(log)
    _Process.stage = Stage(snapshot, scored=False, made_by=archive.snapshot)
    _Process.why = Why(_Process.stage.snapshot)


def _file(task: tuple[Path, Path]) -> Done:
    path, into = task
    skipped, troubles, rows = Counter[str](), list[str](), list[dict[str, Any]]()
    number = 0
    for record in _records(path, troubles):
        try:
            rows += _rows(record)
            number += 1
        except LogUnusable as error:
            skipped[error.message] += 1
        except (InlayError, ValueError, TypeError, KeyError) as error:  # a record that was damaged in a way that its checksum hides
            skipped[f"cannot be decided again: {type(error).__name__}"] += 1
    arrow().parquet.write_table(_table(rows, _RESULT), into)
    return Done(number, skipped, troubles)


def _records(path: Path, troubles: list[str]) -> Iterator[Logged]:
    if path.suffix != ".parquet":
        found = entries(path, lambda file, what: troubles.append(f"{file.name}: {what}"))
        yield from (each for each in found if isinstance(each, Logged))
        return
    try:
        with duckdb.connect() as db:
            bodies = db.execute("SELECT record FROM read_parquet(?) ORDER BY \"at\"", [str(path)]).fetchall()
    except duckdb.Error as error:
        troubles.append(f"{path.parent.name}/{path.name}: cannot be read, and was passed over: {str(error).splitlines()[0][:120]}")
        return
    for (body,) in bodies:
        try:
            yield decode_logged(body)
        except msgspec.DecodeError:
            troubles.append(f"{path.name}: holds records of another version of Inlay")
            return


def _rows(record: Logged) -> list[dict[str, Any]]:
    if record.given is None:
        raise LogUnusable("the person was erased since")
    archive, stage = _Process.archive, _Process.stage
    again = stage.again(record, archive.history(record.given), archive.items(day_of(record.at)))
    features = msgspec.json.encode({id: value for id, value in record.features.items() if type(value) in (int, float)}).decode()
    head = {"who": record.who.hex(), "decision": record.id.hex(), "at": record.at, "features": features}
    return [head | _row(record, placement, fate, again) for placement, fate in record.fates.items()]


def _row(record: Logged, placement: str, fate: Fate, again: Again) -> dict[str, Any]:
    choice, verdict = again.choices.get(placement), again.verdicts.get(placement)
    capped = "caps" in (why for _, why in fate.later)
    found = {"placement": placement, "old": fate.offer or "", "propensity": fate.propensity, "capped_old": capped}
    if choice is None or verdict is None:
        return found | {"new": None, "why": "the placement is no more", "capped_new": False, "shares": "{}"}
    new = choice.offer or ""
    why = "" if new == (fate.offer or "") else _why(again, fate.offer, new, verdict.candidates())
    return found | {"new": new, "why": why, "capped_new": "caps" in verdict.later.values(), "shares": msgspec.json.encode(_shares(choice, verdict)).decode()}


def _shares(choice: Choice, verdict: Verdict) -> dict[str, float]:
    """With what probability the policy shows which offer: where a bandit drew, those of the same priority that could be shown."""
    if choice.drawn is None or verdict.chosen is None:
        return {choice.offer or "": 1.0}
    offers, priority = verdict.judgement.offers, verdict.judgement.offers[verdict.chosen].priority
    left = {offers[i].id: share for i, share in verdict.scores.items() if share and i not in verdict.later and offers[i].priority == priority}
    total = sum(left.values())
    return {offer: share / total for offer, share in left.items()}


def _why(again: Again, old: str | None, new: str, candidates: list[Candidate]) -> str:
    """Why the former choice is not it any more; the same words for everybody, so that they can be counted."""
    each = next((each for each in candidates if each.offer == old), None)
    if old is None:
        return f"{new} is possible now"
    if each is None:
        return f"{old} is no offer of this placement any more"
    if each.outcome == "outranked":
        return f"{new} ranks higher"
    leaf = _Process.why.leaf(again.request, each)
    return f"{each.by} ({each.at})" if leaf is None else f"{each.by}: {'' if each.by == 'suppress' else 'needs '}{condition_words(leaf)} ({each.at})"


# -- counting ----------------------------------------------------------------------------------------------------------


def _count(found: Replay, scratch: str, snapshot: Snapshot) -> None:
    with duckdb.connect() as db:
        db.execute(f"CREATE VIEW rows AS SELECT * FROM read_parquet('{scratch}/*.parquet')")
        found.placements = [Shown(*row) for row in db.execute(
            "SELECT placement, count(*), count(*) FILTER (new IS DISTINCT FROM old), count(DISTINCT who) FILTER (new IS DISTINCT FROM old), "
            "count(*) FILTER (old = ''), count(*) FILTER (new = ''), count(*) FILTER (new IS NULL), count(*) FILTER (capped_old), count(*) FILTER (capped_new) "
            "FROM rows GROUP BY placement ORDER BY placement").fetchall()]
        found.changes = [Change(placement, old or None, new or None, why, number) for placement, old, new, why, number in db.execute(
            "SELECT placement, old, new, why, count(*) AS n FROM rows WHERE new IS DISTINCT FROM old GROUP BY ALL ORDER BY n DESC, placement, old, new, why LIMIT 100").fetchall()]
        limited = [id for id, offer in snapshot.definitions.offers.items() if offer.inventory is not None]
        shown: dict[str, tuple[int, int]] = {id: (old, new) for id, old, new in db.execute(
            "SELECT offer, sum(was)::BIGINT, sum(would)::BIGINT FROM (SELECT old AS offer, 1 AS was, 0 AS would FROM rows UNION ALL SELECT new, 0, 1 FROM rows) GROUP BY offer").fetchall()}
        found.uses = [(id, *shown.get(id, (0, 0))) for id in limited]


def _outcomes(log: Path, troubles: list[str]) -> Any:
    """What came of decisions, wherever it lies, as an Arrow table."""
    columns: list[tuple[str, str, int, str, float]] = []
    copied = {path.stem for path in segments(log)}
    for path in [path for path in sorted(log.glob("date=*/outcomes-*.parquet")) if path.stem.removeprefix("outcomes-") not in copied]:
        try:
            with duckdb.connect() as db:
                columns += db.execute("SELECT who, decision, epoch_ms(\"at\"), event, value FROM read_parquet(?)", [str(path)]).fetchall()
        except duckdb.Error:
            troubles.append(f"{path.parent.name}/{path.name}: cannot be read, and was passed over")
    for path in segments(log):
        columns += [(each.who.hex(), each.id.hex(), each.at, each.event, each.value) for each in entries(path, _told_already) if not isinstance(each, Logged)]
    return _table([dict(zip(_OUTCOMES, row, strict=True)) for row in columns], _OUTCOMES)


def _told_already(_: Path, __: str) -> None:
    """What is wrong with a file was said when its decisions were read."""
