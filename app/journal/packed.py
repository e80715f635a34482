"""The log for good: Parquet, a folder per day, for DuckDB and whatever else reads it; and the way there from the stream.

`decisions-….parquet` has a row per record, `outcomes-….parquet` one per event that may have come of one. What the columns of a
decision tell is all in `record` as well, together with what it was made of.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from app.content.reenact import Stage
from app.content.why import Why
from app.domain.logged import Entry, Logged, Outcome, decode_logged, encode_logged
from app.domain.trace import candidates_of
from app.errors import LogUnusable
from app.journal.archive import Archive
from app.journal.segments import closed, day_of, entries, segments

ROWS = 2_000
"""Rows of a group: what is read to find one decision."""
AFTER_DAYS = 10
"""How long after a decision its outcomes are looked for."""


@dataclass(slots=True)
class Packed:
    """What a turn did."""

    files: int = 0
    decisions: int = 0
    outcomes: int = 0
    days_dropped: int = 0
    troubles: list[str] = field(default_factory=list[str])


def arrow() -> Any:
    """pyarrow, where it is installed; `LogUnusable` says how to."""
    try:
        import pyarrow as pa
        import pyarrow.parquet  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise LogUnusable("Parquet needs pyarrow: pip install 'inlay[log]'") from error
    return pa


# -- packing -----------------------------------------------------------------------------------------------------------


def pack(folder: Path, now: int, *, keep_days: int, every: bool = False, step: Callable[[Path], None] | None = None) -> Packed:
    """Turn the closed files of the stream into Parquet, and drop days older than `keep_days`. Doing it twice changes nothing. `every`:
    files that a server still writes to are copied too, as far as they are; they stay in the stream."""
    arrow()
    archive, done = Archive(folder), Packed()
    with alone(folder):
        for path in segments(folder):
            complete = closed(path)
            if complete or every:
                _pack_file(archive, path, done)
            if complete:
                path.unlink()
            if step is not None:
                step(path)
        done.days_dropped = _drop_old(folder, now, keep_days)
    return done


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """Nobody else changes what is packed meanwhile; `LogUnusable` where somebody does."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".packing").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LogUnusable(f"{folder} is being packed by another process") from error
        yield


def _pack_file(archive: Archive, path: Path, done: Packed) -> None:
    found = sorted(entries(path, lambda file, what: done.troubles.append(f"{file.name}: {what}")), key=lambda each: (type(each) is Outcome, day_of(each.at), each.id))
    for (outcomes, day), group in groupby(found, key=lambda each: (type(each) is Outcome, day_of(each.at))):
        rows = list(group)
        home = archive.folder / f"date={day}"
        if outcomes:
            write_outcomes(home / f"outcomes-{path.stem}.parquet", rows)  # pyright: ignore[reportArgumentType]
            done.outcomes += len(rows)
        else:
            write_decisions(home / f"decisions-{path.stem}.parquet", rows, archive, done.troubles)  # pyright: ignore[reportArgumentType]
            done.decisions += len(rows)
    done.files += 1


def _schemas(pa: Any) -> tuple[Any, Any]:
    instant, text = pa.timestamp("ms", "UTC"), pa.string()
    candidate = pa.struct([("offer", text), ("outcome", text), ("by", text), ("at", text), ("score", pa.float64())])
    placement = pa.struct([
        ("placement", text), ("offer", text), ("block", text), ("reason", text), ("items", pa.list_(text)), ("variants", pa.map_(text, text)),
        ("holdout", text), ("propensity", pa.float64()), ("candidates", pa.list_(candidate)),
    ])
    feature = pa.struct([("name", text), ("value", text), ("newest", instant)])
    head = [("decision", text), ("who", text), ("at", instant)]
    decisions = pa.schema([
        *head, ("send", text), ("mail", text), ("content_version", text), ("latency_us", pa.int32()), ("degraded", pa.list_(text)),
        ("placements", pa.list_(placement)), ("features", pa.list_(feature)), ("record", pa.binary()),
    ])
    return decisions, pa.schema([*head, ("event", text), ("value", pa.float64())])


def write_decisions(path: Path, rows: list[Logged], archive: Archive, troubles: list[str]) -> None:
    """Sorted, so that one is found by reading a little; candidates and ages are left out where the content is not there any more."""
    explain = _Explained(archive, troubles)
    _write(path, 0, [
        {
            "decision": each.id.hex(), "who": each.who.hex(), "at": each.at, "send": each.send, "mail": each.mail, "content_version": each.content,
            "latency_us": each.micros, "degraded": each.degraded, "placements": explain.placements(whole), "features": explain.features(whole),
            "record": encode_logged(each),
        }
        for each in sorted(rows, key=lambda each: each.id) if (whole := explain.completed(each))
    ])


def write_outcomes(path: Path, rows: list[Outcome]) -> None:
    _write(path, 1, [{"decision": each.id.hex(), "who": each.who.hex(), "at": each.at, "event": each.event, "value": each.value} for each in rows])


