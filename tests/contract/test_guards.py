"""What guards of recorded decisions promise: of many decisions at once no more are recorded than they let."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_cluster import link_to
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.domain.caps import Full, Guard
from app.domain.bandits import Drawn
from app.domain.decision import Choice, Recording, encode_record
from app.ports import ProfileStore
from tests.contract.stores import STORES, store_url
from tests.fakes import MemoryStore

NOW = 1_760_000_000_000
HOUR = 3_600_000
Story = Callable[[ProfileStore], Awaitable[Any]]
Run = Callable[[Story], Any]


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a story with a store of the kind that is on trial."""
    if request.param == "memory":
        return lambda story: asyncio.run(story(MemoryStore()))
    url = store_url(request)

    async def told(story: Story) -> Any:
        link = link_to(url, Breaker(time.monotonic), read_seconds=2.0)
        try:
            return await story(RedisStore(link, Names(link)))
        finally:
            await link.close()

    return lambda story: asyncio.run(told(story))


@pytest.fixture
def who() -> str:
    return "u:" + uuid.uuid4().hex


def record(at: int, **shown: str | None) -> bytes:
    return encode_record(at, None, "v1", {place: Choice(place, offer, "b", "eligible", {"headline": "é" * 40}) for place, offer in shown.items()})


def recording(who: str, send: str, *guards: Guard, at: int = NOW, expected: bytes | None = None, **shown: str | None) -> Recording:
    return Recording(who, send, expected, record(at, **(shown or {"hero": "shoes"})), guards)


async def kept(store: ProfileStore, who: str) -> list[str]:
    return sorted((await store.read(who, sends=True)).sends)


def test_of_two_sends_decided_together_one_is_recorded_where_one_is_let(run: Run, who: str) -> None:
    one = Guard(1, NOW - HOUR, "", ("shoes",))

    async def story(store: ProfileStore) -> Any:
        answers = await store.record([recording(who, "a", one), recording(who, "b", one)], NOW)
        return answers, await kept(store, who)

    (first, second), sends = run(story)

    assert (first, sends) == (None, ["a"])
    assert second == Full({"a": record(NOW, hero="shoes")})


def test_of_64_callers_at_once_no_more_are_recorded_than_are_let(run: Run, who: str) -> None:
    few = Guard(3, NOW - HOUR, "", ("shoes",))

    async def story(store: ProfileStore) -> Any:
        answers = await asyncio.gather(*(store.record([recording(who, f"s{i}", few)], NOW) for i in range(64)))
        return sum(each == [None] for each in answers), len(await kept(store, who))

    assert run(story) == (3, 3)


@pytest.mark.parametrize("guard,stored", [
    (Guard(1, NOW - HOUR, "", ("shoes",)), False),
    (Guard(1, NOW - HOUR, "", ("hats", "shoes")), False),
    (Guard(1, NOW - HOUR, "", ("shoe",)), True),
    (Guard(1, NOW - HOUR, "", ()), False),
    (Guard(1, NOW - HOUR, "hero", ()), False),
    (Guard(1, NOW - HOUR, "grid", ()), True),
    (Guard(1, NOW - HOUR, "side", ("shoes",)), True),
    (Guard(2, NOW - HOUR, "", ("shoes",)), True),
    (Guard(1, NOW - 1, "", ("shoes",)), True),
    (Guard(1, NOW - 2, "", ("shoes",)), False),
    (Guard(1, -1, "", ("shoes",)), False),
])
def test_a_guard_counts_its_offers_in_its_placement_since_its_instant(run: Run, who: str, guard: Guard, stored: bool) -> None:
    async def story(store: ProfileStore) -> Any:
        await store.record([recording(who, "before", at=NOW - 1, hero="shoes", side="coats", grid=None)], NOW)
        return await store.record([recording(who, "now", guard)], NOW)

    assert (run(story) == [None]) is stored


def test_a_sends_own_record_does_not_count_against_it(run: Run, who: str) -> None:
    one = Guard(1, NOW - HOUR, "", ("shoes",))

    async def story(store: ProfileStore) -> Any:
        await store.record([recording(who, "a", one)], NOW)
        return await store.record([recording(who, "a", one, expected=record(NOW, hero="shoes"), hero="shoes", side="hats")], NOW)

    assert run(story) == [None]


def test_a_person_with_another_slot_counts_apart(run: Run, who: str) -> None:
    one = Guard(1, NOW - HOUR)

    async def story(store: ProfileStore) -> Any:
        return await store.record([recording(who, "a", one), recording(who + "2", "a", one)], NOW)

    assert run(story) == [None, None]


def test_what_a_linear_bandit_drew_counts_like_any_other(run: Run, who: str) -> None:
    drawn = Drawn("clicks@1", 3, 0.25, b"\0\1\xff\x80" * 4)
    before = encode_record(NOW - 1, None, "v1", {"hero": Choice("hero", "shoes", "b", "eligible", drawn=drawn)})

    async def story(store: ProfileStore) -> Any:
        await store.record([Recording(who, "before", None, before)], NOW)
        return await store.record([recording(who, "now", Guard(1, NOW - HOUR, "", ("shoes",))), recording(who, "other", Guard(1, NOW - HOUR, "", ("hats",)))], NOW)

    reached, free = run(story)

    assert isinstance(reached, Full)
    assert free is None
