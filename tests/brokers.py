"""Streams to test with, in this process: librdkafka's own mock cluster, and Kinesis as moto has it."""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from confluent_kafka import Producer
from moto.core import DEFAULT_ACCOUNT_ID
from moto.kinesis.models import kinesis_backends
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"


@dataclass
class Cluster:
    """A Kafka of one broker, which lives as long as its producer. Topics come to be with 4 partitions when they are written to."""

    producer: Producer
    settings: dict[str, str]

    def make(self, topic: str) -> None:
        self.producer.list_topics(topic, timeout=20)

    def put(self, topic: str, partition: int, bodies: Sequence[bytes], **headers: str) -> None:
        for body in bodies:
            self.producer.produce(topic, body, partition=partition, headers=headers)
            self.producer.poll(0)
        assert self.producer.flush(20) == 0


@contextmanager
def kafka_cluster() -> Iterator[Cluster]:
    producer = Producer({"bootstrap.servers": "mock:1", "test.mock.num.brokers": 1, "log_level": 2, "linger.ms": 0})
    brokers = producer.list_topics(timeout=20).brokers.values()
    address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    yield Cluster(producer, {"bootstrap.servers": address, "log_level": "2", "session.timeout.ms": "6000"})
    producer.flush(5)


@dataclass
class Kinesis:
    """A stream of a Kinesis in this process."""

    name: str
    url: str

    def client(self) -> Any:
        return boto3.client("kinesis", endpoint_url=self.url, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106

    def put(self, shard: int, bodies: Sequence[bytes]) -> None:
        """Into the shard of that number among those that are open."""
        client = self.client()
        open_shards = [each for each in client.list_shards(StreamName=self.name)["Shards"] if "EndingSequenceNumber" not in each["SequenceNumberRange"]]
        key = open_shards[shard]["HashKeyRange"]["StartingHashKey"]
        for at in range(0, len(bodies), 500):
            rows = [{"Data": body, "PartitionKey": "p", "ExplicitHashKey": key} for body in bodies[at : at + 500]]
            assert client.put_records(StreamName=self.name, Records=rows)["FailedRecordCount"] == 0

    def split(self) -> str:
        """Split the first shard in halves, as Kinesis does and moto does not: what is in it stays there, and it takes no more."""
        shards = kinesis_backends[DEFAULT_ACCOUNT_ID][REGION].streams[self.name].shards
        parent = next(iter(shards.values()))
        kept = parent.records
        self.client().split_shard(StreamName=self.name, ShardToSplit=parent.shard_id, NewStartingHashKey=str(2**127))
        for shard in shards.values():
            shard.records = OrderedDict()
        parent.records = kept
        parent.starting_hash = parent.ending_hash = 2**128
        return parent.shard_id

    @property
    def environment(self) -> dict[str, str]:
        """For a process that reads it."""
        return {"AWS_ENDPOINT_URL_KINESIS": self.url, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}


@contextmanager
def kinesis_stream(shards: int) -> Iterator[Kinesis]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    stream = Kinesis("s" + uuid.uuid4().hex, f"http://{host}:{port}")
    stream.client().create_stream(StreamName=stream.name, ShardCount=shards)
    try:
        yield stream
    finally:
        server.stop()
