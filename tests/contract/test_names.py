"""What the dictionary of names promises when Redis is emptied, restored or shared: no event is ever read as another."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.domain.change import Append
from app.domain.event import ID_BYTES, Event
from tests.conftest import start_redis
from tests.contract.stores import over

NOW = 1_760_000_000_000


class Own:
    """A Redis of the test's own, which it may empty, stop and restore."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="inlay-own-"))
        self.process: subprocess.Popen[bytes] = start_redis(self.folder)

    def worker(self) -> RedisStore:
        """A store with a mirror of its own, as each worker has."""
        link = Link(f"unix://{self.folder / 'redis.sock'}", Breaker(time.monotonic, failures=100), read_seconds=2.0)
        return RedisStore(link, Names(link))

    def restore(self, kept: bytes) -> None:
        """Start again with an older append-only file."""
        self.process.kill()
        self.process.wait(5)
        (self.folder / "redis.sock").unlink()
        (self.folder / "appendonly.aof").write_bytes(kept)
        self.process = start_redis(self.folder)


@pytest.fixture
def own() -> Iterator[Own]:
    redis = Own()
    yield redis
    redis.process.terminate()
    redis.process.wait(10)
    shutil.rmtree(redis.folder, ignore_errors=True)


def event(i: int, name: str, **properties: object) -> Event:
    return Event(name, NOW + i, i.to_bytes(ID_BYTES, "big"), properties)


async def take(store: RedisStore, who: str, *events: Event) -> tuple[str, ...]:
    return (await store.apply([(who, [Append(each) for each in events])], NOW))[0].results


async def kept(store: RedisStore, who: str) -> list[Event]:
    return list((await store.read(who)).history.events())


def test_names_that_another_worker_added_are_read_right(own):
    first, second = event(1, "seen", page="a"), event(2, "bought", total=5, currency="EUR")

    async def story():
        ours, theirs = own.worker(), own.worker()
        await take(ours, "u:1", first)
        await kept(theirs, "u:1")
        await take(ours, "u:1", second, event(3, "seen", currency="EUR"))
        return await kept(theirs, "u:1")

    assert asyncio.run(story()) == [first, second, event(3, "seen", currency="EUR")]


def test_a_worker_that_missed_the_emptying_writes_nothing_that_reads_as_something_else(own):
    async def story():
        stale, fresh = own.worker(), own.worker()
        await take(stale, "u:1", event(1, "seen", page="a"), event(2, "bought", total=5))
        await fresh._link.call("FLUSHALL")
        await take(fresh, "u:1", event(3, "bought", total=7), event(4, "left"))
        took = [await take(stale, "u:1", event(5, "seen", page="b")), await take(stale, "u:2", event(6, "seen", page="c"))]
        return took, await kept(own.worker(), "u:1"), await kept(own.worker(), "u:2")

    took, one, two = asyncio.run(story())

    assert took == [("applied",), ("applied",)]
    assert one == [event(3, "bought", total=7), event(4, "left"), event(5, "seen", page="b")]
    assert two == [event(6, "seen", page="c")]


def test_the_first_write_after_the_emptying_is_kept_though_no_worker_noticed(own):
    async def story():
        stale = own.worker()
        await take(stale, "u:1", event(1, "seen", page="a"))
        await stale._link.call("FLUSHALL")
        took = await take(stale, "u:1", event(2, "seen", page="b"))
        return took, await kept(own.worker(), "u:1"), await kept(stale, "u:1")

    assert asyncio.run(story()) == (("applied",), [event(2, "seen", page="b")], [event(2, "seen", page="b")])


def test_a_redis_restored_from_before_some_names_gets_them_numbered_anew(own):
    async def story():
        worker = own.worker()
        await take(worker, "u:1", event(1, "seen", page="a"))
        older = (own.folder / "appendonly.aof").read_bytes()
        await take(worker, "u:1", event(2, "bought", total=5), event(3, "left", why="x"))
        own.restore(older)
        other = own.worker()
        await take(other, "u:2", event(4, "praised", stars=5))
        await take(worker, "u:1", event(5, "left", why="y"))
        return await kept(other, "u:1"), await kept(worker, "u:2")

    one, two = asyncio.run(story())

    assert one == [event(1, "seen", page="a"), event(5, "left", why="y")]
    assert two == [event(4, "praised", stars=5)]


def test_a_history_that_no_dictionary_explains_counts_as_none(own):
    async def story():
        worker = own.worker()
        await take(worker, "u:1", event(1, "seen", page="a"))
        await worker._link.call("DEL", "{inlay:names}", "{inlay:names}:order")
        await worker._names.load()
        return await kept(worker, "u:1"), (await worker.read("u:1")).known

    assert asyncio.run(story()) == ([], True)


def test_names_that_arrive_at_once_in_one_worker_are_each_numbered_once(own):
    async def story():
        writer, reader = own.worker(), own.worker()
        await asyncio.gather(*(take(writer, f"u:{i}", event(i, f"name_{i}", **{f"property_{i}": i})) for i in range(50)))
        return [event for i in range(50) for event in (await reader.read(f"u:{i}")).history.events()]

    assert asyncio.run(story()) == [event(i, f"name_{i}", **{f"property_{i}": i}) for i in range(50)]


@pytest.mark.long
def test_on_a_cluster_two_workers_that_make_up_names_at_once_read_each_other(redis_cluster):
    made = uuid.uuid4().hex

    async def story(link):
        other = link.another()
        stores = [RedisStore(link, Names(link)), RedisStore(other, Names(other))]
        try:
            await asyncio.gather(*(take(store, f"u:{made}{i}", event(i, f"seen_{made}_{i}", page=i)) for i, store in enumerate(stores)))
            return [await kept(store, f"u:{made}{i}") for i in range(2) for store in stores]
        finally:
            await other.close()

    first, second = ([event(i, f"seen_{made}_{i}", page=i)] for i in range(2))
    assert over(redis_cluster.url, story) == [first, first, second, second]
