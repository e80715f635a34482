"""What stocks promise: a code is with one holder, or free; a count passes no bound; what was held for nothing goes back."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_cluster import link_to
from app.adapters.redis_stocks import RedisStocks
from app.domain.caps import Ask, Hold, Level
from app.ports import Stocks
from tests.contract.stores import STORES, store_url
from tests.fakes import MemoryStocks

NOW = 1_760_000_000_000
HOUR = 3_600_000
Story = Callable[[Stocks], Awaitable[Any]]
Run = Callable[[Story], Any]


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a story with stocks of the kind that is on trial."""
    if request.param == "memory":
        return lambda story: asyncio.run(story(MemoryStocks()))
    url = store_url(request)

    async def told(story: Story) -> Any:
        link = link_to(url, Breaker(time.monotonic), read_seconds=2.0)
        try:
            return await story(RedisStocks(link))
        finally:
            await link.close()

    return lambda story: asyncio.run(told(story))


@pytest.fixture
def pool() -> str:
    return uuid.uuid4().hex


def code_for(pool: str, holder: str) -> Ask:
    return Ask("codes:" + pool, holder, "who " + holder)


def one_of(pool: str, holder: str, most: int, after: int = -1, **more: Any) -> Ask:
    return Ask("count:" + pool, holder, "who " + holder, ((most, after),), **more)


def held(ask: Ask) -> Hold:
    return Hold(ask.stock, ask.holder)


async def left(stocks: Stocks, pool: str) -> Level:
    return (await stocks.levels([pool]))[pool]


