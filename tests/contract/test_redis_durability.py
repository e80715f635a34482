"""What Redis does with what it was told is asked of it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_cluster import link_to
from app.adapters.redis_durability import RedisSynced, durability_of
from app.adapters.redis_link import Link
from app.errors import StoreUnavailable
from tests.conftest import start_redis
from tests.syncing import SyncingRedis


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


# -- waiting for the disk ------------------------------------------------------------------------------------------------


def told_by(folder: Path, story: Callable[[SyncingRedis, RedisSynced], Awaitable[Any]], *, promised: bool = True, appendfsync: bytes = b"everysec") -> Any:
    async def run() -> Any:
        async with SyncingRedis(folder, appendfsync=appendfsync) as redis:
            synced = RedisSynced(Link(f"unix://{redis.socket}", Breaker(time.monotonic), read_seconds=2.0), promised=promised)
            try:
                await synced.follow()
                return await story(redis, synced)
            finally:
                await synced.close()

    return asyncio.run(run())


async def waiting(redis: SyncingRedis, number: int) -> None:
    while redis.waited < number:
        await asyncio.sleep(0)


@pytest.mark.parametrize("promised,appendfsync,durability", [(True, b"everysec", "waited"), (True, b"always", "always"), (True, b"no", "no"), (False, b"everysec", "everysec")])
def test_where_redis_syncs_late_it_is_waited_for_if_that_was_promised(tmp_path, promised, appendfsync, durability):
    async def story(redis, synced):
        return synced.durability

    assert told_by(tmp_path, story, promised=promised, appendfsync=appendfsync) == durability


def test_nothing_is_acknowledged_before_the_sync(tmp_path):
    async def story(redis, synced):
        redis.quick = False
        asked = asyncio.ensure_future(synced())
        await waiting(redis, 2)
        before = asked.done()
        redis.sync()
        await asked
        return before

    assert told_by(tmp_path, story) is False


def test_those_who_come_while_one_is_waited_for_share_the_next_sync(tmp_path):
    async def story(redis, synced):
        redis.quick = False
        first = asyncio.ensure_future(synced())
        await waiting(redis, 2)
        others = [asyncio.ensure_future(synced()) for _ in range(10)]
        await asyncio.sleep(0)
        redis.sync()
        await first
        await waiting(redis, 3)
        early = [each.done() for each in others]
        redis.sync()
        await asyncio.gather(*others)
        return any(early), redis.waited

    assert told_by(tmp_path, story) == (False, 3)


def test_a_sync_that_does_not_come_is_no_acknowledgement(tmp_path):
    async def story(redis, synced):
        redis.synced = False
        with pytest.raises(StoreUnavailable):
            await synced()

    told_by(tmp_path, story)


def test_a_redis_that_cannot_be_waited_for_acknowledges_as_it_does(socket):
    async def story() -> str:
        link = Link(f"unix://{socket}", Breaker(time.monotonic), read_seconds=2.0)
        synced = RedisSynced(link, promised=True)
        try:
            await synced()
            return synced.durability
        finally:
            await synced.close()

    assert asyncio.run(story()) == "everysec"


@pytest.mark.long
def test_on_a_cluster_every_master_is_reached(redis_cluster):
    async def story() -> int:
        link = link_to(redis_cluster.url, Breaker(time.monotonic), read_seconds=2.0)
        try:
            replies = [await node.call("SET", f"inlay:synced:{{{tag}}}", b"") for tag, node in await link.nodes()]
            return len(replies)
        finally:
            await link.close()

    assert asyncio.run(story()) == 3
