"""The workers that answer: kept alive, and replaced without a gap when the code changes."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.settings import Settings
from app.supervise.begin import command
from app.supervise.door import GRACE_SECONDS, lock
from app.telemetry import Telemetry

STOP_SECONDS = 15.0
PACKAGE = Path(__file__).parent.parent


@dataclass(slots=True)
class Worker:
    """A process on the shared socket; `ready` once it has said so on `told`, a file descriptor."""

    process: subprocess.Popen[bytes]
    told: int
    ready: bool = False

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        if self.alive:
            self.process.send_signal(signal.SIGTERM)

    def reap(self) -> None:
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Fleet:
    """`settings.workers` processes. `say` tells people what happens, `telemetry` counts those that died.

    They load their code at once, and wait for `begin`: meanwhile the content is looked at and Redis loads its data.
    """

    def __init__(self, settings: Settings, listening: socket.socket, say: Callable[[str], None], telemetry: Telemetry) -> None:
        self._settings = settings
        self._begun = False
        self._listening = listening
        self._say = say
        self._telemetry = telemetry
        self._deaths: list[float] = []
        self._coming: list[Worker] = []
        self._leaving: list[Worker] = []
        self._serving = [self._spawn() for _ in range(settings.workers)]

    def begin(self, settings: Settings) -> None:
        """Serve by these settings."""
        self._settings, self._begun = settings, True
        for worker in self._serving:
            self._tell(worker.process)

    @property
    def ready(self) -> bool:
        return any(worker.ready for worker in self._serving)

    def wait(self, seconds: float) -> None:
        """Until a worker says that it is ready, at most so long."""
        silent = {worker.told: worker for worker in (*self._serving, *self._coming) if worker.alive and not worker.ready}
        try:
            heard, _, _ = select.select(list(silent), [], [], seconds)
        except InterruptedError:
            return
        for told in heard:
            silent[told].ready = bool(os.read(told, 100))

    def mend(self) -> None:
        """Replace what died, with a growing pause; finish or give up a change of code."""
        for worker in [worker for worker in self._serving if not worker.alive]:
            self._serving.remove(worker)
            now = time.monotonic()
            self._deaths = [at for at in self._deaths if now - at < 30] + [now]
            self._say(f"a worker ended (exit {worker.process.returncode}); starting another")
            self._telemetry.respawned("worker")
            time.sleep(min(2.0, 0.05 * 2 ** min(len(self._deaths), 6)))
            self._serving.append(self._spawn())
        self._leaving = [worker for worker in self._leaving if worker.alive]
        if any(not worker.alive for worker in self._coming):
            self._dismiss(self._coming)
            self._coming = []
            self._say("the changed code does not start: what served goes on serving")
        elif self._coming and all(worker.ready for worker in self._coming):
            self._dismiss(self._serving)
            self._serving, self._coming = self._coming, []
            self._say("the changed code serves")

    def renew(self) -> None:
        """Start other workers on the code as it is now; those that serve leave when the others are ready."""
        self._dismiss(self._coming)
        self._coming = [self._spawn() for _ in range(self._settings.workers)]

    def stop(self) -> None:
        """End all; each finishes the requests that it holds, and who comes then is refused."""
        everybody = (*self._serving, *self._coming, *self._leaving)
        for worker in everybody:
            worker.end()
        if self.ready:
            time.sleep(GRACE_SECONDS)
            lock(self._listening)
        self._listening.close()
        for worker in everybody:
            worker.reap()

    def _dismiss(self, workers: list[Worker]) -> None:
        for worker in workers:
            worker.end()
        self._leaving += workers

    def _spawn(self) -> Worker:
        fd = self._listening.fileno()
        process = subprocess.Popen(
            command("app.supervise.worker", fd, os.getpid()),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(fd,), start_new_session=True,
        )
        if self._begun:
            self._tell(process)
        assert process.stdout is not None
        return Worker(process, process.stdout.fileno())

    def _tell(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it ended meanwhile, and is replaced
            process.stdin.write(self._settings.model_dump_json().encode())
            process.stdin.close()


class Code:
    """The files of a package, watched by their times of change."""

    def __init__(self, folder: Path = PACKAGE) -> None:
        self._folder = folder
        self._known = self._last = dict(self._stamps())

    def changed(self) -> bool:
        """Whether files changed since they were last said to have; told once they have been still for a call."""
        now = dict(self._stamps())
        still, self._last = now == self._last, now
        if not still or now == self._known:
            return False
        self._known = now
        return True

    def _stamps(self) -> Iterator[tuple[str, tuple[int, int]]]:
        for folder, folders, names in os.walk(self._folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in names:
                try:
                    stat = os.stat(os.path.join(folder, name))
                except OSError:
                    continue
                yield os.path.join(folder, name), (stat.st_mtime_ns, stat.st_size)
