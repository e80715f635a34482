"""Finding one decision in a log, wherever it lies by now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.domain.logged import Entry, Logged, Outcome
from app.journal.packed import find_packed
from app.journal.segments import day_of, find, segments

SLACK = 60_000
"""Ms that clocks and the writer's moment may lie apart."""


def decision(folder: Path, id: bytes, at: int) -> tuple[list[Logged], list[Outcome]]:
    """The records of a decision whose first was made at `at`, and what came of it, each once, oldest first. `LogUnusable` where it
    lies in Parquet and nothing can read that here."""
    found: dict[bytes, Entry] = {}
    for each in (*_in_stream(folder, id, at), *find_packed(folder, id, day_of(at))):
        found[repr(each).encode()] = each
    ordered = sorted(found.values(), key=lambda each: each.at)
    return [each for each in ordered if isinstance(each, Logged)], [each for each in ordered if isinstance(each, Outcome)]


def _in_stream(folder: Path, id: bytes, at: int) -> Iterator[Entry]:
    for path in segments(folder):
        with suppress(FileNotFoundError):  # packed meanwhile
            if path.stat().st_mtime_ns // 1_000_000 + SLACK >= at:
                yield from find(path, id)
