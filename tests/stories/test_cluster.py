"""A whole server on a Redis Cluster."""

from __future__ import annotations

import pytest

from tests.cluster import Cluster
from tests.stories.server import Server


@pytest.mark.long
def test_a_server_on_a_cluster_takes_events_and_decides_by_them(who):
    cluster = Cluster()  # of its own: API keys that another test left would lock everybody out
    server = Server.of(INLAY_REDIS_URL=cluster.url)
    try:
        batch = [{"type": "track", "userId": f"{who}-{i % 30}", "event": "Product Viewed", "messageId": f"{who}-{i}", "properties": {"category": "hats"}} for i in range(300)]
        receipt = server.post("/v1/events", {"batch": batch}).json
        again = server.post("/v1/events", {"batch": batch}).json
        offers = {server.get(f"/v1/placements/hero.json?profile={who}-{i}&send=s").json["offer"] for i in range(30)}
        ready = server.get("/readyz").json
    finally:
        server.close()
        cluster.close()

    assert (receipt["accepted"], again["duplicates"]) == (300, 300)
    assert (offers, ready["store"]) == ({"hats"}, "up")
