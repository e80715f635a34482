"""The machine and the commit that a figure belongs to, and who runs on which core."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SERVER_CORE = CORES[0] if CORES else -1
LOAD_CORE = CORES[-1] if CORES else -1


def pinned(core: int) -> None:
    """Keep this process, and what it starts from now on, on one core; where the system cannot, nothing happens."""
    if core >= 0:
        os.sched_setaffinity(0, {core})


def free() -> None:
    """Undo `pinned`."""
    if CORES:
        os.sched_setaffinity(0, set(CORES))


def descendants(pid: int) -> list[int]:
    """All processes below one, parents first."""
    found: list[int] = []
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def command_line(pid: int) -> bytes:
    """What a process was started with, its words ended by zeros; nothing of one that has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def cpu_seconds(pid: int) -> float:
    """CPU time so far of a process and all that it started, to the ns; 0 for none."""
    threads = [thread for each in (pid, *descendants(pid)) for thread in Path(f"/proc/{each}/task").glob("*")]
    return sum(int(line.split()[0]) for thread in threads for line in _lines(f"{thread}/schedstat")) / 1e9


def machine() -> str:
    """Such as `AMD EPYC, 2 cores, 23 GB, Linux 6.1, CPython 3.11.7`."""
    model = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    memory = next((int(line.split()[1]) >> 20 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    system = f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"
    return f"{model}, {os.cpu_count()} cores, {memory} GB, {system}, {platform.python_implementation()} {platform.python_version()}"


def commit() -> str:
    """The short hash of what is checked out, `+` where the tree differs from it; empty outside a repository."""
    try:
        found = _git("rev-parse", "--short=12", "HEAD")
        return found + ("+" if _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout.strip()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
