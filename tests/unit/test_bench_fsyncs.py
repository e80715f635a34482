"""What a power cut leaves, out of what strace saw."""

from __future__ import annotations

from pathlib import Path

from bench.fsyncs import synced

DATA = Path("/data")
AOF, SPOOL = DATA / "redis" / "a.aof", DATA / "spool" / "1.spool"


def covered(*lines: str, sizes: dict[Path, int] | None = None) -> dict[Path, int]:
    return synced(lines, DATA, sizes or {})


def test_what_was_written_before_an_fsync_is_covered_and_what_came_after_is_not():
    lines = (f'7 write(9<{AOF}>, ""..., 100) = 100', f"7 fdatasync(9<{AOF}>) = 0", f'7 write(9<{AOF}>, ""..., 50) = 50')

    assert covered(*lines) == {AOF: 100}
    assert covered(*lines, sizes={AOF: 1_000}) == {AOF: 1_100}


def test_an_fsync_covers_what_was_written_when_it_began():
    lines = (
        f'7 write(9<{AOF}>, ""..., 100) = 100', f"8 fdatasync(9<{AOF}> <unfinished ...>", f'7 write(9<{AOF}>, ""..., 50) = 50', "8 <... fdatasync resumed>) = 0",
    )

    assert covered(*lines) == {AOF: 100}


def test_an_fsync_that_never_returned_covers_nothing():
    assert covered(f'7 write(9<{AOF}>, ""..., 100) = 100', f"7 fdatasync(9<{AOF}> <unfinished ...>") == {AOF: 0}
    assert covered(f'7 write(9<{AOF}>, ""..., 100) = 100', f"7 fdatasync(9<{AOF}>) = -1 EIO (Input/output error)") == {AOF: 0}


def test_files_are_told_apart_and_others_are_passed_over():
    lines = (f'7 write(9<{AOF}>, ""..., 100) = 100', f'8 write(4<{SPOOL}>, ""..., 30) = 30', '8 write(1</var/log>, ""..., 30) = 30', f"8 fdatasync(4<{SPOOL}>) = 0")

    assert covered(*lines) == {AOF: 0, SPOOL: 30}
