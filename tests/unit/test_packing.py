"""The log packed by the server itself: once a day, when the day has ended, and only where it is wished."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from app.adapters.file_log import FileLog
from app.domain.logged import DECISION, VERSION, Fate, Given, Logged, frame
from app.journal.segments import Segment, segments
from app.settings import Settings
from app.supervise.packing import SETTLED_MS, Packing

MIDNIGHT = 1_790_035_200_000
"""2026-09-22T00:00Z"""
NOON = MIDNIGHT + 12 * 3_600_000
BOUND_SECONDS = 60


def write(folder: Path) -> None:
    """One decision, by a server that then ended."""

    async def story() -> None:
        log = FileLog(folder, 1 << 20, _uncounted, lambda: None, list)
        fate = Fate(b"", None, [], [], None, "plain", "fallback")
        log.put(frame(DECISION, Logged(VERSION, b"d" * 16, b"a" * 16, NOON, "s1", None, "v1", {"hero": fate}, {}, Given(), [], 900)))
        await log.stop()

    asyncio.run(story())


def _uncounted(_: str, __: int) -> None:
    """Nobody looks at what was written."""


def server(folder: Path, said: list[str], **settings: Any) -> Packing:
    return Packing(Settings(data=folder, **settings), said.append)


def until_done(packing: Packing, now: int) -> None:
    deadline = time.monotonic() + BOUND_SECONDS
    while packing.busy and time.monotonic() < deadline:
        time.sleep(0.05)
        packing.tick(now)


def test_what_former_days_left_is_packed_when_the_server_starts(tmp_path: Path) -> None:
    write(tmp_path / "log")
    packing = server(tmp_path, [])

    packing.tick(NOON)
    until_done(packing, NOON)

    assert [path.parent.name for path in tmp_path.glob("log/date=*/decisions-*.parquet")] == ["date=2026-09-22"]
    assert segments(tmp_path / "log") == []


def test_the_same_day_it_is_not_packed_again(tmp_path: Path) -> None:
    packing = server(tmp_path, [])
    packing.tick(NOON)
    write(tmp_path / "log")

    packing.tick(MIDNIGHT + 86_400_000 + SETTLED_MS - 1)

    assert not packing.busy


def test_it_is_packed_when_the_day_has_ended_and_its_files_are_complete(tmp_path: Path) -> None:
    packing = server(tmp_path, [])
    packing.tick(NOON)
    write(tmp_path / "log")

    packing.tick(MIDNIGHT + 86_400_000 + SETTLED_MS)
    until_done(packing, NOON + 86_400_000)

    assert segments(tmp_path / "log") == []


def test_what_is_still_written_to_is_left_to_another_day(tmp_path: Path) -> None:
    writing = Segment(tmp_path / "log" / "stream", 1)
    packing = server(tmp_path, [])

    packing.tick(NOON)

    assert not packing.busy
    writing.close()


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    write(tmp_path / "log")
    packing = server(tmp_path, [], log_pack="off")

    packing.tick(NOON)

    assert not packing.busy


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    said: list[str] = []
    write(tmp_path / "log")
    path = segments(tmp_path / "log")[0]
    path.write_bytes(path.read_bytes()[:-9])
    packing = server(tmp_path, said)

    packing.tick(NOON)
    until_done(packing, NOON)

    assert "cut in the middle" in said[0]
