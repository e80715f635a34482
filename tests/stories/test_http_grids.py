"""A mail whose grid shows many items: what no item, no category and no send may be shown twice of, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stories.server import Server

RULES = """\
version: 1
placements:
  top: {fallback: {block: plain}}
  grid: {fallback: {block: plain}}
mails: {news: {placements: [top, grid]}}
offers:
  best: {placements: [top], block: plain, items: {rank: -item.price, limit: 1}}
  mixed:
    placements: [grid]
    block: plain
    items:
      rank: -item.price
      limit: 4
      arbitration: {at_most: {shoes: 2}, at_least: {hats: 1}, diversity: 0.2, not_again: 1}
"""
ITEMS = [*(f"shoes{n}" for n in range(1, 7)), "bags1", "bags2", "hats1", "hats2"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server.ruled(RULES)
    for price, id in enumerate(ITEMS, 1):
        running.call("PUT", f"/v1/items/{id}", {"price": price, "category": id[:-1]})
    seen_by_every_worker(running)
    yield running
    running.close()


def seen_by_every_worker(server: Server) -> None:
    """Every worker has the whole catalogue within a second; each call may meet another one."""
    deadline, seen = time.monotonic() + 20, 0
    while seen < 30 and time.monotonic() < deadline:
        found = server.post("/v1/recommendations", {"limit": 100}).json["items"]
        seen = seen + 1 if len(found) == len(ITEMS) else 0


def ids(server: Server, person: str, send: str) -> list[str]:
    placements: Any = server.post("/v1/decisions", {"profile": person, "send": send, "mail": "news"}).json["placements"]
    return [item["id"] for name in ("top", "grid") for item in placements[name]["items"]]


def test_a_grid_keeps_quotas_and_shares_and_repeats_nothing_of_the_mail(server: Server) -> None:
    assert ids(server, "ann", "n1") == ["shoes1", "shoes2", "shoes3", "bags1", "hats1"]


def test_a_retry_of_the_send_gets_the_same_grid(server: Server) -> None:
    first = ids(server, "ben", "n1")

    assert ids(server, "ben", "n1") == first


def test_the_next_send_shows_none_of_the_items_again(server: Server) -> None:
    ids(server, "cem", "n1")

    assert ids(server, "cem", "n2") == ["shoes1", "shoes4", "shoes5", "bags2", "hats2"]


def test_recommendations_take_the_same_rules(server: Server) -> None:
    asked = {"rank": "-item.price", "limit": 3, "arbitration": {"at_most": 1}}

    assert [item["id"] for item in server.post("/v1/recommendations", asked).json["items"]] == ["shoes1", "bags1", "hats1"]
