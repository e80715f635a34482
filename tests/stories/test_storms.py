"""What holds while everything goes on at once: clients that hang up, a Redis that stands still, processes that are killed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.supervise.embedded import EmbeddedRedis
from tests.stories.server import SHIPPED, Server
from tests.stories.storm import Storm, introduce, mark, write_content
from tests.stories.writers import end, kill_in_turn, start

pytestmark = pytest.mark.long
REQUESTS = 100_000
PEOPLE = 300


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server.of(write_content(tmp_path / "content"), INLAY_AMP_SENDERS="news@shop.example", **SHIPPED)
    yield running
    running.close()


def test_nobody_is_ever_shown_what_is_another_s_however_clients_hang_up_while_redis_stops_and_goes(server):
    storm = Storm(server.port, introduce(server, PEOPLE), Random(20))

    storm.run(REQUESTS, server.redis_pid())

    assert storm.wrong == []
    assert storm.asked >= REQUESTS
    assert (storm.counts["stops"] >= 10, storm.counts["cut"] > REQUESTS // 5, storm.counts["marked"] > REQUESTS // 10) == (True, True, True), storm.counts
    server.until(lambda: server.get("/readyz").json["store"] == "up", 10)
    assert [mark(i) in server.get(f"/v1/placements/mine.txt?profile=p{i}").text for i in range(PEOPLE)] == [True] * PEOPLE


def test_no_acknowledged_event_is_lost_and_none_counts_twice_however_processes_are_killed(server):
    draw = Random(21)
    victims = draw.sample(["redis"] * 4 + ["worker"] * 3 + ["parent"] * 3, 10)
    writers = start(server, 4)

    kill_in_turn(server, victims, draw)

    acknowledged = end(writers)
    server.until(lambda: server.get("/readyz").json["store"] == "up", 10)
    assert sum(writer.again for writer in writers) > 0
    assert written(server, list(acknowledged)) == acknowledged


def written(server: Server, people: list[str]) -> dict[str, list[int]]:
    """The numbers of each person's events in the store, in ascending order."""

    async def read() -> dict[str, list[int]]:
        link = Link(EmbeddedRedis(server.data, durable=True).url, Breaker(time.monotonic), read_seconds=10.0)
        try:
            store = RedisStore(link, Names(link))
            return {person: sorted(event.properties["n"] for event in (await store.read("u:" + person)).history.events()) for person in people}
        finally:
            await link.close()

    return asyncio.run(read())
