"""Questions of several requests, answered by one call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

import pytest

from app.content.together import Together


class Asked:
    """Answers each number by its double, and notes what came together; 13 is not to be answered."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.together = Together(self.answer)

    def answer(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append([*numbers])
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]


async def gathered(*asked: Awaitable[int]) -> list[int | BaseException]:
    return await asyncio.gather(*asked, return_exceptions=True)


def test_what_is_asked_in_one_tick_is_answered_by_one_call_each_with_its_own():
    async def story() -> list[int | BaseException]:
        return await gathered(*[asked.together(number) for number in range(5)])

    asked = Asked()

    assert asyncio.run(story()) == [0, 2, 4, 6, 8]
    assert asked.calls == [[0, 1, 2, 3, 4]]


def test_one_alone_waits_for_nobody():
    async def story() -> list[int]:
        return [await asked.together(1), await asked.together(2)]

    asked = Asked()

    assert asyncio.run(story()) == [2, 4]
    assert asked.calls == [[1], [2]]


@pytest.mark.parametrize("numbers", [(1, 13, 3), (13,), (13, 13), (1, 2, 13)])
def test_a_question_that_cannot_be_answered_harms_no_other(numbers):
    async def story() -> list[int | BaseException]:
        return await gathered(*[asked.together(number) for number in numbers])

    asked = Asked()
    found = asyncio.run(story())

    assert [each if isinstance(each, int) else str(each) for each in found] == ["13" if number == 13 else 2 * number for number in numbers]


def test_who_went_away_is_not_answered_and_the_others_are():
    async def story() -> int:
        gone, stays = asyncio.ensure_future(asked.together(1)), asked.together(2)
        gone.cancel()
        return await stays

    asked = Asked()

    assert asyncio.run(story()) == 4
    assert asked.calls == [[2]]


def test_all_of_them_gone_there_is_nothing_to_do_and_the_next_one_is_answered():
    async def story() -> int:
        asked.together(1).cancel()
        await asyncio.sleep(0.01)
        return await asked.together(3)

    asked = Asked()

    assert asyncio.run(story()) == 6
    assert asked.calls == [[3]]
