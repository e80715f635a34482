"""What leases promise: one owner at a time, and that nothing is written after the lease under which it was begun."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from app.adapters.redis_leases import RedisLeases
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.domain.change import Append
from app.domain.event import ID_BYTES, Event
from app.errors import LeaseLost
from tests.contract.stores import STORES, over, store_url
from tests.fakes import MemoryLeases, MemoryStore

LONG = 60_000
NOW = 1_760_000_000_000
Run = Callable[..., Any]


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a story with leases and the profile store that they belong to."""
    if request.param == "memory":
        return lambda story: asyncio.run(story(MemoryLeases(), MemoryStore()))
    url = store_url(request)
    return lambda story: over(url, lambda link: story(RedisLeases(link), RedisStore(link, Names(link))))


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex


def event() -> Append:
    return Append(Event("page_viewed", NOW, b"1" * ID_BYTES))


def test_what_one_holds_nobody_else_takes(run, name):
    async def story(leases, store):
        return await leases.take([name], "a", LONG), await leases.take([name], "b", LONG), await leases.take([name], "a", LONG)

    first, other, again = run(story)

    assert (list(first), other, again) == ([name], {}, {})


def test_only_its_owner_prolongs_a_lease(run, name):
    async def story(leases, store):
        first = await leases.take([name], "a", LONG)
        return first, await leases.renew([name], "b", LONG), await leases.renew([name], "a", 2 * LONG)

    first, other, own = run(story)

    assert other == {}
    assert own[name] >= first[name] + LONG


def test_what_was_given_is_free_at_once_and_only_its_owner_gives_it(run, name):
    async def story(leases, store):
        await leases.take([name], "a", LONG)
        await leases.give([name], "b")
        held = await leases.take([name], "b", LONG)
        await leases.give([name], "a")
        return held, await leases.take([name], "b", LONG), await leases.renew([name], "a", LONG)

    held, free, lost = run(story)

    assert (held, list(free), lost) == ({}, [name], {})


def test_members_are_counted_until_they_leave_or_fall_silent(run, name):
    async def story(leases, store):
        return [await leases.members(name, *each) for each in (("a", LONG), ("b", LONG), ("a", LONG), ("b", 0))]

    assert run(story) == [1, 2, 2, 1]


def test_a_write_under_a_live_lease_is_done(run, name):
    async def story(leases, store):
        until = (await leases.take([name], "a", LONG))[name]
        return await store.apply([("u:" + name, [event()])], NOW, until=until)

    assert run(story)[0].results == ("applied",)


def test_a_write_after_the_lease_changes_nothing(run, name):
    async def story(leases, store):
        until = (await leases.take([name], "a", LONG))[name] - 2 * LONG
        with pytest.raises(LeaseLost):
            await store.apply([("u:" + name, [event()])], NOW, until=until)
        return (await store.read("u:" + name)).known

    assert run(story) is False
