"""What every memory of taken requests promises: the one in memory and the one on a real Redis."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_link import Link
from app.adapters.redis_replays import PREFIX, RedisReplays
from app.ports import Replays
from tests.contract.stores import STORES, over, store_url
from tests.fakes import MemoryReplays

Story = Callable[[Replays], Awaitable[Any]]


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Callable[[Story], Any]:
    """Runs a story with a memory of the kind that is on trial."""
    if request.param == "memory":
        return lambda story: asyncio.run(story(MemoryReplays()))
    url = store_url(request)
    return lambda story: over(url, lambda link: story(RedisReplays(link)))


@pytest.fixture
def once() -> bytes:
    return uuid.uuid4().bytes


def test_what_was_never_taken_is_not_seen(run, once):
    assert run(lambda replays: replays.seen(once)) is False


def test_what_was_taken_is_seen_and_nothing_else(run, once):
    async def story(replays):
        await replays.remember(once, 60)
        return await replays.seen(once), await replays.seen(once + b"x")

    assert run(story) == (True, False)


def test_it_may_be_remembered_twice(run, once):
    async def story(replays):
        await replays.remember(once, 60)
        await replays.remember(once, 60)
        return await replays.seen(once)

    assert run(story) is True


def test_redis_forgets_it_after_its_time(redis_socket, once):
    async def story() -> int:
        link = Link(f"unix://{redis_socket}", Breaker(time.monotonic), read_seconds=2.0)
        await RedisReplays(link).remember(once, 600)
        left = await link.call("TTL", PREFIX + once.hex())
        await link.close()
        return left

    assert 590 <= asyncio.run(story()) <= 600
