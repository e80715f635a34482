"""Nobody who was erased comes back, and nothing tells who it was."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_identities import RedisIdentities
from app.adapters.redis_link import Link as Wire
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.adapters.redis_tombstones import HASHES, RedisTombstones
from app.adapters.tombstoned_store import TombstonedIdentities, TombstonedStore
from app.domain.change import Append, Merge
from app.domain.claims import Link
from app.domain.decision import Recording
from app.domain.event import ID_BYTES, Event
from app.identities import Identities
from tests.fakes import MemoryStore, MemoryTombstones

NOW = 1_760_000_000_000


def on_redis(socket: str, story: Callable[[Wire], Awaitable[Any]]) -> Any:
    async def told() -> Any:
        link = Wire(f"unix://{socket}", Breaker(time.monotonic), read_seconds=2.0)
        try:
            return await story(link)
        finally:
            await link.close()

    return asyncio.run(told())


@pytest.fixture(params=["memory", "redis"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Runs a story with tombstones of the kind that is on trial."""
    if request.param == "memory":
        return lambda story: asyncio.run(story(MemoryTombstones()))
    socket = request.getfixturevalue("redis_socket")
    return lambda story: on_redis(socket, lambda link: story(RedisTombstones(link)))


@pytest.fixture
def who() -> str:
    return "u:" + uuid.uuid4().hex


def event(i: int) -> Append:
    return Append(Event("product_viewed", NOW, i.to_bytes(ID_BYTES, "big"), {"n": i}))


def test_who_was_erased_is_held_and_nobody_else(run, who):
    async def story(tombstones):
        await tombstones.add([who])
        await tombstones.add([who, who + "y"])
        return [tombstones.holds(each) for each in (who, who + "y", who + "x")]

    assert run(story) == [True, True, False]


def test_another_process_knows_it_too(redis_socket, who):
    async def story(link):
        here, there = RedisTombstones(link), RedisTombstones(link)
        await there.follow()
        await here.add([who])
        later = RedisTombstones(link, clock=iter([0.0, 1.0, 2.0, 3.0]).__next__)
        await later.follow()
        return later.holds(who)

    assert on_redis(redis_socket, story) is True


def test_what_is_kept_of_them_does_not_name_them(redis_socket, who):
    async def story(link):
        await RedisTombstones(link).add([who])
        return b"".join(await link.call("ZRANGE", HASHES, 0, -1))

    assert who.removeprefix("u:").encode() not in on_redis(redis_socket, story)


def erased_and_forgotten(socket: str, who: str, then: Callable[[TombstonedStore], Awaitable[Any]]) -> Any:
    """Erase somebody, let the mark that names them go, and see what comes of `then`."""

    async def story(link: Wire) -> Any:
        names = Names(link)
        store = TombstonedStore(RedisStore(link, names), RedisTombstones(link))
        await store.apply([(who, [event(1), Merge({"email": "a@b.example"}, NOW, b"000000")])], NOW)
        await Identities(RedisIdentities(link, names)).link([Link(who, "a:" + who, NOW, b"000001")], NOW)
        await store.erase(who, NOW)
        await link.call("DEL", "m:{" + who + "}", "m:{a:" + who + "}")
        return await then(store)

    return on_redis(socket, story)


def test_a_replay_brings_nobody_back_once_the_mark_is_gone(redis_socket, who):
    async def then(store):
        outcomes = await store.apply([(who, [event(1)]), (who + "x", [event(2)]), ("a:" + who, [event(3)])], NOW)
        return [each.erased for each in outcomes], await store.read(who)

    erased, profile = erased_and_forgotten(redis_socket, who, then)

    assert (erased, profile.known, profile.erased) == ([True, False, True], False, True)


def test_no_decision_is_recorded_for_them(redis_socket, who):
    async def then(store):
        answer = await store.record([Recording(who, "s", None, NOW.to_bytes(8, "big")), Recording(who + "x", "s", None, NOW.to_bytes(8, "big"))], NOW)
        return answer, [await store.decision(each, "s") for each in (who, who + "x")]

    answer, decisions = erased_and_forgotten(redis_socket, who, then)

    assert (answer, decisions) == ([None, None], [None, NOW.to_bytes(8, "big")])


def test_nobody_is_linked_to_them(redis_socket, who):
    async def story(link):
        tombstones, names = RedisTombstones(link), Names(link)
        await tombstones.add([who])
        store = TombstonedIdentities(RedisIdentities(link, names), tombstones)
        outcomes = await Identities(store).link([Link(who, "a:" + who, NOW, b"000001"), Link(who + "x", who, NOW, b"000002", merge=True)], NOW)
        return outcomes, await link.call("KEYS", "m:{" + who + "}")

    outcomes, left = on_redis(redis_socket, story)

    assert (outcomes[1], left) == ("erased", [])


def test_several_are_read_at_once(redis_socket, who):
    assert [each.erased for each in erased_and_forgotten(redis_socket, who, lambda store: store.read_many([(who, None), (who + "x", None)]))] == [True, False]


def test_the_mark_that_names_them_goes_by_itself(redis_socket, who):
    async def story(link):
        await RedisStore(link, Names(link)).erase(who, NOW)
        return await link.call("TTL", "m:{" + who + "}")

    assert 0 < on_redis(redis_socket, story) <= 10


def test_the_store_in_memory_keeps_them_out_too():
    async def story():
        store = TombstonedStore(MemoryStore(), MemoryTombstones())
        await store.erase("u:ada", NOW)
        return await store.apply([("u:ada", [event(1)])], NOW)

    assert asyncio.run(story())[0].erased
