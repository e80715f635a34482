"""What every keeper of dead letters promises: the one in memory and the one in Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_dead_letters import KEYS, OVERHEAD, RedisDeadLetters
from app.adapters.redis_cluster import link_to
from app.domain.dead_letter import MAX_BODY, DeadLetter
from app.ports import DeadLetters
from tests.contract.stores import STORES, store_url
from tests.fakes import MemoryDeadLetters

NOW = 1_760_000_000_000
Story = Callable[[DeadLetters], Awaitable[Any]]


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    if request.param == "memory":
        return lambda story, **options: asyncio.run(story(MemoryDeadLetters(**options)))
    url = store_url(request)

    async def told(story: Story, most: int = 1 << 20) -> Any:
        link = link_to(url, Breaker(time.monotonic), read_seconds=2.0)
        try:
            await link.call("DEL", *KEYS)
            return await story(RedisDeadLetters(link, most))
        finally:
            await link.close()

    return lambda story, **options: asyncio.run(told(story, **options))


def letter(i: int, reason: Any = "invalid", body: bytes = b"{}") -> DeadLetter:
    return DeadLetter(f"topic/{i}", "events", NOW + i, reason, f"what is wrong with {i}", body)


def test_letters_are_read_page_by_page_in_the_order_in_which_they_came(run):
    letters = [letter(i) for i in range(250)]

    async def story(dead):
        await dead.put(letters, NOW)
        first = await dead.page(count=100)
        rest = await dead.page(first[-1].id, count=1_000)
        return [held.letter for held in (*first, *rest)], await dead.get(first[3].id)

    read, fourth = run(story)

    assert read == letters
    assert fourth.letter == letters[3]


def test_bytes_come_back_as_they_were(run):
    body = bytes(range(256)) + b"\xff\x00"

    async def story(dead):
        await dead.put([letter(1, body=body)], NOW)
        return (await dead.page())[0].letter

    assert (run(story).body, run(story).size) == (body, 0)


def test_what_is_dropped_is_gone_and_dropping_again_drops_nothing(run):
    async def story(dead):
        await dead.put([letter(1), letter(2)], NOW)
        first, second = await dead.page()
        return await dead.drop([first.id]), await dead.drop([first.id]), await dead.page() == [second], await dead.get(first.id), await dead.tally()

    dropped, again, left, gone, tally = run(story)

    assert (dropped, again, left, gone) == (1, 0, True, None)
    assert (tally.held, tally.bytes, tally.trimmed) == (1, 2 + OVERHEAD, {})


def test_the_oldest_make_room_and_are_counted_by_reason(run):
    async def story(dead):
        await dead.put([letter(1, "too_old", bytes(400)), letter(2, "invalid", bytes(400)), letter(3, "future", bytes(400))], NOW)
        return [held.letter.reason for held in await dead.page()], await dead.tally()

    left, tally = run(story, most=1_200)

    assert left == ["invalid", "future"]
    assert (tally.held, tally.trimmed) == (2, {"too_old": 1})


def test_a_clock_that_went_back_harms_nothing(run):
    async def story(dead):
        await dead.put([letter(1)], NOW)
        await dead.put([letter(2)], NOW - 60_000)
        return [held.letter for held in await dead.page()]

    assert run(story) == [letter(1), letter(2)]


def test_of_what_is_very_large_the_beginning_is_kept_and_its_size(run):
    async def story(dead):
        await dead.put([letter(1, body=b"x" * (MAX_BODY + 1))], NOW)
        return (await dead.page())[0].letter

    assert (len(run(story).body), run(story).size) == (MAX_BODY, MAX_BODY + 1)
