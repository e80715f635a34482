"""The catalogue over HTTP: written once, seen by every worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stories.server import Server


@pytest.fixture(scope="module")
def two() -> Iterator[Server]:
    """A server of two workers."""
    running = Server.of(workers=2)
    yield running
    running.close()


def seen(server: Server, id: str) -> list[object]:
    """What many calls in a row, which reach both workers, are told of an item."""
    asked = {"from": [id], "limit": 1}
    told = [server.post("/v1/recommendations", asked).json["items"] for _ in range(24)]
    return [items[0] if items else None for items in told]


@pytest.mark.parametrize("id", ["plain", "a%2Fb", "50%2525", "%C3%A9", "a b".replace(" ", "%20"), "x:y"])
def test_an_item_of_any_id_is_written_read_changed_and_deleted(shop, id):
    path = f"/v1/items/{id}"

    put = shop.call("PUT", path, {"name": "A", "price": 1, "free": {"x": [1, None]}})
    patched = shop.call("PATCH", path, {"price": 2, "free": None, "id": put.json["id"]})
    read = shop.get(path)
    deleted = shop.call("DELETE", path)

    assert (put.status, patched.status, read.status, deleted.status, shop.get(path).status) == (200, 200, 200, 204, 404)
    assert read.json == patched.json == {"id": put.json["id"], "name": "A", "price": 2}


def test_put_replaces_the_whole_item(shop, who):
    shop.call("PUT", f"/v1/items/{who}", {"name": "A", "price": 1})

    assert shop.call("PUT", f"/v1/items/{who}", {"price": 2}).json == {"id": who, "price": 2}


def test_every_worker_sees_a_change_within_a_second(two, who):
    path = f"/v1/items/{who}"
    two.call("PUT", path, {"price": 1})
    two.until(lambda: seen(two, who) == [{"id": who, "price": 1, "score": None}] * 24, 20)
    two.call("PATCH", path, {"price": 2})
    two.until(lambda: seen(two, who) == [{"id": who, "price": 2, "score": None}] * 24, 20)
    two.call("DELETE", path)

    two.until(lambda: seen(two, who) == [None] * 24, 20)


def test_what_is_wrong_with_an_item_is_told_key_by_key_and_nothing_is_kept(shop, who):
    answer = shop.call("PUT", f"/v1/items/{who}", {"price": -1, "stock": "x", "url": "javascript:1", "related": [1], "name": 7})

    assert [problem["at"] for problem in answer.json["error"]["problems"]] == ["price", "stock", "url", "related", "name"]
    assert shop.get(f"/v1/items/{who}").status == 404
