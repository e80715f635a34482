"""The link to Redis, on the loop that workers run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from app.adapters.breaker import Breaker
from app.adapters.redis_link import Link
from app.errors import StoreUnavailable


def told(socket: str, story: Callable[[Link], Awaitable[Any]], read_seconds: float = 0.05) -> Any:
    """What the story gives, with a link of its own."""

    async def whole() -> Any:
        link = Link(f"unix://{socket}", Breaker(time.monotonic), read_seconds=read_seconds)
        try:
            await link.call("PING", seconds=5.0)
            return await story(link)
        finally:
            await link.close()

    return uvloop.run(whole())


def test_answers_that_keep_coming_are_not_late_however_busy_the_worker_is_with_them(redis_socket: str):
    async def story(link: Link) -> set[int]:
        async def worked(text: str) -> int:
            answer = await link.call("ECHO", text)
            time.sleep(0.01)
            return len(answer)

        return set(await asyncio.gather(*(worked("x" * 300_000) for _ in range(60))))

    assert told(redis_socket, story, read_seconds=0.3) == {300_000}


def test_a_late_read_fails_alone_behind_a_write_that_may_take_longer(redis_socket: str):
    async def story(link: Link) -> tuple[Any, Any, Any]:
        write = link.pipeline([("BLPOP", "nothing-here", "0.3")], 5.0)
        with pytest.raises(StoreUnavailable):
            await link.call("ECHO", "late")
        late = write.done()
        return late, await write, await link.call("ECHO", "next")

    assert told(redis_socket, story) == (False, [None], b"next")


def test_a_connection_on_which_everything_is_late_is_closed(redis_socket: str):
    async def story(link: Link) -> Any:
        with pytest.raises(StoreUnavailable):
            await link.call("BLPOP", "nothing-here", "0")
        return await link.call("ECHO", "again", seconds=5.0)

    assert told(redis_socket, story) == b"again"
