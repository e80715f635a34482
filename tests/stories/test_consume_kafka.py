"""`inlay consume kafka`, against librdkafka's mock cluster: the effect is that of one pass in order, through rebalances too."""

from __future__ import annotations

import json
import random
import time
import uuid
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.brokers import Cluster, kafka_cluster
from tests.stories.consuming import Consuming, expected, happenings, keys_of, known, track, until


@pytest.fixture
def cluster():
    with kafka_cluster() as cluster:
        yield cluster


@pytest.fixture
def topic() -> str:
    return "t" + uuid.uuid4().hex


def consuming(cluster: Cluster, topic: str, *words: str, **given: Any) -> Consuming:
    settings = {"INLAY_KAFKA_" + name.upper().replace(".", "_"): value for name, value in cluster.settings.items() if name != "log_level"}
    return Consuming("kafka", "--stream", topic, "--lease", "1", *words, **given, **settings)


def put(cluster: Cluster, topic: str, partition: int, *events: Any, **headers: str) -> None:
    cluster.put(topic, partition, [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events], **headers)


class Offsets:
    """How far the group has committed, as the broker knows it."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self._consumer = Consumer({**cluster.settings, "log_level": 2, "group.id": "inlay"})
        self._topic = topic

    def committed(self) -> list[int]:
        places = [TopicPartition(self._topic, partition) for partition in range(4)]
        return [max(0, place.offset) for place in self._consumer.committed(places, timeout=10)]


def test_events_reach_people_and_the_broken_are_dead(cluster, redis_socket, topic, tmp_path):
    user = uuid.uuid4().hex
    put(cluster, topic, 0, *(track(user, n // 2) for n in range(100)), b"{")
    offsets = Offsets(cluster, topic)
    running = consuming(cluster, topic, store=redis_socket, data=tmp_path)
    until(lambda: offsets.committed() == [101, 0, 0, 0])

    code, counts, _ = running.stop()

    assert (code, counts) == (0, {"applied": 50, "duplicates": 50, "dead: invalid": 1})
    assert [event.properties["n"] for event in known(redis_socket, ["u:" + user])["u:" + user][1]] == list(range(50))


def test_a_cloud_event_in_binary_mode_is_one(cluster, redis_socket, topic, tmp_path):
    user = uuid.uuid4().hex
    put(cluster, topic, 1, {"n": 7}, ce_specversion="1.0", ce_id="1", ce_source="/shop", ce_type="seen", ce_userid=user, ce_time="2025-06-15T10:00:00Z")
    offsets = Offsets(cluster, topic)
    running = consuming(cluster, topic, store=redis_socket, data=tmp_path)
    until(lambda: offsets.committed()[1] == 1)

    running.stop()

    _, events, _, _ = known(redis_socket, ["u:" + user])["u:" + user]
    assert [(event.name, event.at, event.properties["n"]) for event in events] == [("seen", 1_749_981_600_000, 7)]


def test_without_brokers_it_says_which_setting_is_missing(redis_socket, tmp_path):
    code, _, said = Consuming("kafka", store=redis_socket, data=tmp_path).ended()

    assert (code, "INLAY_KAFKA_BOOTSTRAP_SERVERS" in said) == (1, True)


def test_what_the_promises_rest_on_cannot_be_set(cluster, redis_socket, topic, tmp_path):
    given = {"INLAY_KAFKA_BOOTSTRAP_SERVERS": "localhost:1", "INLAY_KAFKA_ENABLE_AUTO_COMMIT": "true"}

    code, _, said = Consuming("kafka", store=redis_socket, data=tmp_path, **given).ended()

    assert (code, "enable.auto.commit" in said) == (1, True)


@pytest.mark.long
@pytest.mark.parametrize("round", range(3))
def test_through_rebalances_and_kills_the_effect_is_that_of_one_pass_in_order(cluster, redis_socket, topic, tmp_path, round):
    draw = random.Random(round)
    seeds = [f"{topic}-{partition}" for partition in range(4)]
    events = [happenings(seed, 4_000) for seed in seeds]
    offsets = Offsets(cluster, topic)
    running: list[Consuming] = []
    for step in range(8):
        for partition, some in enumerate(events):
            put(cluster, topic, partition, *some[step * 500 : step * 500 + 500])
        running.append(consuming(cluster, topic, "--max-in-flight", "100", store=redis_socket, data=tmp_path / str(step)))
        time.sleep(draw.uniform(1, 5))
        if len(running) > 2:
            leaving = running.pop(draw.randrange(3))
            leaving.kill() if draw.random() < 0.5 else leaving.stop()
    until(lambda: offsets.committed() == [4_000] * 4, 180)
    for each in running:
        each.stop()

    keys = keys_of(seeds)
    assert known(redis_socket, keys) == expected([event for some in events for event in some], keys, time.time_ns() // 1_000_000)
