"""What is kept to notice entering and leaving: one writer wins, lists page exactly once, erasure leaves nothing."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_cluster import link_to
from app.adapters.redis_live import RedisLive
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.adapters.redis_timers import SHARDS, shard_of
from app.domain.change import Merge
from tests.contract.stores import STORES, store_url
from tests.fakes import MemoryLive, MemoryStore

NOW = 1_760_000_000_000
Run = Callable[..., Any]


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a story with a live store and the profile store that it stands beside."""

    async def in_memory(story: Any) -> Any:
        store = MemoryStore()
        return await story(MemoryLive(store), store)

    async def in_redis(story: Any) -> Any:
        link = link_to(store_url(request), Breaker(time.monotonic), read_seconds=2.0)
        try:
            return await story(RedisLive(link, SHARDS, shard_of), RedisStore(link, Names(link)))
        finally:
            await link.close()

    return lambda story: asyncio.run((in_memory if request.param == "memory" else in_redis)(story))


@pytest.fixture
def key() -> str:
    return f"u:{uuid.uuid4().hex}"


async def pages(live: Any, segment: str, most: int) -> list[list[str]]:
    found, after = [], ""
    while True:
        keys, after = await live.members(segment, after, most)
        found.append(keys)
        if not after:
            return found


def test_of_two_who_saw_the_same_only_the_first_writes(run: Run, key: str) -> None:
    async def story(live: Any, store: Any) -> Any:
        first, second = await live.save(key, None, b"one"), await live.save(key, None, b"two")
        return first, second, await live.load(key), await live.save(key, b"one", b"three"), await live.load(key)

    assert run(story) == (True, False, b"one", True, b"three")


def test_nothing_may_take_the_place_of_something(run: Run, key: str) -> None:
    async def story(live: Any, store: Any) -> Any:
        await live.save(key, None, b"one")
        return await live.save(key, b"one", None), await live.load(key)

    assert run(story) == (True, None)


def test_of_an_erased_person_nothing_is_kept(run: Run, key: str) -> None:
    async def story(live: Any, store: Any) -> Any:
        await store.apply([(key, [Merge({"city": "Oslo"}, NOW, b"123456")])], NOW)
        await live.save(key, None, b"one")
        await store.erase(key, NOW)
        return await live.save(key, b"one", b"two"), await live.load(key)

    assert run(story) == (True, None)


def test_a_list_holds_who_entered_and_did_not_leave(run: Run, key: str) -> None:
    async def story(live: Any, store: Any) -> Any:
        await live.file(f"{key}a", [key, "x" + key], [])
        await live.file(f"{key}b", [key], [])
        await live.file(f"{key}a", [], [key])
        await live.file(f"{key}a", [], [key])
        return await live.sizes([key, "x" + key, "y" + key]), await pages(live, key, 10)

    assert run(story) == ({key: 1, "x" + key: 1, "y" + key: 0}, [[f"{key}b"]])


def test_pages_give_everybody_once(run: Run, key: str) -> None:
    async def story(live: Any, store: Any) -> Any:
        for i in range(57):
            await live.file(f"{key}{i}", [key], [])
        return [who for page in await pages(live, key, 10) for who in page]

    assert sorted(run(story)) == sorted(f"{key}{i}" for i in range(57))


def test_rules_are_served_since_the_first_who_did(run: Run, key: str) -> None:
    async def story(live: Any, store: Any) -> Any:
        rules = key.encode()
        first, second = await live.adopt(rules, {"s": b"1"}, NOW), await live.adopt(rules, {"s": b"1"}, NOW + 5)
        return first, second, dict(await live.meanings(rules)), await live.meanings(rules + b"?")

    assert run(story) == (NOW, NOW, {"s": b"1"}, None)


def test_going_through_all_profiles_comes_to_each(run: Run, key: str) -> None:
    async def story(live: Any, store: Any) -> Any:
        for i in range(30):
            await store.apply([(f"{key}{i}", [Merge({"city": "Oslo"}, NOW, b"123456")])], NOW)
        keys, after = await live.profiles("", 10)
        found = set(keys)
        while after:
            keys, after = await live.profiles(after, 10)
            found |= set(keys)
        return {each for each in found if each.startswith(key)}

    assert run(story) == {f"{key}{i}" for i in range(30)}


def test_progress_is_what_was_noted_last(run: Run, key: str) -> None:
    async def story(live: Any, store: Any) -> Any:
        await live.advance({"rules": key, "cursor": 3})
        return dict(await live.progress())

    assert run(story) == {"rules": key, "cursor": 3}
