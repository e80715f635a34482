"""What a power cut would leave of files: everything up to the last fsync that returned, as strace saw it.

A kill proves nothing about durability, for the page cache outlives the process. So a server runs under strace, which notes
every write to a file of its data folder and every fsync; cut off what was written since, and the folder is what a disk
without power would hold in the worst case.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

_CALL = re.compile(r"^(\d+) +(write|pwrite64|writev|fdatasync|fsync|ftruncate)\((\d+)<([^>]*)>(?:, (\d+))?(.*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_RESULT = re.compile(r"= (-?\d+)")
SYSCALLS = "write,pwrite64,writev,fdatasync,fsync,ftruncate"


def traced(log: Path) -> tuple[str, ...]:
    """What to put before a command so that its writes and fsyncs, and those of all that it starts, are noted in `log`."""
    strace = shutil.which("strace")
    if strace is None:
        raise RuntimeError("power cuts are told by strace, which is not installed: apt-get install strace")
    return (strace, "-f", "-y", "--seccomp-bpf", "-s", "0", "-e", f"trace={SYSCALLS}", "-e", "signal=none", "-o", str(log))


def synced(lines: Iterable[str], folder: Path, sizes: dict[Path, int]) -> dict[Path, int]:
    """File -> bytes that an fsync covers, for those of `folder` that were written to; `sizes` are those at the start."""
    written, covered = dict(sizes), dict(sizes)
    under_way: dict[str, tuple[str, Path, int]] = {}
    prefix = str(folder) + "/"
    for line in lines:
        if (call := _CALL.match(line)) is not None:
            pid, name, _, where, length, rest = call.groups()
            if not where.startswith(prefix):
                continue
            begun = (name, Path(where), int(length or 0) if name == "ftruncate" else written.get(Path(where), 0))
            if "<unfinished" in rest:
                under_way[pid] = begun
                continue
        elif (resumed := _RESUMED.match(line)) is not None and resumed[1] in under_way:
            begun, rest = under_way.pop(resumed[1]), resumed[3]
        else:
            continue
        result = _RESULT.findall(rest)
        if result and int(result[-1]) >= 0:
            _note(*begun, int(result[-1]), written, covered)
    return {path: covered.get(path, 0) for path in written}


def _note(name: str, path: Path, before: int, result: int, written: dict[Path, int], covered: dict[Path, int]) -> None:
    """`before` is what had been written when an fsync began: only that is sure to be covered by it."""
    match name:
        case "fsync" | "fdatasync":
            covered[path] = max(covered.get(path, 0), before)
        case "ftruncate":
            written[path] = before
            covered[path] = min(covered.get(path, 0), before)
        case _:
            written[path] = written.get(path, 0) + result


def sizes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def cut(log: Path, folder: Path, before: dict[Path, int], names: tuple[str, ...]) -> int:
    """Take away of the files with these endings what no fsync covers; how many bytes that were."""
    gone = 0
    with log.open(errors="replace") as lines:
        for path, size in synced(lines, folder, before).items():
            if path.suffix in names and path.exists() and path.stat().st_size > size:
                gone += path.stat().st_size - size
                os.truncate(path, size)
    return gone
