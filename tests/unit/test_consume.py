"""Consuming a stream: every event once in effect and in order, whatever breaks meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from app.adapters.fenced_store import FencedStore
from app.consume import Consumer
from app.errors import FellBehind
from app.identities import Identities
from app.ingest import Ingest
from app.intake import Intake, Taken
from app.shares import Shares, Tenure
from app.wiring import hashed_id, random_id
from tests.fakes import FrozenClock, MemoryDeadLetters, MemoryLeases, MemorySource, MemoryStore, MemoryStream

NOW = 1_760_000_100_000
LEASE = 60_000


class Shop:
    """A stream, what consumes it, and where its events end up."""

    def __init__(self, *partitions: str) -> None:
        self.stream = MemoryStream(*partitions)
        self.store = MemoryStore()
        self.leases = MemoryLeases()
        self.dead = MemoryDeadLetters()
        self.taken: list[Taken] = []
        self.lost: list[tuple[str, int]] = []

    def put(self, partition: str, user: str, n: int) -> None:
        event = {"type": "track", "event": "seen", "userId": user, "properties": {"n": n}}
        self.stream.put(partition, json.dumps(event).encode())

    def consumer(self, name: str = "c", *, lease: int = LEASE, leases: MemoryLeases | None = None, store: Any = None, **options: Any) -> tuple[Consumer, MemorySource]:
        source = MemorySource(self.stream)

        def taking(tenure: Tenure) -> Intake:
            fenced = FencedStore(store or self.store, lambda: tenure.until)
            return Intake(Ingest(fenced, Identities(self.store), random_id, hashed_id), self.dead, FrozenClock(NOW), self.taken.append, source="memory")

        return Consumer(source, Shares(leases or self.leases, "g", name, lease), taking, lambda *loss: self.lost.append(loss), **options), source

    def caught_up(self) -> bool:
        return all(self.stream.committed[name] == len(messages) for name, messages in self.stream.partitions.items())

    async def seen(self, user: str) -> list[int]:
        events = (await self.store.read("u:" + user)).history.events()
        return [event.properties["n"] for event in events]

    @property
    def applied(self) -> int:
        return sum(taken.applied for taken in self.taken)


async def until(holds: Callable[[], bool], *tasks: asyncio.Task[None]) -> None:
    async with asyncio.timeout(20):
        while not holds() and not any(task.done() for task in tasks):
            await asyncio.sleep(0.001)


async def consume(shop: Shop, **options: Any) -> Consumer:
    """Until everything in the stream is committed."""
    consumer, _ = shop.consumer(**options)
    task = asyncio.create_task(consumer.run())
    await until(shop.caught_up, task)
    consumer.stop()
    await task
    return consumer


def test_every_event_is_applied_in_order():
    shop = Shop("a", "b")
    for n in range(300):
        shop.put("ab"[n % 2], "anna" if n % 2 else "ben", n)

    async def story() -> list[list[int]]:
        await consume(shop, most=40)
        return [await shop.seen("ben"), await shop.seen("anna")]

    assert asyncio.run(story()) == [list(range(0, 300, 2)), list(range(1, 300, 2))]


def test_an_event_that_comes_again_changes_nothing():
    shop = Shop("a")
    for n in range(20):
        shop.put("a", "anna", n)

    async def story() -> list[int]:
        await consume(shop)
        shop.stream.committed["a"] = 5
        await consume(shop, name="again")
        return await shop.seen("anna")

    assert asyncio.run(story()) == list(range(20))
    assert (shop.applied, sum(taken.duplicates for taken in shop.taken)) == (20, 15)


def test_while_the_store_is_away_nothing_is_skipped_and_nothing_dies():
    shop = Shop("a")
    for n in range(20):
        shop.put("a", "anna", n)

    async def story() -> list[int]:
        consumer, source = shop.consumer()
        task = asyncio.create_task(consumer.run())
        shop.store.wire.down = True
        await until(lambda: consumer.in_flight == 20, task)
        committed = shop.stream.committed["a"]
        shop.store.wire.down = False
        await until(shop.caught_up, task)
        consumer.stop()
        await task
        return [committed, *await shop.seen("anna")]

    assert asyncio.run(story()) == [0, *range(20)]
    assert shop.dead.letters == []


def test_what_cannot_be_taken_is_dead_with_its_bytes_and_the_rest_goes_on():
    shop = Shop("a")
    shop.put("a", "anna", 1)
    shop.stream.put("a", b'{"type": "track", "userId": ')
    shop.stream.put("a", b'{"type": "track", "event": "seen"}')
    shop.put("a", "anna", 2)

    async def story() -> list[int]:
        await consume(shop)
        return await shop.seen("anna")

    assert asyncio.run(story()) == [1, 2]
    assert [(letter.id, letter.reason, letter.body) for letter in shop.dead.letters] == [
        ("a/1", "invalid", b'{"type": "track", "userId": '), ("a/2", "no_identity", b'{"type": "track", "event": "seen"}'),
    ]


class Poisoned(MemoryStore):
    """A store that one person breaks."""

    async def apply(self, writes, now, *, until=0):
        if any(key == "u:poison" for key, _ in writes):
            raise ZeroDivisionError
        return await super().apply(writes, now, until=until)


def test_a_message_that_breaks_what_takes_it_is_dead_after_some_tries_and_its_neighbours_are_not():
    shop = Shop("a")
    shop.store = Poisoned()
    for n, user in enumerate(("anna", "poison", "anna")):
        shop.put("a", user, n)

    async def story() -> list[int]:
        await consume(shop)
        return await shop.seen("anna")

    assert asyncio.run(story()) == [0, 2]
    assert [(letter.id, letter.reason, letter.detail) for letter in shop.dead.letters] == [("a/1", "error", "ZeroDivisionError")]


def test_no_more_is_in_flight_than_there_is_room_for():
    shop = Shop("a", "b")
    for n in range(400):
        shop.put("ab"[n % 2], "anna", n)

    async def story() -> int:
        consumer, _ = shop.consumer(most=50)
        task = asyncio.create_task(consumer.run())
        shop.store.wire.down = True
        await until(lambda: consumer.in_flight >= 38, task)
        await asyncio.sleep(0.1)
        most = consumer.in_flight
        shop.store.wire.down = False
        await until(shop.caught_up, task)
        consumer.stop()
        await task
        return most

    assert asyncio.run(story()) <= 50


def test_what_the_stream_dropped_unread_stops_the_consumer_and_is_counted():
    shop = Shop("a")
    for n in range(10):
        shop.put("a", "anna", n)
    shop.stream.drop("a", 4)

    async def story() -> None:
        consumer, _ = shop.consumer()
        await consumer.run()

    with pytest.raises(FellBehind, match="4 messages of a"):
        asyncio.run(story())
    assert (shop.lost, shop.stream.committed["a"]) == ([("a", 4)], 0)


def test_by_choice_it_goes_on_with_what_is_left():
    shop = Shop("a")
    for n in range(10):
        shop.put("a", "anna", n)
    shop.stream.drop("a", 4)

    async def story() -> list[int]:
        await consume(shop, after_loss="continue")
        return await shop.seen("anna")

    assert asyncio.run(story()) == list(range(4, 10))
    assert shop.lost == [("a", 4)]


def test_two_consumers_share_the_partitions_and_one_that_stops_leaves_them_to_the_other():
    shop = Shop("a", "b", "c", "d")

    async def story() -> list[int]:
        first, _ = shop.consumer("first")
        second, _ = shop.consumer("second")
        tasks = [asyncio.create_task(each.run()) for each in (first, second)]
        await until(lambda: (first.partitions, second.partitions) == (2, 2), *tasks)
        first.stop()
        await tasks[0]
        await until(lambda: second.partitions == 4, tasks[1])
        second.stop()
        await tasks[1]
        return [first.partitions, second.partitions]

    assert asyncio.run(story()) == [0, 0]


class Slow(MemoryStore):
    """A store whose writes can be held up on their way, as those of a process that is paused are."""

    def __init__(self, beneath: MemoryStore) -> None:
        super().__init__()
        self._beneath = beneath
        self.free = asyncio.Event()
        self.reached = False

    async def apply(self, writes, now, *, until=0):
        self.reached = True
        await self.free.wait()
        return await self._beneath.apply(writes, now, until=until)


def test_a_former_owner_that_was_paused_writes_nothing_after_the_next_has_begun():
    shop = Shop("a")
    for n in range(10):
        shop.put("a", "anna", n)

    async def story() -> list[int]:
        slow, paused = Slow(shop.store), MemoryLeases(shop.leases)
        former, _ = shop.consumer("former", lease=30, leases=paused, store=slow)
        former_task = asyncio.create_task(former.run())
        await until(lambda: slow.reached, former_task)
        paused.wire.hung = True
        following, _ = shop.consumer("following")
        task = asyncio.create_task(following.run())
        await until(shop.caught_up, task)
        before = list(shop.taken)
        slow.free.set()
        await asyncio.sleep(0.05)
        former_task.cancel()
        following.stop()
        await task
        return [len(before), len(shop.taken), *await shop.seen("anna")]

    assert asyncio.run(story()) == [1, 1, *range(10)]


def test_a_consumer_that_lost_its_lease_begins_again_where_it_had_committed():
    shop = Shop("a")
    for n in range(10):
        shop.put("a", "anna", n)

    async def story() -> list[int]:
        slow = Slow(shop.store)
        consumer, _ = shop.consumer(lease=300, store=slow)
        task = asyncio.create_task(consumer.run())
        await until(lambda: slow.reached, task)
        await asyncio.sleep(0.4)
        slow.free.set()
        await until(shop.caught_up, task)
        consumer.stop()
        await task
        return await shop.seen("anna")

    assert asyncio.run(story()) == list(range(10))


def test_what_a_device_did_is_committed_before_the_device_is_given_to_somebody_else():
    """Else a crash in between would give the next owner what the last one did."""
    shop = Shop("a")
    visit = {"type": "track", "event": "seen", "anonymousId": "tablet"}
    for event in (visit, visit, {"type": "identify", "userId": "ben", "anonymousId": "tablet"}, visit):
        shop.stream.put("a", json.dumps(event).encode())

    async def story() -> list[int]:
        numbers: list[int] = []
        intake = Intake(Ingest(shop.store, Identities(shop.store), random_id, hashed_id), shop.dead, FrozenClock(NOW), shop.taken.append, source="memory")
        rest = shop.stream.partitions["a"]
        while rest:
            numbers.append(await intake(rest))
            rest = rest[numbers[-1] :]
        return numbers

    assert asyncio.run(story()) == [2, 2]
