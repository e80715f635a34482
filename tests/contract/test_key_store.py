"""What every store of API keys promises: the one in memory and the one on a real Redis."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.redis_keys import RedisKeys
from app.ports import KeyStore
from tests.contract.stores import STORES, over, store_url
from tests.fakes import MemoryKeys

Story = Callable[[KeyStore], Awaitable[Any]]
ENTRY = {"name": "esp", "scopes": ["content"], "sha256": "0" * 64, "created": 1}


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Callable[[Story], Any]:
    """Runs a story with a store of the kind that is on trial."""
    if request.param == "memory":
        return lambda story: asyncio.run(story(MemoryKeys()))
    url = store_url(request)
    return lambda story: over(url, lambda link: story(RedisKeys(link)))


@pytest.fixture
def id() -> str:
    return uuid.uuid4().hex


def test_a_key_is_listed_as_it_was_put(run, id):
    async def story(store):
        await store.put(id, ENTRY)
        return (await store.all())[id]

    assert run(story) == ENTRY


def test_a_second_put_replaces_the_first(run, id):
    async def story(store):
        await store.put(id, ENTRY)
        await store.put(id, ENTRY | {"scopes": ["admin"]})
        return (await store.all())[id]

    assert run(story) == ENTRY | {"scopes": ["admin"]}


def test_a_revoked_key_is_gone_and_is_revoked_once(run, id):
    async def story(store):
        await store.put(id, ENTRY)
        return await store.revoke(id), await store.revoke(id), id in await store.all()

    assert run(story) == (True, False, False)


def test_keys_that_were_all_revoked_are_told_from_keys_that_never_were(run, id):
    async def story(store):
        await store.put(id, ENTRY)
        await store.revoke(id)
        return await store.all()

    assert run(story) is not None


def test_in_memory_no_key_was_ever_made_before_the_first():
    assert asyncio.run(MemoryKeys().all()) is None
