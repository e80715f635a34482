"""`inlay consume redis`, as it is run: from a stream to what is known of people, through crashes and take-overs."""

from __future__ import annotations

import json
import random
import signal
import time
import urllib.request
import uuid
from typing import Any

import pytest
import redis

from app.adapters.redis_dead_letters import STREAM as DEAD
from tests.stories.consuming import Consuming, expected, free_port, happenings, keys_of, known, track, until


@pytest.fixture
def store(redis_socket: str) -> redis.Redis:
    return redis.Redis(unix_socket_path=redis_socket)


@pytest.fixture
def stream() -> str:
    return "s" + uuid.uuid4().hex


def put(store: redis.Redis, stream: str, event: Any) -> None:
    store.xadd(stream, {"data": event if isinstance(event, bytes) else json.dumps(event)})


def worked_off(store: redis.Redis, stream: str) -> bool:
    """Whether all of it was read and acknowledged."""
    groups = store.xinfo_groups(stream) if store.exists(stream) else []
    last = store.xinfo_stream(stream)["last-generated-id"] if groups else b""
    return bool(groups) and groups[0]["pending"] == 0 and groups[0]["last-delivered-id"] == last


def test_events_reach_people_and_sigterm_ends_it_with_counts(store, redis_socket, stream, tmp_path):
    user = uuid.uuid4().hex
    for n in range(100):
        put(store, stream, track(user, n // 2))
    put(store, stream, b"{")
    consuming = Consuming("redis", "--stream", stream, store=redis_socket, data=tmp_path)
    until(lambda: worked_off(store, stream))

    code, counts, _ = consuming.stop()

    assert (code, counts) == (0, {"applied": 50, "duplicates": 50, "dead: invalid": 1})
    assert [event.properties["n"] for event in known(redis_socket, ["u:" + user])["u:" + user][1]] == list(range(50))
    assert any(fields.get(b"id", b"").startswith(stream.encode()) and fields.get(b"body") == b"{" for _, fields in store.xrange(DEAD))


def test_a_port_tells_how_it_goes(store, redis_socket, stream, tmp_path):
    put(store, stream, track(uuid.uuid4().hex, 1))
    port = free_port()
    consuming = Consuming("redis", "--stream", stream, "--metrics-port", str(port), store=redis_socket, data=tmp_path)
    until(lambda: worked_off(store, stream))

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    consuming.stop()

    assert 'inlay_events_total{outcome="accepted"} 1.0' in lines
    assert {"inlay_stream_partitions 1.0", "inlay_stream_in_flight 0.0", "inlay_stream_lag_seconds 0.0"} <= set(lines)


def test_a_stream_that_was_trimmed_unread_stops_it_and_nothing_is_committed(store, redis_socket, stream, tmp_path):
    user = uuid.uuid4().hex
    put(store, stream, track(user, 0))
    first = Consuming("redis", "--stream", stream, store=redis_socket, data=tmp_path)
    until(lambda: worked_off(store, stream))
    first.stop()
    for n in range(1, 10):
        put(store, stream, track(user, n))
    store.xtrim(stream, maxlen=4, approximate=False)

    code, counts, said = Consuming("redis", "--stream", stream, store=redis_socket, data=tmp_path).ended()
    going_on = Consuming("redis", "--stream", stream, "--after-loss", "continue", store=redis_socket, data=tmp_path)
    until(lambda: worked_off(store, stream))
    going_on.stop()

    assert (code, counts.get("applied", 0), "dropped by the stream before they were read" in said) == (1, 0, True)
    assert [event.properties["n"] for event in known(redis_socket, ["u:" + user])["u:" + user][1]] == [0, 6, 7, 8, 9]


def test_a_consumer_that_stood_still_applies_nothing_after_another_took_over(store, redis_socket, stream, tmp_path):
    users = [uuid.uuid4().hex for _ in range(5)]
    words = ("redis", "--stream", stream, "--lease", "1", "--max-in-flight", "50")
    first = Consuming(*words, store=redis_socket, data=tmp_path / "1")
    until(lambda: bool(store.exists(stream)))
    pipeline = store.pipeline()
    for n in range(5_000):
        put(pipeline, stream, track(users[n % 5], n))
    pipeline.execute()
    until(lambda: store.xinfo_groups(stream)[0]["pending"] > 0)
    first.process.send_signal(signal.SIGSTOP)
    second = Consuming(*words, store=redis_socket, data=tmp_path / "2")
    until(lambda: worked_off(store, stream))
    before = known(redis_socket, ["u:" + user for user in users])

    first.process.send_signal(signal.SIGCONT)
    time.sleep(1.5)
    codes = first.stop()[0], second.stop()[0]

    assert codes == (0, 0)
    assert known(redis_socket, ["u:" + user for user in users]) == before
    assert sorted(event.properties["n"] for _, events, _, _ in before.values() for event in events) == list(range(5_000))


@pytest.mark.long
@pytest.mark.parametrize("round", range(5))
def test_killed_at_random_moments_its_effect_is_that_of_one_pass_in_order(store, redis_socket, stream, tmp_path, round):
    draw = random.Random(round)
    seeds = [f"{stream}-{shard}" for shard in range(3)]
    events = [happenings(seed, 3_000) for seed in seeds]
    words = ("redis", "--stream", stream, "--shards", "3", "--lease", "1", "--max-in-flight", "200")
    for shard, some in enumerate(events):
        for event in some:
            put(store, f"{stream}:{shard}", event)

    kills = 0
    while kills < 12:
        running = [Consuming(*words, store=redis_socket, data=tmp_path / str(i)) for i in range(2)]
        for each in running:
            time.sleep(draw.uniform(0.3, 1.5))
            each.kill()
            kills += 1
    last = Consuming(*words, store=redis_socket, data=tmp_path)
    until(lambda: all(worked_off(store, f"{stream}:{shard}") for shard in range(3)), 120)
    last.stop()

    keys = keys_of(seeds)
    assert known(redis_socket, keys) == expected([event for some in events for event in some], keys, time.time_ns() // 1_000_000)
