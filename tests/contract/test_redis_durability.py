"""What Redis does with what it was told is asked of it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_durability import durability_of
from app.adapters.redis_link import Link
from tests.conftest import start_redis


@pytest.fixture
def socket() -> Iterator[str]:
    """A Redis of its own, whose settings may be changed."""
    folder = Path(tempfile.mkdtemp(prefix="inlay-"))
    process = start_redis(folder)
    yield str(folder / "redis.sock")
    process.terminate()
    process.wait(10)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name,value,told", [("appendfsync", "always", "always"), ("appendfsync", "everysec", "everysec"), ("appendfsync", "no", "no"), ("appendonly", "no", "off")])
def test_what_is_set_is_told(socket, name, value, told):
    async def story() -> str:
        link = Link(f"unix://{socket}", Breaker(time.monotonic), read_seconds=2.0)
        try:
            await link.call("CONFIG", "SET", name, value)
            return await durability_of(link)
        finally:
            await link.close()

    assert asyncio.run(story()) == told


def test_a_server_that_does_not_tell_is_unknown(socket):
    async def story() -> str:
        link = Link(f"unix://{socket}", Breaker(time.monotonic), read_seconds=2.0)
        try:
            await link.call("ACL", "SETUSER", "default", "-config")
            return await durability_of(link)
        finally:
            await link.close()

    assert asyncio.run(story()) == "unknown"
