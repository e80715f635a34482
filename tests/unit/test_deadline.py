"""Deadlines of many tasks by one clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.deadline import Deadlines


def told(story: Callable[[Deadlines, Callable[[], float]], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        return await story(Deadlines(), asyncio.get_running_loop().time)

    return asyncio.run(whole())


def test_a_block_that_is_in_time_is_left_alone() -> None:
    async def story(deadlines: Deadlines, clock: Callable[[], float]) -> str:
        with deadlines.until(clock() + 5):
            return await asyncio.sleep(0.001, "done")

    assert told(story) == "done"


def test_a_block_that_is_late_ends_by_a_timeout() -> None:
    async def story(deadlines: Deadlines, clock: Callable[[], float]) -> None:
        with deadlines.until(clock() + 0.01):
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        told(story)


def test_after_a_timeout_the_task_goes_on_as_if_nobody_had_cancelled_it() -> None:
    async def story(deadlines: Deadlines, clock: Callable[[], float]) -> tuple[int, str]:
        try:
            with deadlines.until(clock()):
                await asyncio.sleep(60)
        except TimeoutError:
            pass
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling(), await asyncio.sleep(0.001, "done")

    assert told(story) == (0, "done")


def test_a_task_that_others_cancel_is_cancelled() -> None:
    async def story(deadlines: Deadlines, clock: Callable[[], float]) -> bool:
        async def block() -> None:
            with deadlines.until(clock() + 60):
                await asyncio.sleep(60)

        task = asyncio.create_task(block())
        await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert told(story)


def test_blocks_that_follow_each_other_each_have_their_own_deadline() -> None:
    async def story(deadlines: Deadlines, clock: Callable[[], float]) -> list[str]:
        async def block(seconds: float) -> str:
            try:
                with deadlines.until(clock() + seconds):
                    return await asyncio.sleep(0.1, "done")
            except TimeoutError:
                return "late"

        first = await asyncio.gather(block(0.01), block(5))
        await asyncio.sleep(0.02)
        return [*first, *await asyncio.gather(block(5), block(0.01))]

    assert told(story) == ["late", "done", "done", "late"]


def test_a_new_loop_has_its_own_clock() -> None:
    deadlines = Deadlines()

    async def late() -> str:
        try:
            with deadlines.until(asyncio.get_running_loop().time() + 0.01):
                return await asyncio.sleep(60, "done")
        except TimeoutError:
            return "late"

    assert [asyncio.run(late()), asyncio.run(late())] == ["late", "late"]
