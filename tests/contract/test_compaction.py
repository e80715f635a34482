"""The store's files forget what was deleted, once nothing names it any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_compaction import ASKED, LONGEST_WAIT_MILLISECONDS, WAIT_MILLISECONDS, RedisCompaction
from app.adapters.redis_link import Link
from tests.conftest import start_redis

NOW = 1_760_000_000_000


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """That of a Redis of its own, whose files may be rewritten."""
    made = tmp_path_factory.mktemp("r")
    process = start_redis(made)
    yield made
    process.terminate()
    process.wait(10)


def told(folder: Path, story: Callable[[RedisCompaction, Link], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        link = Link(f"unix://{folder}/redis.sock", Breaker(time.monotonic), read_seconds=5.0)
        try:
            return await story(RedisCompaction(link, 5.0), link)
        finally:
            await link.close()

    return asyncio.run(run())


def kept(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_deleted_value_is_in_no_file_any_more(folder):
    async def story(compaction, link):
        await link.call("SET", "k", b"a value of somebody")
        await link.call("DEL", "k")
        before = kept(folder)
        await compaction.ask(NOW)
        done = await compaction.work(NOW + WAIT_MILLISECONDS)
        while await compaction.busy():
            await asyncio.sleep(0.05)
        return b"a value of somebody" in before, done, b"a value of somebody" in kept(folder), await link.call("EXISTS", ASKED)

    assert told(folder, story) == (True, True, False, 0)


def test_nothing_is_done_unasked_or_too_early(folder):
    async def story(compaction, link):
        unasked = await compaction.work(NOW)
        await compaction.ask(NOW)
        return unasked, await compaction.work(NOW + WAIT_MILLISECONDS - 1)

    assert told(folder, story) == (False, False)


def test_while_people_go_on_being_erased_it_is_done_now_and_then_and_once_more_at_the_end(folder):
    async def story(compaction, link):
        await compaction.ask(NOW)
        later = NOW + LONGEST_WAIT_MILLISECONDS
        await compaction.ask(later)
        return await compaction.work(later), await compaction.work(later + 1), await compaction.work(later + WAIT_MILLISECONDS), await link.call("EXISTS", ASKED)

    assert told(folder, story) == (True, False, True, 0)


def test_a_store_without_such_a_file_is_left_alone(folder):
    async def story(compaction, link):
        await link.call("CONFIG", "SET", "appendonly", "no")
        await compaction.ask(NOW)
        return await compaction.work(NOW + WAIT_MILLISECONDS), await compaction.busy()

    assert told(folder, story) == (True, False)
