"""The decision log turned into Parquet once a day, by a process of its own that waits for everybody else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec

from app.journal.segments import closed, day_of, segments
from app.settings import Settings

SETTLED_MS = 70 * 60_000
"""After midnight (UTC) this much later: by then the day's files are complete."""
NICE = 19


class Packing:
    """Looked at by `tick` with the time: what a former day left is packed when a server starts, each day when it has ended. Of servers that
    share a folder one packs, the others find nothing left."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._day = ""
        self._process: subprocess.Popen[str] | None = None

    @property
    def busy(self) -> bool:
        return self._process is not None

    def tick(self, now: int) -> None:
        """`now` in ms."""
        if self._process is not None:
            self._finish(self._process)
            return
        day = day_of(now - SETTLED_MS)
        if day == self._day:
            return
        self._day = day
        if self._settings.log == "on" and self._settings.log_pack == "daily" and any(map(closed, segments(self._settings.log_home))):
            self._begin()

    def _begin(self) -> None:
        if find_spec("pyarrow") is None:
            self._say("the decision log stays as it was written: pip install 'inlay[log]' lets it become Parquet, day by day")
            return
        settings = self._settings
        environment = {**os.environ, "INLAY_LOG_DAYS": str(settings.log_days)}
        command = [sys.executable, "-m", "app", "log", "pack", "--log", str(settings.log_home), "--data", str(settings.data)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True)
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICE)

    def _finish(self, process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            return
        told, _ = process.communicate()
        self._process = None
        if process.returncode != 0 and "by another process" not in told:
            self._say(f"packing the decision log: {' '.join(told.split())[:500]}")

    def stop(self) -> None:
        """What was begun is given up; it is packed the next time."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
