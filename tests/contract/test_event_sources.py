"""What every source of events promises: the one in memory, which tests consume from, and those on real streams."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.kafka_source import KafkaSource
from app.adapters.kinesis_source import KinesisSource
from app.adapters.redis_checkpoints import RedisCheckpoints
from app.adapters.redis_link import Link
from app.adapters.redis_source import RedisSource, shards
from app.domain.message import Batch, Message
from app.ports import EventSource
from tests.brokers import kafka_cluster, kinesis_stream
from tests.fakes import MemorySource, MemoryStream

FAR = 32_503_680_000_000
SECONDS = 30.0


@dataclass
class Rig:
    """A stream of two partitions: how to put something in, and how to make a member of the group that reads it."""

    put: Callable[[int, bytes], Awaitable[None]]
    source: Callable[[], EventSource]


Story = Callable[[Rig], Awaitable[Any]]
Run = Callable[[Story], Any]


@asynccontextmanager
async def memory(_: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    stream = MemoryStream("a", "b")

    async def put(number: int, body: bytes) -> None:
        stream.put("ab"[number], body)

    yield Rig(put, lambda: MemorySource(stream))


@asynccontextmanager
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    link = Link(f"unix://{request.getfixturevalue('redis_socket')}", Breaker(time.monotonic), read_seconds=2.0)
    streams = shards("s" + uuid.uuid4().hex, 2)

    async def put(number: int, body: bytes) -> None:
        await link.call("XADD", streams[number], "*", "data", body, "content-type", "application/json")

    yield Rig(put, lambda: RedisSource(link, streams, "inlay", uuid.uuid4().hex))
    await link.close()


@asynccontextmanager
async def kafka(_: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    with kafka_cluster() as cluster:
        topic, group = "t" + uuid.uuid4().hex, uuid.uuid4().hex
        cluster.make(topic)

        async def put(number: int, body: bytes) -> None:
            await asyncio.to_thread(cluster.put, topic, number, [body])

        yield Rig(put, lambda: KafkaSource(cluster.settings, topic, group))


@asynccontextmanager
async def kinesis(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    link = Link(f"unix://{request.getfixturevalue('redis_socket')}", Breaker(time.monotonic), read_seconds=2.0)
    with kinesis_stream(2) as stream:
        group = uuid.uuid4().hex

        async def put(number: int, body: bytes) -> None:
            await asyncio.to_thread(stream.put, number, [body])

        yield Rig(put, lambda: KinesisSource(stream.client(), RedisCheckpoints(link), stream.name, group))
    await link.close()


RIGS = {"memory": memory, "redis": redis, "kafka": kafka, "kinesis": kinesis}


@pytest.fixture(params=RIGS)
def run(request: pytest.FixtureRequest) -> Run:
    async def told(story: Story) -> Any:
        async with RIGS[request.param](request) as rig:
            return await story(rig)

    return lambda story: asyncio.run(told(story))


class Reader:
    """A member that has everything it is given."""

    def __init__(self, source: EventSource) -> None:
        self.source = source
        self.batches: list[Batch] = []

    async def open(self) -> Reader:
        async def revoked(partitions: Sequence[str]) -> None: ...

        await self.source.open(revoked)
        return self

    async def read(self, number: int, *, most: int = 100) -> list[Message]:
        """That many messages."""
        found: list[Batch] = []
        deadline = time.monotonic() + SECONDS
        while sum(len(batch.messages) for batch in found) < number and time.monotonic() < deadline:
            found += await self.source.poll(dict.fromkeys(await self.source.partitions(), FAR), most)
        self.batches += found
        return [message for batch in found for message in batch.messages]

    async def commit(self) -> None:
        for batch in self.batches:
            await self.source.commit(batch.partition, batch.messages, FAR)
        self.batches = []


async def numbered(rig: Rig, partition: int, first: int, beyond: int) -> None:
    for i in range(first, beyond):
        await rig.put(partition, json.dumps(i).encode())


def bodies(messages: Sequence[Message]) -> list[int]:
    return [json.loads(message.body) for message in messages]


def test_a_partition_s_messages_come_in_order_whole_and_under_ids_of_their_own(run):
    async def story(rig):
        reader = await Reader(rig.source()).open()
        await numbered(rig, 0, 0, 50)
        found = await reader.read(50, most=7)
        await reader.source.close()
        return found

    found = run(story)

    assert bodies(found) == list(range(50))
    assert len({message.id for message in found}) == 50


def test_no_more_is_read_than_was_asked_for(run):
    async def story(rig):
        reader = await Reader(rig.source()).open()
        await numbered(rig, 0, 0, 20)
        await numbered(rig, 1, 100, 120)
        await reader.read(40, most=8)
        none = await reader.source.poll(dict.fromkeys(await reader.source.partitions(), FAR), 0)
        await reader.source.close()
        return max(len(batch.messages) for batch in reader.batches), none

    most, none = run(story)

    assert (most <= 8, list(none)) == (True, [])


def test_what_was_not_committed_comes_again_first_and_under_the_same_ids(run):
    async def story(rig):
        reader = await Reader(rig.source()).open()
        await numbered(rig, 0, 0, 10)
        await reader.read(10)
        await reader.commit()
        await numbered(rig, 0, 10, 20)
        first = await reader.read(10)
        await numbered(rig, 0, 20, 25)
        for name in await reader.source.partitions():
            await reader.source.rewind(name)
        again = await reader.read(15)
        await reader.source.close()
        return first, again

    first, again = run(story)

    assert bodies(again) == list(range(10, 25))
    assert [message.id for message in first] == [message.id for message in again[:10]]


def test_the_next_member_goes_on_where_the_last_one_committed(run):
    async def story(rig):
        former = await Reader(rig.source()).open()
        await numbered(rig, 0, 0, 10)
        await former.read(10)
        await former.commit()
        await numbered(rig, 0, 10, 20)
        await former.read(10)
        await former.source.close()
        following = await Reader(rig.source()).open()
        found = await following.read(10)
        await following.source.close()
        return found

    assert bodies(run(story)) == list(range(10, 20))


def test_a_message_is_dated_by_the_stream(run):
    async def story(rig):
        reader = await Reader(rig.source()).open()
        await numbered(rig, 0, 0, 1)
        found = await reader.read(1)
        await reader.source.close()
        return found[0].at

    assert 1_700_000_000_000 < run(story) < 4_000_000_000_000
