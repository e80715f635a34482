"""What timers promise: none is lost, none is put off, and one process's removal never takes another's reason away."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from app.adapters.redis_timers import RedisTimers
from tests.contract.stores import STORES, over, store_url
from tests.fakes import MemoryTimers

NOW = 1_760_000_000_000
Run = Callable[..., Any]


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a story with timers."""
    if request.param == "memory":
        return lambda story: asyncio.run(story(MemoryTimers()))
    url = store_url(request)
    return lambda story: over(url, lambda link: story(RedisTimers(link)))


@pytest.fixture
def key() -> str:
    return f"u:{uuid.uuid4().hex}é"


async def due(timers: Any, key: str, now: int) -> list[tuple[bytes, int]]:
    return [(token, at) for other, token, at in await timers.due(timers.shards, now, 10_000) if other == key]


def test_a_timer_is_due_from_its_instant_on(run: Run, key: str) -> None:
    async def story(timers: Any) -> Any:
        await timers.add([(key, b"a", NOW)])
        return await due(timers, key, NOW - 1), await due(timers, key, NOW), await due(timers, key, NOW + 1)

    assert run(story) == ([], [(b"a", NOW)], [(b"a", NOW)])


def test_of_two_instants_under_one_token_the_earlier_stands(run: Run, key: str) -> None:
    async def story(timers: Any) -> Any:
        await timers.add([(key, b"a", NOW)])
        await timers.add([(key, b"a", NOW + 5)])
        await timers.add([(key, b"a", NOW - 5)])
        return await due(timers, key, NOW)

    assert run(story) == [(b"a", NOW - 5)]


def test_tokens_of_one_person_stand_apart_whatever_bytes_they_hold(run: Run, key: str) -> None:
    async def story(timers: Any) -> Any:
        await timers.add([(key, b"\0a\0", NOW), (key, b"\0a", NOW + 1), (key, b"", NOW + 2)])
        await timers.remove([(key, b"\0a"), (key, b"unknown")])
        return await due(timers, key, NOW + 9)

    assert run(story) == [(b"\0a\0", NOW), (b"", NOW + 2)]


def test_every_timer_belongs_to_one_shard(run: Run, key: str) -> None:
    async def story(timers: Any) -> Any:
        await timers.add([(f"{key}{i}", b"a", NOW) for i in range(50)])
        rows = [await timers.due([shard], NOW, 10_000) for shard in timers.shards]
        return sorted(other for row in rows for other, _, _ in row if other.startswith(key)), await timers.due([], NOW, 5)

    assert run(story) == (sorted(f"{key}{i}" for i in range(50)), [])


def test_a_shard_gives_the_earliest_first_and_no_more_than_asked(run: Run, key: str) -> None:
    async def story(timers: Any) -> Any:
        await timers.add([(key, bytes([i]), 900 - i) for i in range(9)])
        return [at for _, _, at in await timers.due(timers.shards, 900, 3)]

    assert run(story)[:3] == [892, 893, 894]
