"""What taking a decision back promises: it is gone, where it still is what the caller saw."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_cluster import link_to
from app.adapters.redis_identities import RedisIdentities
from app.adapters.redis_names import Names
from app.adapters.redis_sends import RedisSends
from app.adapters.redis_store import RedisStore
from app.domain.caps import Full, Guard
from app.domain.claims import Link
from app.domain.decision import Choice, Recording, encode_record
from app.domain.event import ID_BYTES
from app.domain.whole import overruled
from app.identities import Identities
from tests.contract.stores import STORES, store_url
from tests.fakes import MemoryStore

NOW = 1_760_000_000_000
Story = Callable[[Any, Any, Any], Awaitable[Any]]
Run = Callable[[Story], Any]


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a story with a profile store, the sends in it, and who is whom."""
    if request.param == "memory":

        async def remembered(story: Story) -> Any:
            store = MemoryStore()
            return await story(store, store, store)

        return lambda story: asyncio.run(remembered(story))
    url = store_url(request)

    async def told(story: Story) -> Any:
        link = link_to(url, Breaker(time.monotonic), read_seconds=2.0)
        try:
            names = Names(link)
            return await story(RedisStore(link, names), RedisSends(link), RedisIdentities(link, names))
        finally:
            await link.close()

    return lambda story: asyncio.run(told(story))


@pytest.fixture
def who() -> str:
    return "u:" + uuid.uuid4().hex


def record(at: int, name: str) -> bytes:
    return at.to_bytes(8, "big") + name.encode() * 9


def test_a_decision_that_is_taken_back_is_gone(run: Run, who: str) -> None:
    async def story(store: Any, sends: Any, _: Any) -> Any:
        await store.record([Recording(who, "a", None, record(1, "a")), Recording(who, "b", None, record(2, "b"))], NOW)
        return await sends.void(who, "a", record(1, "a")), await store.decision(who, "a"), await store.decision(who, "b")

    assert run(story) == (True, None, record(2, "b"))


def test_another_record_than_the_one_seen_stays(run: Run, who: str) -> None:
    async def story(store: Any, sends: Any, _: Any) -> Any:
        await store.record([Recording(who, "a", None, record(1, "a"))], NOW)
        return await sends.void(who, "a", record(1, "b")), await sends.void(who, "none", record(1, "a")), await store.decision(who, "a")

    assert run(story) == (False, False, record(1, "a"))


def test_of_people_who_became_one_every_decision_of_the_send_is_taken_back(run: Run, who: str) -> None:
    other = "u:" + uuid.uuid4().hex

    async def story(store: Any, sends: Any, identities: Any) -> Any:
        await store.record([Recording(who, "a", None, record(NOW + 5, "a")), Recording(other, "a", None, record(NOW, "b"))], NOW)
        await Identities(identities).link([Link(who, other, NOW + 9, b"1" * ID_BYTES, merge=True)], NOW)
        beaten = overruled((await identities.load(who)).whole)
        done = await sends.void(other, "a", record(NOW, "b"))
        return beaten, done, await store.decision(who, "a"), overruled((await identities.load(who)).whole)

    assert run(story) == ([("a", record(NOW + 5, "a"))], True, None, [])


def test_people_who_became_one_share_what_they_were_shown(run: Run, who: str) -> None:
    other, guard = "u:" + uuid.uuid4().hex, Guard(2, NOW - 9, "", ("shoes",))

    def shows_shoes(at: int) -> bytes:
        return encode_record(at, None, "v1", {"hero": Choice("hero", "shoes", "b", "eligible")})

    async def story(store: Any, sends: Any, identities: Any) -> Any:
        before = await store.record([Recording(who, "a", None, shows_shoes(NOW)), Recording(other, "b", None, shows_shoes(NOW + 1))], NOW)
        await Identities(identities).link([Link(who, other, NOW + 9, b"1" * ID_BYTES, merge=True)], NOW)
        return before, await store.record([Recording(other, "c", None, shows_shoes(NOW + 2), (guard,))], NOW)

    before, after = run(story)

    assert (before, after) == ([None, None], [Full({"a": shows_shoes(NOW), "b": shows_shoes(NOW + 1)})])
