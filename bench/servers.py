"""The servers under test: `inlay serve` with its embedded Redis, and the no-op; each on the server's core, with all it starts."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.supervise.embedded import EmbeddedRedis
from bench.machine import ROOT, SERVER_CORE, command_line, descendants, pinned

SCOPES = ("content", "decide", "preview", "events", "profiles", "admin")


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="inlay-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def inlay(*arguments: str, **environment: str) -> str:
    """Run an `inlay` command to its end; gives what it printed."""
    done = subprocess.run(_command(*arguments), cwd=ROOT, env=_environment(environment), stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


@contextmanager
def background(*arguments: str) -> Iterator[None]:
    """An `inlay` command that runs meanwhile, on the server's core."""
    process = subprocess.Popen(_command(*arguments), cwd=ROOT, env=_environment({}), stdout=subprocess.DEVNULL, preexec_fn=_on_server_core)
    try:
        yield
    finally:
        _end(process)


def wait_for(holds: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError("it did not come about in time")
        time.sleep(0.02)


class Inlay:
    """A running `inlay serve` with API keys on; a context manager. `key` has every scope."""

    def __init__(self, content: Path, data: Path, **environment: str) -> None:
        self.content, self.data = content, data
        self.environment = environment
        self.key = _key(data)
        self.port = free_port()

    def __enter__(self) -> Inlay:
        self.start()
        _until(lambda: b'"store":"up"' in self.get("/readyz")[1], self._process, 600)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *, pin: bool = True, under: tuple[str, ...] = ()) -> None:
        """Start the process, `under` another command where one is given, and wait for nothing."""
        arguments = ("serve", "--content", str(self.content), "--data", str(self.data), "--port", str(self.port))
        self._process = subprocess.Popen(
            [*under, *_command(*arguments)], cwd=ROOT, env=_environment(self.environment), stdout=subprocess.DEVNULL, preexec_fn=_on_server_core if pin else None,
        )

    def answers(self, seconds: float) -> bool:
        """Whether it comes to answer within that time; False at once where it ends."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError):
                if self.get("/readyz")[0] == 200 and self._process.poll() is None:
                    return True
            time.sleep(0.05)
        return False

    def wait(self) -> None:
        """Until the process has ended."""
        self._process.wait(30)

    def kill(self) -> None:
        self._process.kill()
        self.wait()

    def stop(self) -> None:
        _end(self._process)

    @property
    def pid(self) -> int:
        """The parent's process id."""
        return self._process.pid

    @property
    def worker(self) -> int:
        """The process id of the one worker."""
        return next(pid for pid in descendants(self.pid) if b"app.supervise.worker" in command_line(pid))

    @property
    def redis_socket(self) -> str:
        return str(EmbeddedRedis(self.data, durable=True).socket)

    def head(self) -> bytes:
        """The headers that every request to this server carries."""
        return b"Host: 127.0.0.1\r\nAuthorization: Bearer " + self.key.encode() + b"\r\n"

    def get(self, path: str) -> tuple[int, bytes]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {self.key}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


class Noop:
    """The no-op server; a context manager."""

    def __init__(self) -> None:
        self.port = free_port()

    def __enter__(self) -> Noop:
        self._process = subprocess.Popen([sys.executable, "-m", "bench.noop", str(self.port)], cwd=ROOT, env=_environment({}), preexec_fn=_on_server_core)
        _until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{self.port}/noop", timeout=5).status == 200, self._process, 30)
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._process)

    @property
    def pid(self) -> int:
        return self._process.pid


def get(path: str, head: bytes) -> bytes:
    """The bytes of a GET request."""
    return b"GET " + path.encode() + b" HTTP/1.1\r\n" + head + b"\r\n"


def post(path: str, head: bytes, body: bytes) -> bytes:
    """The bytes of a POST of JSON."""
    return b"POST %b HTTP/1.1\r\n%bContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), head, len(body), body)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def resident_bytes(pid: int) -> int:
    """Memory that a process holds in RAM, as `VmRSS` says."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise OSError(f"no VmRSS of {pid}")


def _key(data: Path) -> str:
    """The data folder's key for benchmarks, made at first; it lies beside the folder."""
    kept = data.with_name(data.name + ".key")
    if not kept.exists():
        kept.write_text(inlay("keys", "create", "--name", "bench", "--scope", *SCOPES, "--data", str(data)).strip())
    return kept.read_text()


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "app", *arguments]


def _environment(given: dict[str, str]) -> dict[str, str]:
    """The caller's, without its own `INLAY_*`: a figure is of the defaults."""
    return {name: value for name, value in os.environ.items() if not name.startswith("INLAY_")} | given


def _on_server_core() -> None:
    pinned(SERVER_CORE)


def _until(holds: object, process: subprocess.Popen[bytes], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended at once (exit {process.returncode})")
        with suppress(OSError):
            if holds():  # pyright: ignore[reportCallIssue]
                return
        time.sleep(0.02)
    _end(process)
    raise RuntimeError("the server did not become ready in time")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
