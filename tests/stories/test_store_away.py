"""While Redis is away events are acknowledged into the spool, and applied once it is back: in order, once, by itself."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stories.faults import FaultyRedis
from tests.stories.server import SHIPPED, Answer, Server

FAULTS = ["gone", "silent"]


@pytest.fixture(scope="module")
def redis() -> Iterator[FaultyRedis]:
    running = FaultyRedis()
    yield running
    running.close()


@pytest.fixture(scope="module")
def remote(redis: FaultyRedis) -> Iterator[Server]:
    server = Server.of(INLAY_REDIS_URL=redis.url, INLAY_SPOOL_MB="1", **SHIPPED)
    yield server
    server.close()


def track(who: str, i: int, **more: Any) -> dict[str, Any]:
    return {"type": "track", "userId": who, "event": "Seen", "messageId": f"{who}-{i}", "properties": {"n": i}, **more}


def kept(server: Server, who: str) -> list[int]:
    """The numbers of the events in a person's history, in ascending order."""
    answer = server.get(f"/v1/profiles/{who}/events?limit=1000")
    return sorted(event["properties"]["n"] for event in answer.json["events"]) if answer.status == 200 else []


def emptied(server: Server) -> bool:
    return re.search(r"^inlay_spool_bytes 0\.0$", server.get("/metrics").text, re.MULTILINE) is not None


def sent(server: Server, *events: dict[str, Any]) -> Answer:
    return server.post("/v1/events", {"batch": list(events)}, patience=20)


@pytest.fixture
def away(request: pytest.FixtureRequest, redis: FaultyRedis, remote: Server) -> Iterator[Server]:
    """The server while Redis is away; afterwards it is back and the spool is empty."""
    redis.fault = getattr(request, "param", "gone")
    yield remote
    redis.fault = "none"
    remote.until(lambda: emptied(remote), 20)


@pytest.mark.parametrize("away", FAULTS, indirect=True)
def test_events_are_acknowledged_as_spooled_and_are_there_once_redis_is_back(away, redis, who):
    answer = sent(away, *(track(who, i) for i in range(50)))
    redis.fault = "none"
    away.until(lambda: len(kept(away, who)) == 50, 20)

    assert (answer.status, answer.json) == (202, {"accepted": 0, "duplicates": 0, "rejected": [], "spooled": 50})
    assert kept(away, who) == list(range(50))


def test_what_is_sent_again_meanwhile_counts_once(away, redis, who):
    sent(away, track(who, 1), track(who, 2))
    sent(away, track(who, 2), track(who, 3))
    redis.fault = "none"
    away.until(lambda: kept(away, who) == [1, 2, 3], 20)
    away.until(lambda: emptied(away), 20)

    assert sent(away, track(who, 1), track(who, 3)).json["duplicates"] == 2


def test_an_event_without_an_id_of_its_own_counts_once_too(away, redis, who):
    event = track(who, 1)
    del event["messageId"]
    sent(away, event)
    redis.fault = "none"
    away.until(lambda: kept(away, who) == [1], 20)


def test_what_is_wrong_is_refused_at_once_whatever_the_store_does(away, who):
    answer = sent(away, track(who, 1), {"type": "track", "event": "Seen"}).json

    assert (answer["spooled"], [row["reason"] for row in answer["rejected"]]) == (1, ["no_identity"])


def test_links_are_spooled_with_the_events_around_them(away, redis, who):
    anonymous = f"a-{who}"
    sent(away, {**track(who, 1), "userId": None, "anonymousId": anonymous}, {"type": "identify", "userId": who, "anonymousId": anonymous, "messageId": f"{who}-i", "traits": {"tier": 2}}, track(who, 3))
    redis.fault = "none"
    away.until(lambda: emptied(away) and away.get(f"/v1/profiles/{who}").status == 200, 20)
    profile = away.get(f"/v1/profiles/{who}").json

    assert (profile["traits"], profile["events"]["seen"]["count"]) == ({"tier": 2}, 2)


def test_a_full_spool_says_when_to_come_back_and_keeps_what_it_acknowledged(away, redis, who):
    acknowledged = sent(away, track(who, 1)).json["spooled"]
    answers = [sent(away, *(track(f"{who}-{i}", j, properties={"n": j, "text": "x" * 900}) for j in range(200))) for i in range(10)]
    redis.fault = "none"
    away.until(lambda: kept(away, who) == [1], 20)

    refused = [answer for answer in answers if answer.status == 503]
    assert acknowledged == 1
    assert refused and {(answer.headers["retry-after"], answer.json["error"]["code"]) for answer in refused} == {("1", "spool_full")}


def test_a_server_that_was_killed_meanwhile_finds_the_spool_at_its_next_start(redis, remote, who):
    redis.fault = "gone"
    sent(remote, *(track(who, i) for i in range(20)))
    assert remote.process is not None
    remote.process.send_signal(signal.SIGKILL)
    remote.process.wait()
    time.sleep(1)
    redis.fault = "none"
    remote.start()
    remote.until(lambda: kept(remote, who) == list(range(20)), 20)


def test_of_two_workers_one_drains_what_the_other_left(redis, who):
    server = Server.of(INLAY_REDIS_URL=redis.url, **SHIPPED)
    try:
        server.stop()
        redis.fault = "gone"
        server.start(workers=2)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda i: sent(server, track(who, i)), range(40)))
        for pid in {int(path.name.split("-")[1]) for path in (server.data / "spool").glob("*.spool")}:
            os.kill(pid, signal.SIGKILL)
        redis.fault = "none"
        server.until(lambda: kept(server, who) == list(range(40)), 20)
    finally:
        redis.fault = "none"
        server.close()

    assert {answer.status for answer in answers} == {202}


def test_what_an_acknowledgement_by_redis_is_worth_is_told(remote):
    remote.until(lambda: remote.get("/readyz").json["durability"] == "everysec", 20)

    assert "INLAY_DURABILITY is durable, and this Redis syncs what it acknowledges: everysec" in remote.told()
