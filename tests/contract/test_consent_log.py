"""What every history of consents promises: the one in memory and the one on a real Redis."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.redis_consents import KEPT, RedisConsents
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.domain.change import Grant
from app.domain.consent import Answer
from app.ports import ConsentLog
from tests.contract.stores import STORES, over, store_url
from tests.fakes import MemoryConsents

Story = Callable[[ConsentLog], Awaitable[Any]]
FIRST, SECOND = Answer(10, "marketing", True, "sign-up form", "2026-03"), Answer(20, "marketing", False, "gpc")


def on_redis(url: str, story: Callable[[RedisConsents, Link], Awaitable[Any]]) -> Any:
    return over(url, lambda link: story(RedisConsents(link), link))


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Callable[[Story], Any]:
    """Runs a story with a log of the kind that is on trial."""
    if request.param == "memory":
        return lambda story: asyncio.run(story(MemoryConsents()))
    url = store_url(request)
    return lambda story: on_redis(url, lambda log, _: story(log))


@pytest.fixture
def who() -> str:
    return "u:" + uuid.uuid4().hex


def test_answers_come_oldest_first_whatever_their_order(run, who):
    async def story(log):
        await log.note(who, [SECOND])
        await log.note(who, [FIRST])
        return await log.answers([who])

    assert run(story) == [FIRST, SECOND]


def test_an_answer_that_is_noted_twice_is_there_once(run, who):
    async def story(log):
        await log.note(who, [FIRST, FIRST])
        await log.note(who, [FIRST])
        return await log.answers([who, who])

    assert run(story) == [FIRST]


def test_answers_under_several_identifiers_come_as_one(run, who):
    async def story(log):
        await log.note(who, [SECOND])
        await log.note(who + "x", [FIRST])
        return await log.answers([who, who + "x", who + "y"])

    assert run(story) == [FIRST, SECOND]


def test_what_is_forgotten_is_gone(run, who):
    async def story(log):
        await log.note(who, [FIRST])
        return await log.forget([who, who + "x"]), await log.answers([who])

    assert run(story) == (1, [])


def test_nothing_is_noted_of_an_erased_person(redis_socket, who):
    async def story(log, link):
        store = RedisStore(link, Names(link))
        await store.apply([(who, [Grant("marketing", True, 5)])], 5)
        await store.erase(who, 6)
        await log.note(who, [FIRST])
        return await log.answers([who])

    assert on_redis(f"unix://{redis_socket}", story) == []


def test_the_oldest_go_where_there_are_too_many(redis_socket, who):
    async def story(log, _):
        await log.note(who, [Answer(at, "marketing", True) for at in range(KEPT + 5)])
        return [each.at for each in await log.answers([who])]

    assert on_redis(f"unix://{redis_socket}", story) == list(range(5, KEPT + 5))