def _write(path: Path, which: int, rows: list[dict[str, Any]]) -> None:
    pa = arrow()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    table = pa.Table.from_pylist(rows, schema=_schemas(pa)[which])
    pa.parquet.write_table(table, part, compression="zstd", row_group_size=ROWS)
    part.replace(path)


class _Explained:
    """What only the content that made a record can tell of it."""

    def __init__(self, archive: Archive, troubles: list[str]) -> None:
        self._archive = archive
        self._troubles = troubles
        self._tables: dict[str, Any] = {}
        self._why: Why | None = None
        self._stages: dict[str, Stage | None] = {}

    def completed(self, record: Logged) -> Logged:
        """With every offer judged, where that can be done still."""
        stage = self._stage(record.content)
        if record.given is None or stage is None:
            return record
        try:
            return stage.completed(record, self._archive.history(record.given))
        except LogUnusable:
            return record

    def _stage(self, version: str) -> Stage | None:
        if version not in self._stages:
            self._stages[version] = Stage(self._archive.snapshot(version), scored=True) if self._table(version) else None
        return self._stages[version]

    def placements(self, record: Logged) -> list[dict[str, Any]]:
        table = self._table(record.content)
        return [
            {
                "placement": id, "offer": fate.offer, "block": fate.block, "reason": fate.reason, "items": [item for item, _ in fate.items],
                "variants": list(fate.variants.items()), "holdout": fate.holdout, "propensity": fate.propensity,
                "candidates": [
                    {"offer": each.offer, "outcome": each.outcome, "by": each.by, "at": each.at, "score": each.score} for each in candidates_of(fate, table[id])
                ] if id in table else [],
            }
            for id, fate in record.fates.items()
        ]

    def features(self, record: Logged) -> list[dict[str, Any]]:
        ages = self._ages(record)
        return [{"name": id, "value": msgspec.json.encode(value).decode(), "newest": ages.get(id)} for id, value in record.features.items()]

    def _table(self, version: str) -> Any:
        if version not in self._tables:
            try:
                self._tables[version] = self._archive.snapshot(version).table()
            except LogUnusable as error:
                self._troubles.append(error.message)
                self._tables[version] = {}
        return self._tables[version]

    def _ages(self, record: Logged) -> dict[str, int | None]:
        """feature -> when the newest event happened that it looks at."""
        if record.given is None or not record.features or not self._table(record.content):
            return {}
        snapshot = self._archive.snapshot(record.content)
        if self._why is None or self._why.snapshot is not snapshot:
            self._why = Why(snapshot)
        try:
            r = Stage(snapshot, scored=True).request(record, self._archive.history(record.given))
        except LogUnusable:
            return {}
        return {id: self._why.newest(r, id) for id in record.features if id in snapshot.definitions.features}


# -- reading -----------------------------------------------------------------------------------------------------------


def find_packed(folder: Path, id: bytes, day: str) -> Iterator[Entry]:
    """The records of a decision of that day and of the next, and what came of it in the ten days after."""
    first = datetime.fromisoformat(day).replace(tzinfo=UTC)
    days = [f"date={first + timedelta(days=n):%Y-%m-%d}" for n in range(AFTER_DAYS)]
    wanted = id.hex()
    for name in days:
        for path in sorted((folder / name).glob("decisions-*.parquet")):
            yield from (decode_logged(row["record"]) for row in _rows(path, wanted, ["decision", "record"]))
    for name in days:
        for path in sorted((folder / name).glob("outcomes-*.parquet")):
            yield from (_outcome(row) for row in _rows(path, wanted, ["decision", "who", "at", "event", "value"]))


def _outcome(row: dict[str, Any]) -> Outcome:
    return Outcome(1, bytes.fromhex(row["decision"]), bytes.fromhex(row["who"]), int(row["at"].timestamp() * 1000), row["event"], row["value"])


def _rows(path: Path, wanted: str, columns: list[str]) -> list[dict[str, Any]]:
    """The rows of one decision; only groups that may hold it are read."""
    with arrow().parquet.ParquetFile(path) as file:
        groups = [number for number in range(file.num_row_groups) if _may_hold(file.metadata.row_group(number).column(0).statistics, wanted)]
        found: list[dict[str, Any]] = file.read_row_groups(groups, columns).to_pylist() if groups else []
    return [row for row in found if row["decision"] == wanted]


def _may_hold(statistics: Any, wanted: str) -> bool:
    return statistics is None or not statistics.has_min_max or statistics.min <= wanted <= statistics.max


def _drop_old(folder: Path, now: int, keep_days: int) -> int:
    oldest, dropped = day_of(now - keep_days * 86_400_000), 0
    for home in folder.glob("date=*"):
        if home.name.removeprefix("date=") < oldest:
            for path in home.iterdir():
                path.unlink()
            home.rmdir()
            dropped += 1
    return dropped
