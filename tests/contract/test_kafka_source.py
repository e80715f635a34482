"""What the source of Kafka does on top of what every source promises."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence

import pytest

from app.adapters.kafka_source import KafkaSource
from app.domain.message import Batch
from app.errors import LeaseLost, SettingsInvalid
from tests.brokers import Cluster, kafka_cluster

FAR = 32_503_680_000_000
SECONDS = 30.0


@pytest.fixture
def cluster():
    with kafka_cluster() as cluster:
        yield cluster


@pytest.fixture
def topic(cluster: Cluster) -> str:
    name = "t" + uuid.uuid4().hex
    cluster.make(name)
    return name


async def opened(cluster: Cluster, topic: str, **options) -> KafkaSource:
    async def revoked(_: Sequence[str]) -> None: ...

    source = KafkaSource(cluster.settings, topic, "inlay", **options)
    await source.open(revoked)
    return source


async def batches(source: KafkaSource, number: int) -> list[Batch]:
    """Until there are so many messages."""
    found: list[Batch] = []
    deadline = time.monotonic() + SECONDS
    while sum(len(batch.messages) for batch in found) < number and time.monotonic() < deadline:
        found += await source.poll(dict.fromkeys(await source.partitions(), FAR), 100)
    return found


def test_messages_that_went_before_they_were_read_are_counted(cluster, topic):
    big = [b"x" * 800_000] * 12

    async def story() -> tuple[int, int]:
        source = await opened(cluster, topic)
        cluster.put(topic, 0, [b"first"])
        (batch,) = await batches(source, 1)
        await source.commit(batch.partition, batch.messages, FAR)
        await source.close()
        cluster.put(topic, 0, big)
        following = await opened(cluster, topic)
        found = await batches(following, 1)
        await following.close()
        return sum(batch.lost for batch in found), found[-1].messages[0].position

    lost, offset = asyncio.run(story())

    assert (lost > 0, offset) == (True, 1 + lost)


def test_a_new_group_may_begin_at_the_end(cluster, topic):
    async def story() -> list[bytes]:
        cluster.put(topic, 0, [b"old"])
        source = await opened(cluster, topic, begin="end")
        while not await source.partitions():
            await source.poll({}, 1)
        cluster.put(topic, 0, [b"new"])
        found = await batches(source, 1)
        await source.close()
        return [message.body for batch in found for message in batch.messages]

    assert asyncio.run(story()) == [b"new"]


def test_nothing_is_committed_of_a_partition_that_is_another_s(cluster, topic):
    async def story() -> None:
        source = await opened(cluster, topic)
        cluster.put(topic, 0, [b"x"])
        (batch,) = await batches(source, 1)
        await source.close()
        with pytest.raises(LeaseLost):
            await source.commit(batch.partition, batch.messages, FAR)

    asyncio.run(story())


def test_a_property_that_librdkafka_does_not_know_is_refused():
    with pytest.raises(SettingsInvalid, match="no.such.thing"):
        KafkaSource({"bootstrap.servers": "x:1", "no.such.thing": "1"}, "t", "g")
