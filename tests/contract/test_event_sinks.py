"""What writing to a stream promises, by writing to it and reading it with the source of its kind."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.kafka_sink import KafkaSink
from app.adapters.kafka_source import KafkaSource
from app.adapters.redis_link import Link
from app.adapters.redis_sink import RedisSink
from app.adapters.redis_source import RedisSource, shards
from app.domain.message import Message, Outgoing
from app.errors import SinkUnavailable, SettingsInvalid
from app.ports import EventSource, EventSink
from app.settings import Settings
from app.wiring.sinks import build_sink
from tests.brokers import kafka_cluster
from tests.fakes import MemorySink, MemorySource, MemoryStream

FAR = 32_503_680_000_000
SECONDS = 30.0


@dataclass
class Rig:
    sink: EventSink
    source: EventSource


Run = Callable[[Callable[[Rig], Awaitable[Any]]], Any]


@asynccontextmanager
async def memory(_: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    stream = MemoryStream("0", "1", "2", "3")
    yield Rig(MemorySink(stream), MemorySource(stream))


@asynccontextmanager
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    link = Link(f"unix://{request.getfixturevalue('redis_socket')}", Breaker(time.monotonic), read_seconds=2.0)
    streams = shards("o" + uuid.uuid4().hex, 4)
    yield Rig(RedisSink(link, streams), RedisSource(link, streams, "inlay", uuid.uuid4().hex))
    await link.close()


@asynccontextmanager
async def kafka(_: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    with kafka_cluster() as cluster:
        topic = "o" + uuid.uuid4().hex
        cluster.make(topic)
        sink = KafkaSink({"bootstrap.servers": cluster.settings["bootstrap.servers"]}, topic)
        yield Rig(sink, KafkaSource(cluster.settings, topic, uuid.uuid4().hex))
        await sink.close()


RIGS = {"memory": memory, "redis": redis, "kafka": kafka}


@pytest.fixture(params=RIGS)
def run(request: pytest.FixtureRequest) -> Run:
    async def told(story: Callable[[Rig], Awaitable[Any]]) -> Any:
        async with RIGS[request.param](request) as rig:
            return await story(rig)

    return lambda story: asyncio.run(told(story))


async def read(source: EventSource, number: int) -> dict[str, list[Message]]:
    """partition -> its messages, once there are so many altogether."""
    async def revoked(_: object) -> None: ...

    await source.open(revoked)
    found: dict[str, list[Message]] = {}
    deadline = time.monotonic() + SECONDS
    while sum(map(len, found.values())) < number and time.monotonic() < deadline:
        for batch in await source.poll(dict.fromkeys(await source.partitions(), FAR), 100):
            found.setdefault(batch.partition, []).extend(batch.messages)
    await source.close()
    return found


def outgoing(n: int, key: str) -> Outgoing:
    return Outgoing(f"t-{key}-{n}", key, b'{"n": %d}' % n, {"content-type": "application/json"})


def test_what_is_of_one_person_is_in_one_partition_in_the_order_in_which_it_was_sent(run):
    async def story(rig):
        for n in range(10):
            for key in ("anna", "ben", "cleo"):
                await rig.sink.send(outgoing(n, key))
        return await read(rig.source, 30)

    found = run(story)

    for key in ("anna", "ben", "cleo"):
        (row,) = [ids for messages in found.values() if (ids := [message.headers["id"] for message in messages if f"-{key}-" in message.headers["id"]])]
        assert row == [f"t-{key}-{n}" for n in range(10)]


def test_a_message_arrives_with_its_bytes_its_headers_and_its_id(run):
    async def story(rig):
        await rig.sink.send(outgoing(1, "anna"))
        return next(iter((await read(rig.source, 1)).values()))[0]

    message = run(story)

    assert (message.body, message.headers) == (b'{"n": 1}', {"content-type": "application/json", "id": "t-anna-1"})


def test_into_redis_the_same_message_goes_once(redis_socket):
    async def story():
        link = Link(f"unix://{redis_socket}", Breaker(time.monotonic), read_seconds=2.0)
        name = "o" + uuid.uuid4().hex
        sink = RedisSink(link, [name])
        await sink.send(outgoing(1, "anna"))
        await sink.send(outgoing(1, "anna"))
        length = await link.call("XLEN", name)
        await link.close()
        return length

    assert asyncio.run(story()) == 1


def test_a_stream_that_is_away_says_so(tmp_path):
    async def story():
        link = Link(f"unix://{tmp_path}/nobody.sock", Breaker(time.monotonic))
        await RedisSink(link, ["x"]).send(outgoing(1, "anna"))

    with pytest.raises(SinkUnavailable, match="the stream x"):
        asyncio.run(story())


@pytest.mark.parametrize("address", ["c r m", "redis:", "kafka:crm/4", "kinesis:crm", "redis:a/0"])
def test_what_is_no_address_of_a_stream_is_refused(address):
    with pytest.raises(SettingsInvalid, match="NAME, redis:NAME, redis:NAME/SHARDS or kafka:TOPIC"):
        build_sink(Settings(), Link("unix:///nobody", Breaker(time.monotonic)), address)
