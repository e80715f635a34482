"""The link to a Redis Cluster: where keys lie, and what happens when they move or a master goes."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_cluster import ClusterLink, key_of, link_to, slot_of
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.domain.change import Append
from app.domain.event import ID_BYTES, Event
from app.errors import SettingsInvalid, StoreUnavailable
from tests.cluster import Cluster

NOW = 1_760_000_000_000


@pytest.mark.parametrize("key,slot", [("123456789", 12_739), ("{u:anna}", slot_of("u:anna")), ("h:{u:anna}", slot_of(b"t:{u:anna}")), ("{}x", slot_of("{}x")), (b"foo", 12_182)])
def test_a_key_lies_in_the_slot_that_redis_names(key, slot):
    assert slot_of(key) == slot


@pytest.mark.parametrize("command,key", [
    (("GET", "a"), "a"), (("EVALSHA", "sha", 2, "a", "b", "argument"), "a"), (("EVALSHA", "sha", 0, "argument"), None), (("SCRIPT", "LOAD", "return 1"), None), (("PING",), None),
    (("XREADGROUP", "GROUP", "g", "c", "COUNT", 1, "STREAMS", "a", ">"), "a"), (("XGROUP", "CREATE", "a", "g", "$"), "a"),
])
def test_the_key_of_a_command_is_found(command, key):
    assert key_of(command) == key


@pytest.mark.parametrize("url,kind", [("redis+cluster://127.0.0.1:7000,127.0.0.1:7001", ClusterLink), ("redis://127.0.0.1", Link), ("unix:///tmp/redis.sock", Link)])
def test_the_url_says_whether_it_is_a_cluster(url, kind):
    assert type(link_to(url, Breaker(time.monotonic))) is kind


def test_a_cluster_without_a_node_is_refused():
    with pytest.raises(SettingsInvalid):
        link_to("redis+cluster://", Breaker(time.monotonic))


# -- on a cluster of its own -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    running = Cluster()
    yield running
    running.close()


def told(cluster: Cluster, story: Callable[[ClusterLink], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        link = ClusterLink(cluster.url, Breaker(time.monotonic), read_seconds=2.0)
        try:
            return await story(link)
        finally:
            await link.close()

    return asyncio.run(run())


@pytest.mark.long
def test_one_pipeline_reaches_every_node_and_replies_keep_their_places(cluster):
    keys = [f"k{i}" for i in range(100)]

    async def story(link):
        await link.pipeline([("SET", key, key) for key in keys])
        return await link.pipeline([("GET", key) for key in keys])

    assert told(cluster, story) == [key.encode() for key in keys]


@pytest.mark.long
def test_a_slot_that_moved_is_found_and_remembered(cluster):
    key = "{moved}"
    slot = slot_of(key)
    source = slot * 3 // 16_384

    async def story(link):
        await link.call("SET", key, "before")
        await asyncio.to_thread(cluster.move, slot, source, (source + 1) % 3)
        return await link.call("GET", key), await link.call("SET", key, "after"), await link.call("GET", key)

    assert told(cluster, story) == (b"before", b"OK", b"after")


@pytest.mark.long
def test_while_a_slot_moves_its_keys_are_found_on_either_side(cluster):
    slot = slot_of("{moving}")
    source = slot * 3 // 16_384

    async def story(link):
        await link.call("SET", "{moving}:old", "old")
        await asyncio.to_thread(cluster.begin_move, slot, source, (source + 1) % 3)
        await link.call("SET", "{moving}:new", "new")
        return await link.pipeline([("GET", "{moving}:old"), ("GET", "{moving}:new"), ("GET", "elsewhere")])

    assert told(cluster, story) == [b"old", b"new", None]


@pytest.mark.long
def test_after_a_failover_writes_go_through_and_nothing_that_was_replicated_is_gone():
    cluster, who = Cluster(), f"u:{uuid.uuid4().hex}"
    events = [Event("seen", NOW + i, i.to_bytes(ID_BYTES, "big"), {"n": i}) for i in range(40)]

    async def story(link):
        store = RedisStore(link, Names(link))
        await store.apply([(who, [Append(each) for each in events[:20]])], NOW)
        await asyncio.sleep(1)
        cluster.processes[slot_of(f"{{{who}}}") * 3 // 16_384].kill()
        await until_applied(store, who, events[20:])
        return list((await store.read(who)).history.events())

    try:
        assert told(cluster, story) == events
    finally:
        cluster.close()


async def until_applied(store: RedisStore, who: str, events: list[Event]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            await store.apply([(who, [Append(each) for each in events])], NOW)
            return
        except StoreUnavailable:
            assert time.monotonic() < deadline, "no write went through within 30 s"
            await asyncio.sleep(0.1)
