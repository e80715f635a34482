"""Vectors of things out of a shop's own orders, trained by one command and served: `method: factors`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from tests.stories.server import Server
from tests.stories.typed import typed

KINDS, EACH, PEOPLE, ORDERS = 5, 8, 60, 6
SPEC = "recommender: near\nmethod: factors\nbaskets: order_completed.products.product_id\n"
RULES = """
version: 1
placements: {hero: {fallback: {block: plain}}}
"""
NEAR = "recommenders: {near: {seeds: {last: order_completed.products.product_id}, bought: order_completed.products.product_id}}\n"


def orders() -> Iterator[dict[str, Any]]:
    """Everybody orders things of one kind alone."""
    draw, now = Random(11), datetime.now(UTC)
    for who in range(PEOPLE):
        for number in range(ORDERS):
            things = [{"product_id": f"k{who % KINDS}-{j}"} for j in draw.sample(range(EACH), 4)]
            at = (now - timedelta(days=40 - 6 * number, minutes=who)).isoformat()
            yield {"type": "track", "event": "Order Completed", "userId": f"u{who}", "timestamp": at, "messageId": f"{who}-{number}", "properties": {"products": things}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A shop that sells all but the last thing of each kind, and has learnt from its orders what is near what."""
    content = tmp_path_factory.mktemp("factors")
    for name, text in {"rules/shop.yaml": RULES, "blocks/plain/block.yaml": "description: a word", "blocks/plain/html.j2": "<p>A word</p>"}.items():
        (content / name).parent.mkdir(parents=True, exist_ok=True)
        (content / name).write_text(text)
    found = Server.of(content)
    (found.content / "training").mkdir()
    (found.content / "training" / "near.yaml").write_text(SPEC)
    found.post("/v1/events", {"batch": [*orders()]}, patience=30)
    for kind in range(KINDS):
        for j in range(EACH - 1):
            found.call("PUT", f"/v1/items/k{kind}-{j}", {"name": f"Thing {j} of kind {kind}", "stock": int(j != 0)})
    done = typed("train", found.content / "training" / "near.yaml", "--content", found.content, "--data", found.data, seconds=120, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    (found.content / "rules" / "near.yaml").write_text(NEAR)
    found.until(lambda: found.post("/v1/recommendations", {"recommender": "near"}).status == 200, 20)
    yield found
    found.close()


def test_what_is_near_the_seeds_is_of_their_kind_and_says_which_of_them_speaks_for_it(server):
    answer = server.post("/v1/recommendations", {"recommender": "near", "seeds": ["k3-1", "k3-2"], "limit": 4}).json

    assert {item["id"].split("-")[0] for item in answer["items"]} == {"k3"}
    assert {item["because"] for item in answer["items"]} <= {"k3-1", "k3-2"}
    assert {item["id"] for item in answer["items"]}.isdisjoint({"k3-1", "k3-2"})
    assert (len(answer["items"]), answer["degraded"]) == (4, [])


@pytest.mark.parametrize("who", range(10))
def test_people_are_recommended_things_of_the_kind_that_they_buy(server, who):
    answer = server.post("/v1/recommendations", {"profile": f"u{who}", "recommender": "near", "limit": 2}).json

    assert [item["id"].split("-")[0] for item in answer["items"]] == [f"k{who % KINDS}"] * 2
    assert all(0 < item["score"] <= 1 for item in answer["items"])


def test_what_is_sold_out_or_sold_no_more_is_not_recommended(server):
    asked = {"recommender": "near", "seeds": ["k2-1"], "filter": {"field": "item.stock", "gte": 1}, "limit": EACH}

    found = [item["id"] for item in server.post("/v1/recommendations", asked).json["items"]]

    assert [id for id in found if id.startswith("k2")] != []
    assert [id for id in found if id.endswith(("-0", f"-{EACH - 1}"))] == []


def test_somebody_of_whom_nothing_is_known_gets_what_sells_well(server):
    answer = server.post("/v1/recommendations", {"profile": "nobody-yet", "recommender": "near", "limit": 3}).json

    assert [item["reason"] for item in answer["items"]] == ["popular now"] * 3


def test_things_that_were_bought_and_are_not_in_the_catalogue_are_told_of_once(server):
    told = f"recommender near knows {KINDS * EACH} items, of which the catalogue does not hold {KINDS}: "
    server.until(lambda: told in server.told(), 20)

    line = next(line for line in server.told().splitlines() if told in line)

    assert sorted(line.partition(told)[2].partition(". They are never recommended")[0].split(", ")) == [f"k{kind}-{EACH - 1}" for kind in range(KINDS)]
    assert "inlay import items" in line
    assert server.told().count(told) == 1
