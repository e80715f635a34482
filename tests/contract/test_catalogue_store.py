"""What every store of items promises: the one in memory and the one on a real Redis, which all items of a test share."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.redis_catalogue import RedisCatalogue
from app.ports import CatalogueStore
from tests.contract.stores import STORES, over, store_url
from tests.fakes import MemoryCatalogue

Story = Callable[[CatalogueStore], Awaitable[Any]]


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Callable[[Story], Any]:
    """Runs a story with a store of the kind that is on trial."""
    if request.param == "memory":
        return lambda story: asyncio.run(story(MemoryCatalogue()))
    url = store_url(request)
    return lambda story: over(url, lambda link: story(RedisCatalogue(link)))


@pytest.fixture
def id() -> str:
    return uuid.uuid4().hex


def test_what_was_put_is_there_whole_and_a_second_put_replaces_it(run, id):
    async def story(store):
        await store.put([{"id": id, "name": "Lamp", "price": 5, "tags": ["a", {"b": None}]}])
        first = await store.get(id)
        await store.put([{"id": id, "name": "Lamp"}])
        return first, await store.get(id)

    assert run(story) == ({"id": id, "name": "Lamp", "price": 5, "tags": ["a", {"b": None}]}, {"id": id, "name": "Lamp"})


def test_an_item_that_is_not_there_is_none_and_takes_no_patch(run, id):
    async def story(store):
        return await store.get(id), await store.patch(id, {"price": 5}), await store.get(id)

    assert run(story) == (None, None, None)


def test_a_patch_merges_and_none_removes_a_field(run, id):
    async def story(store):
        await store.put([{"id": id, "price": 5, "stock": 3}])
        return await store.patch(id, {"price": 4, "stock": None}), await store.get(id)

    assert run(story) == ({"id": id, "price": 4}, {"id": id, "price": 4})


def test_of_patches_at_once_none_is_lost(run, id):
    async def story(store):
        await store.put([{"id": id}])
        await asyncio.gather(*(store.patch(id, {f"f{i}": i}) for i in range(8)))
        return await store.get(id)

    assert run(story) == {"id": id} | {f"f{i}": i for i in range(8)}


def test_only_items_that_were_there_are_counted_as_deleted(run, id):
    async def story(store):
        await store.put([{"id": id}])
        return await store.delete([id, id + "-unknown"]), await store.delete([id]), await store.get(id)

    assert run(story) == (1, 0, None)


def test_changes_are_what_came_after_a_version(run, id):
    async def story(store):
        await store.put([{"id": id + "a"}, {"id": id + "b"}])
        before, _ = await store.changes(0)
        await store.put([{"id": id + "c"}])
        await store.patch(id + "a", {"price": 1})
        await store.delete([id + "b"])
        after, changes = await store.changes(before)
        return after > before, after == await store.version(), changes, await store.changes(after)

    grew, newest, changes, (_, none) = run(story)

    assert grew and newest
    assert changes == {id + "a": {"id": id + "a", "price": 1}, id + "b": None, id + "c": {"id": id + "c"}}
    assert none == {}


def test_thousands_of_items_are_put_and_followed(run, id):
    items = [{"id": f"{id}-{i}", "n": i} for i in range(2_500)]

    async def story(store):
        before, _ = await store.changes(0)
        await store.put(items)
        return (await store.changes(before))[1]

    assert run(story) == {item["id"]: item for item in items}
