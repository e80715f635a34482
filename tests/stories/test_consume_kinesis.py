"""`inlay consume kinesis`, against moto: in order per person also when a shard is split, parents before their children."""

from __future__ import annotations

import json
import time
import uuid

import pytest
import redis

from tests.brokers import Kinesis, kinesis_stream
from tests.stories.consuming import Consuming, expected, happenings, keys_of, known, track, until


@pytest.fixture
def stream():
    with kinesis_stream(1) as stream:
        yield stream


def consuming(stream: Kinesis, store: str, data, *words: str) -> Consuming:
    return Consuming("kinesis", "--stream", stream.name, "--lease", "1", *words, store=store, data=data, **stream.environment)


def put(stream: Kinesis, shard: int, *events: object) -> None:
    stream.put(shard, [json.dumps(event).encode() for event in events])


def kept(redis_socket: str, stream: Kinesis) -> dict[str, dict[str, object]]:
    """How far each shard was read."""
    rows = redis.Redis(unix_socket_path=redis_socket).hgetall(f"inlay:checkpoints:{{kinesis:{stream.name}:inlay}}")
    return {shard.decode(): json.loads(value) for shard, value in rows.items()}


def last_numbers(stream: Kinesis) -> dict[str, str]:
    """The sequence number of the last record of each shard that has one."""
    client = stream.client()
    found = {}
    for shard in client.list_shards(StreamName=stream.name)["Shards"]:
        iterator = client.get_shard_iterator(StreamName=stream.name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        records = client.get_records(ShardIterator=iterator, Limit=10_000)["Records"]
        found |= {shard["ShardId"]: records[-1]["SequenceNumber"]} if records else {}
    return found


def test_events_reach_people_and_the_next_process_goes_on_where_this_one_stopped(redis_socket, stream, tmp_path):
    user = uuid.uuid4().hex
    put(stream, 0, *(track(user, n) for n in range(30)))
    first = consuming(stream, redis_socket, tmp_path)
    until(lambda: bool(kept(redis_socket, stream)))
    code, counts, _ = first.stop()
    put(stream, 0, *(track(user, n) for n in range(30, 40)))
    second = consuming(stream, redis_socket, tmp_path)
    until(lambda: len(known(redis_socket, ["u:" + user])["u:" + user][1]) == 40)

    again = second.stop()

    assert (code, counts["applied"], again[0], again[1]["applied"], again[1]["duplicates"]) == (0, 30, 0, 10, 0)


def test_of_a_shard_that_was_split_the_children_come_after_it(redis_socket, stream, tmp_path):
    seed = uuid.uuid4().hex
    events = happenings(seed, 600)
    put(stream, 0, *events[:400])
    parent = stream.split()
    put(stream, 1, *events[400:])
    running = [consuming(stream, redis_socket, tmp_path / str(i), "--max-in-flight", "50") for i in range(2)]
    numbers = last_numbers(stream)
    child = max(numbers)
    until(lambda: kept(redis_socket, stream).get(child, {}).get("after") == numbers[child])
    for each in running:
        each.stop()

    assert kept(redis_socket, stream)[parent] == {"ended": True}
    assert known(redis_socket, keys_of([seed])) == expected(events, keys_of([seed]), time.time_ns() // 1_000_000)


def test_one_that_was_away_for_longer_than_records_are_kept_says_so(redis_socket, stream, tmp_path):
    put(stream, 0, track(uuid.uuid4().hex, 1))
    store = redis.Redis(unix_socket_path=redis_socket)
    shard = stream.client().list_shards(StreamName=stream.name)["Shards"][0]["ShardId"]
    long_ago = time.time_ns() // 1_000_000 - 25 * 3_600_000
    store.hset(f"inlay:checkpoints:{{kinesis:{stream.name}:inlay}}", shard, json.dumps({"after": "1", "seen": long_ago}))

    code, _, said = consuming(stream, redis_socket, tmp_path).ended()

    assert (code, "dropped by the stream before they were read" in said) == (1, True)
