"""What every cache of look-ups promises: the one in memory and the one on a real Redis."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.redis_lookups import RedisLookups
from app.domain.enrichment import Known
from app.ports import LookupCache
from tests.contract.stores import STORES, over, store_url
from tests.fakes import MemoryLookups

Story = Callable[[LookupCache], Awaitable[Any]]
URL = "https://weather.example/now?city=Berlin"
KNOWN = Known({"temp": 7.5, "sky": "rain", "wet": True}, 1_000)


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Callable[[Story], Any]:
    """Runs a story with a cache of the kind that is on trial."""
    if request.param == "memory":
        return lambda story: asyncio.run(story(MemoryLookups(lambda: time.time_ns() // 1_000_000)))
    url = store_url(request)
    return lambda story: over(url, lambda link: story(RedisLookups(link)))


@pytest.fixture
def id() -> str:
    return uuid.uuid4().hex


@pytest.mark.parametrize("known", [KNOWN, Known({}, 2_000)])
def test_an_answer_comes_back_as_it_was_put(run, id, known):
    async def story(cache):
        await cache.put(id, URL, known, 60_000)
        return await cache.get(id, URL), await cache.get(id, URL + "x"), await cache.get(id + "x", URL)

    assert run(story) == (known, None, None)


def test_an_answer_is_gone_when_its_time_is_over(run, id):
    async def story(cache):
        await cache.put(id, URL, KNOWN, 1)
        await asyncio.sleep(0.05)
        return await cache.get(id, URL)

    assert run(story) is None


def test_a_dropped_answer_is_gone_and_dropping_none_is_no_failure(run, id):
    async def story(cache):
        await cache.put(id, URL, KNOWN, 60_000)
        await cache.drop(id, URL)
        await cache.drop(id, URL)
        return await cache.get(id, URL)

    assert run(story) is None


def test_one_asks_until_it_is_released(run, id):
    async def story(cache):
        first, second = await cache.claim(id, URL, 60_000), await cache.claim(id, URL, 60_000)
        other = await cache.claim(id, URL + "x", 60_000)
        await cache.release(id, URL)
        return first, second, other, await cache.claim(id, URL, 60_000)

    assert run(story) == (True, False, True, True)


def test_who_never_comes_back_does_not_keep_others_from_asking(run, id):
    async def story(cache):
        await cache.claim(id, URL, 1)
        await asyncio.sleep(0.05)
        return await cache.claim(id, URL, 1)

    assert run(story) is True


def test_a_second_has_its_budget_and_the_next_one_again(run, id):
    async def story(cache):
        return [await cache.spend(id, 2, now) for now in (5_000, 5_500, 5_999, 6_000)]

    assert run(story) == [True, True, False, True]
