"""What wordings promise: all that was kept is given, and what nobody says any more goes after the decisions that show it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.adapters.redis_wordings import ALL, KEPT_MILLISECONDS, RedisWordings
from app.ports import Wordings
from tests.contract.stores import STORES, over, store_url
from tests.fakes import MemoryWordings

NOW = 1_790_000_000_000
SHOES, HATS = {"shoes-1_": {"headline": "Shoes", "count": 3}}, {"hats-02_": {"headline": "Hüte"}}
Story = Callable[[Wordings], Coroutine[Any, Any, Any]]
Run = Callable[[Story], Any]


def _in_memory(story: Story) -> Any:
    return asyncio.run(story(MemoryWordings()))


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a story with wordings of the kind that is on trial, where there were none."""
    if request.param == "memory":
        return _in_memory
    url = store_url(request)

    async def emptied(link: Any, story: Story) -> Any:
        await link.call("DEL", ALL, seconds=1.0)
        return await story(RedisWordings(link))

    return lambda story: over(url, lambda link: emptied(link, story))


def test_what_one_content_says_is_known_to_another(run: Run) -> None:
    async def story(wordings: Wordings) -> Any:
        await wordings.keep(SHOES, NOW)
        return await wordings.keep(HATS, NOW + 5), await wordings.count()

    assert run(story) == ({**SHOES, **HATS}, 2)


def test_looking_keeps_nothing(run: Run) -> None:
    async def story(wordings: Wordings) -> Any:
        return await wordings.keep({}, NOW), await wordings.count()

    assert run(story) == ({}, 0)


def test_what_is_said_again_stays(run: Run) -> None:
    async def story(wordings: Wordings) -> Any:
        await wordings.keep({**SHOES, **HATS}, NOW)
        await wordings.keep(SHOES, NOW + KEPT_MILLISECONDS)
        return await wordings.keep({}, NOW + KEPT_MILLISECONDS + 1), await wordings.count()

    assert run(story) == (SHOES, 1)