def test_each_holder_is_given_another_code_in_the_order_of_the_import(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        new = await stocks.add(pool, ["A1", "A2", "A1"])
        return new, await stocks.take([code_for(pool, name) for name in "abc"], NOW), await left(stocks, pool)

    assert run(story) == (2, ["A1", "A2", None], Level(0, 2))


def test_a_holder_asks_again_and_is_given_the_same(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.add(pool, ["A1", "A2"])
        first = await stocks.take([code_for(pool, "a")], NOW)
        await stocks.keep([held(code_for(pool, "a"))])
        return first, await stocks.take([code_for(pool, "a")], NOW), await left(stocks, pool)

    assert run(story) == (["A1"], ["A1"], Level(1, 1))


def test_of_64_callers_at_once_no_two_are_given_one_code(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.add(pool, [f"A{i}" for i in range(40)])
        answers = await asyncio.gather(*(stocks.take([code_for(pool, f"h{i}")], NOW) for i in range(64)))
        return [code for (code,) in answers if code is not None]

    found = run(story)

    assert (len(found), len(set(found))) == (40, 40)


def test_a_code_that_was_imported_before_is_not_new(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.add(pool, ["A1"])
        await stocks.take([code_for(pool, "a")], NOW)
        return await stocks.add(pool, ["A1", "B1"]), await stocks.take([code_for(pool, "b"), code_for(pool, "c")], NOW)

    assert run(story) == (1, ["B1", None])


def test_what_its_taker_drops_goes_back(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.add(pool, ["A1"])
        await stocks.take([code_for(pool, "a"), one_of(pool, "a", 1)], NOW)
        await stocks.drop([held(code_for(pool, "a")), held(one_of(pool, "a", 1))])
        return await stocks.take([code_for(pool, "b"), one_of(pool, "b", 1)], NOW)

    assert run(story) == ["A1", ""]


def test_what_two_took_under_one_holder_stays_until_both_dropped_it(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.add(pool, ["A1"])
        mine = code_for(pool, "a")
        await stocks.take([mine, mine], NOW)
        await stocks.drop([held(mine)])
        between = await stocks.take([code_for(pool, "b")], NOW)
        await stocks.drop([held(mine)])
        return between, await stocks.take([code_for(pool, "b")], NOW)

    assert run(story) == ([None], ["A1"])


def test_what_is_kept_no_drop_takes_away(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.add(pool, ["A1"])
        mine = [held(code_for(pool, "a"))]
        await stocks.take([code_for(pool, "a"), code_for(pool, "a")], NOW)
        await stocks.keep(mine)
        await stocks.drop(mine)
        await stocks.drop(mine)
        return await stocks.take([code_for(pool, "b")], NOW)

    assert run(story) == [None]


def test_what_was_kept_goes_back_once_it_is_doubted_and_dropped(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.add(pool, ["A1"])
        mine = [held(code_for(pool, "a"))]
        await stocks.take([code_for(pool, "a")], NOW)
        await stocks.keep(mine)
        await stocks.doubt(mine, "who a", NOW)
        await stocks.drop(mine)
        await stocks.drop(mine)
        return await left(stocks, pool), await stocks.take([code_for(pool, "b")], NOW)

    assert run(story) == (Level(1, 0), ["A1"])


def test_what_is_doubted_and_taken_again_stays_with_its_taker(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.add(pool, ["A1"])
        mine = [held(code_for(pool, "a"))]
        await stocks.take([code_for(pool, "a")], NOW)
        await stocks.keep(mine)
        await stocks.doubt(mine, "who a", NOW)
        again = await stocks.take([code_for(pool, "a")], NOW)
        await stocks.drop(mine)
        return again, await left(stocks, pool)

    assert run(story) == (["A1"], Level(0, 1))


def test_doubting_what_nobody_holds_gives_nothing_back(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.add(pool, ["A1"])
        other = [held(code_for(pool, "x")), held(one_of(pool, "x", 1))]
        await stocks.doubt(other, "who x", NOW)
        await stocks.drop(other)
        await asyncio.gather(stocks.keep([]), stocks.drop([]), stocks.tick([], NOW), stocks.lapse([], NOW))
        return await left(stocks, pool), await stocks.doubtful(["codes:" + pool, "count:" + pool], NOW, 9)

    assert run(story) == (Level(1, 0), [])


def test_what_is_in_doubt_is_told_with_whom_it_is_for(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.add(pool, ["A1", "A2"])
        await stocks.take([code_for(pool, "a")], NOW - HOUR)
        await stocks.take([code_for(pool, "b")], NOW)
        await stocks.keep([held(one_of(pool, "nobody", 1))])
        return [(each.held.holder, each.who) for each in await stocks.doubtful(["codes:" + pool, "codes:other" + pool], NOW - HOUR, 9)]

    assert run(story) == [("a", "who a")]


def test_what_has_been_in_doubt_for_long_lapses_and_nothing_else(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.add(pool, ["A1", "A2", "A3"])
        asks = [code_for(pool, name) for name in "abc"]
        await stocks.take(asks[:2], NOW - HOUR)
        await stocks.take(asks[2:], NOW - HOUR)
        await stocks.take(asks[1:2], NOW)
        await stocks.keep([held(asks[2])])
        await stocks.lapse([held(ask) for ask in asks], NOW - HOUR)
        return await stocks.take([code_for(pool, name) for name in "xyz"], NOW)

    assert run(story) == ["A1", None, None]


def test_a_count_passes_no_bound_and_frees_what_is_older_than_its_window(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        early = await stocks.take([one_of(pool, "a", 2), one_of(pool, "b", 2)], NOW - HOUR)
        full = await stocks.take([one_of(pool, "c", 2), one_of(pool, "c", 2, NOW - HOUR - 1)], NOW)
        return early, full, await stocks.take([one_of(pool, "c", 2, NOW - HOUR)], NOW)

    assert run(story) == (["", ""], [None, None], [""])


def test_every_bound_of_a_count_has_to_hold(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.take([one_of(pool, "a", 9)], NOW - HOUR)
        await stocks.take([one_of(pool, "b", 9)], NOW)
        return await stocks.take([Ask("count:" + pool, "c", "", ((3, -1), (1, NOW - 1))), Ask("count:" + pool, "c", "", ((3, -1), (2, NOW - 1)))], NOW)

    assert run(story) == [None, ""]


def test_who_looks_is_not_counted_and_what_is_ticked_is_once(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        look = one_of(pool, "z", 2, looks=True)
        before = await stocks.take([look, look], NOW)
        await stocks.tick([held(one_of(pool, "a", 1))], NOW)
        await stocks.tick([held(one_of(pool, "a", 1))], NOW + 5)
        once = await stocks.take([look], NOW)
        await stocks.tick([held(one_of(pool, "b", 1))], NOW)
        return before, once, await stocks.take([look], NOW)

    assert run(story) == (["", ""], [""], [None])


def test_every_pool_that_ever_had_codes_is_listed(run: Run, pool: str) -> None:
    async def story(stocks: Stocks) -> Any:
        await stocks.add(pool, ["A1", "A2"])
        await stocks.take([code_for(pool, "a")], NOW)
        return (await stocks.levels())[pool], await stocks.levels(["none" + pool])

    assert run(story) == (Level(1, 1), {"none" + pool: Level(0, 0)})
