"""The parent: owns the data folder, the embedded Redis, the secret, the listening socket; validates content; keeps
workers alive. It answers no request itself."""

from __future__ import annotations

import asyncio
import errno
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.content.files import fingerprint
from app.errors import ContentInvalid, Problem, SettingsInvalid, StoreUnavailable
from app.settings import Settings
from app.supervise.begin import command
from app.supervise.embedded import EmbeddedRedis
from app.supervise.fleet import Code, Fleet
from app.supervise.folder import begin_running, end_running, keep_url, lock_folder, with_secret
from app.telemetry import Telemetry

if TYPE_CHECKING:
    from app.supervise.packing import Packing

POLL_SECONDS = 0.1
ORPHAN_SECONDS = 10.0
"""So long the workers of a server that was killed may hold its port: until they notice, or have only just started."""
LOAD_SECONDS = 0.5
"""So long the start waits for the data of the embedded Redis; what takes longer is served without them at first."""


class Parent:
    """`run()` until a signal; `ready` is called with the address once the first worker answers."""

    def __init__(self, settings: Settings, ready: Callable[[Settings, bool], None], say: Callable[[str], None]) -> None:
        self.settings = settings
        self._ready = ready
        self._say = say
        self._fleet: Fleet | None = None
        self._announced = False
        self._stopping = False
        self._embedded: EmbeddedRedis | None = None
        self._check: subprocess.Popen[bytes] | None = None
        self._packing: Packing | None = None
        self._seen: object = None
        self._code = Code() if settings.reload else None
        self._telemetry = Telemetry(settings.data / "metrics", "parent")

    def run(self) -> int:
        settings = self.settings
        settings.data.mkdir(parents=True, exist_ok=True)
        self._lock = lock_folder(settings.data)
        self._refuse_open_house()
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, self._stop)
        shutil.rmtree(settings.data / "metrics", ignore_errors=True)
        try:
            listening = listen(settings, killed=begin_running(settings.data))
            port = listening.getsockname()[1]
            self.settings = settings = with_secret(settings).model_copy(update={"port": port})
            self._seen = fingerprint(settings.content)
            self._check = self._start_check()
            self._fleet = Fleet(settings, listening, self._say, self._telemetry)
            keep_url(settings.data, settings.redis_url)
            if not settings.redis_url:
                self._embedded = EmbeddedRedis(settings.data, durable=settings.durability == "durable")
                self._embedded.start()
                if not self._embedded.loaded(LOAD_SECONDS):
                    self._say("the embedded Redis is still loading its data; fallbacks are served until it has them")
                self.settings = settings = settings.model_copy(update={"redis_url": self._embedded.url})
            self._finish_check(first=True)
            self._fleet.begin(settings)
            while not self._stopping:
                self._tick(self._fleet)
        finally:
            self._end()
        return 0

    # -- the loop --------------------------------------------------------------------------------------------------

    def _tick(self, fleet: Fleet) -> None:
        fleet.wait(POLL_SECONDS)
        if fleet.ready and not self._announced:
            self._announced = True
            self._ready(self.settings, self._embedded is not None)
            self._packing = begin_packing(self.settings, self._say)
        if self._embedded is not None and not self._embedded.alive() and not self._stopping:
            self._say("the embedded Redis ended; starting it again")
            self._telemetry.respawned("redis")
            self._embedded.start()
        if not self._stopping:
            fleet.mend()
        if self._code is not None and self._code.changed():
            fleet.renew()
        self._watch_content()
        if self._packing is not None:
            self._packing.tick(time.time_ns() // 1_000_000)

    # -- content ---------------------------------------------------------------------------------------------------

    def _start_check(self) -> subprocess.Popen[bytes]:
        settings = self.settings
        check = command("app.supervise.content", settings.content, settings.data, settings.bounds.events, settings.bounds.age)
        return subprocess.Popen(check, stdout=subprocess.PIPE, start_new_session=True)

    def _watch_content(self) -> None:
        if self._check is not None:
            if self._check.poll() is not None:
                self._finish_check(first=False)
            return
        seen = fingerprint(self.settings.content)
        if seen != self._seen:
            self._seen = seen
            self._check = self._start_check()

    def _finish_check(self, *, first: bool) -> None:
        assert self._check is not None
        output, _ = self._check.communicate()
        code, self._check = self._check.returncode, None
        problems = tuple(Problem(**row) for row in json.loads(output)) if output else (Problem("", 0, "content", f"the check ended with {code}"),)
        if code != 0 and first:
            raise ContentInvalid(problems)
        for problem in problems:
            if problem.warning and problem.key.startswith("models."):
                self._say(str(problem))
        if not first:
            self._say("the content changed" if code == 0 else "the changed content is not served: " + "; ".join(map(str, problems[:5])))

    # -- the end ---------------------------------------------------------------------------------------------------

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _end(self) -> None:
        self._stopping = True
        if self._fleet is not None:
            self._fleet.stop()
        if self._packing is not None:
            self._packing.stop()
        if self._check is not None and self._check.poll() is None:
            self._check.kill()
        if self._embedded is not None:
            self._embedded.stop()
        end_running(self.settings.data)

    def _refuse_open_house(self) -> None:
        settings = self.settings
        keys = settings.data / "keys.json"
        protected = settings.admin_key or (keys.exists() and json.loads(keys.read_text() or "{}"))
        if settings.reachable and not protected and not stored_keys(settings.redis_url):
            raise SettingsInvalid(
                f"--host {settings.host} is open to others, and there are no API keys: create one with `inlay keys create "
                "--name NAME --scope admin`, set INLAY_ADMIN_KEY, or listen on 127.0.0.1"
            )


def begin_packing(settings: Settings, say: Callable[[str], None]) -> Packing:
    from app.supervise.packing import Packing  # not before somebody is answered: it loads what records are read with

    return Packing(settings, say)


def stored_keys(redis_url: str) -> bool:
    """Whether a Redis of one's own holds API keys; one that does not answer holds none for now."""
    if not redis_url:
        return False
    from app.adapters.breaker import Breaker  # the parent asks a Redis nothing else
    from app.adapters.redis_cluster import link_to
    from app.adapters.redis_keys import RedisKeys

    async def asked() -> bool:
        link = link_to(redis_url, Breaker(time.monotonic), read_seconds=2.0)
        try:
            return bool(await RedisKeys(link).all())
        except StoreUnavailable:
            return False
        finally:
            await link.close()

    return asyncio.run(asked())


def listen(settings: Settings, *, killed: bool = False) -> socket.socket:
    """`killed`: a server was, and its workers hold the port until they notice."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        _bind(listening, settings, ORPHAN_SECONDS if killed else 0.0)
    except OSError as error:
        raise SettingsInvalid(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; choose another with --port") from error
    listening.listen(2048)
    return listening


def _bind(listening: socket.socket, settings: Settings, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            listening.bind((settings.host, settings.port))
            return
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)
