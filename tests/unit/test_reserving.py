"""Limited offers where things go wrong: stores that are away, callers who lose, what is left in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Any

import pytest

from app.catalogue.replica import Replica
from app.content.load import load
from app.content.question import Answer, Question
from app.content.snapshot import Snapshot
from app.decide import Decider
from app.domain.caps import Full, Level
from app.domain.decision import Recording
from app.domain.event import Identity
from app.errors import StoreUnavailable
from app.reserving import Reserving
from app.stockkeeping import PATIENCE, Stockkeeping
from tests.content.content_shop import write_shop
from tests.fakes import FixedModels, MemoryReplays, MemoryStocks, MemoryStore

NOW = 1_760_000_000_000
RULES = """\
version: 1
features: {spend_90d: {sum: order_completed.total, within: 90d}}
placements:
  hero: {fallback: {block: plain}}
  side: {fallback: {block: plain}}
offers:
  coupon:
    placements: [hero]
    inventory: {codes: autumn, low: 1}
    block: card
    vars: {headline: {field: offer.code}}
  twice: {placements: [hero], priority: -1, caps: [{max: 2, per: profile, within: 7d}], block: card, vars: {headline: Twice}}
  free: {placements: [hero, side], priority: -2, block: card, vars: {headline: Free}}
"""
Story = Callable[["Shop"], Awaitable[Any]]


class Shop:
    """A decider on stores in memory."""

    def __init__(self, snapshot: Snapshot, store: MemoryStore | None = None) -> None:
        self.snapshot = snapshot
        self.store, self.stocks = store or MemoryStore(), MemoryStocks()
        self.reserving = Reserving(self.stocks, lambda key, send: f"{key}/{send}")
        numbers = count(1)
        self.decider = Decider(self.store, Replica(), lambda key, send: f"{key}/{send}", lambda: f"random{next(numbers)}", reserving=self.reserving)

    async def ask(self, send: str, *, now: int = NOW, timeout: float = 1.0) -> Answer:
        answer = await self.decider.decide(self.snapshot, Question(("hero",), Identity("user_id", "u1"), send), now, timeout)
        await asyncio.sleep(0.01)
        return answer

    async def offer(self, send: str, *, now: int = NOW) -> str | None:
        return (await self.ask(send, now=now)).decision.choices["hero"].offer

    async def left(self) -> Level:
        return (await self.stocks.levels(["autumn"]))["autumn"]


class Losing(MemoryStore):
    """Fails to record while `lost`; after having done so where `quietly`."""

    lost = True
    quietly = False

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | Full | None]:
        if self.lost:
            if self.quietly:
                await super().record(recordings, now)
            raise StoreUnavailable("the answer was lost")
        return await super().record(recordings, now)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot(load(write_shop(tmp_path_factory.mktemp("content"), RULES)), FixedModels({}))


def told(story: Story, shop: Shop) -> Any:
    return asyncio.run(story(shop))


def test_where_the_decision_cannot_be_recorded_nothing_limited_is_shown(snapshot: Snapshot) -> None:
    async def story(shop: Shop) -> Any:
        await shop.stocks.add("autumn", ["A1"])
        return await shop.ask("a")

    answer = told(story, Shop(snapshot, Losing()))

    assert (answer.decision.choices["hero"].offer, answer.decision.recorded, answer.decision.degraded) == ("free", False, ["store"])


def test_where_the_stocks_are_away_what_uses_none_up_is_shown_and_recorded(snapshot: Snapshot) -> None:
    async def story(shop: Shop) -> Any:
        await shop.stocks.add("autumn", ["A1"])
        shop.stocks.wire.down = True
        return await shop.ask("a")

    answer = told(story, Shop(snapshot))

    assert (answer.decision.choices["hero"].offer, answer.decision.recorded, answer.decision.degraded) == ("twice", True, ["store"])


def test_where_the_stocks_hang_the_deadline_holds(snapshot: Snapshot) -> None:
    async def story(shop: Shop) -> Any:
        await shop.stocks.add("autumn", ["A1"])
        shop.stocks.wire.hung = True
        return await shop.ask("a", timeout=0.05)

    answer = told(story, Shop(snapshot))

    assert (answer.decision.choices["hero"].offer, answer.decision.recorded, answer.decision.degraded) == ("free", False, ["deadline"])


def test_of_callers_of_one_send_all_show_one_code_and_it_is_spent_once(snapshot: Snapshot) -> None:
    async def story(shop: Shop) -> Any:
        await shop.stocks.add("autumn", [f"A{i}" for i in range(9)])
        answers = await asyncio.gather(*(shop.ask("a") for _ in range(20)))
        return {answer.decision.choices["hero"].vars["headline"] for answer in answers}, await shop.left()

    assert told(story, Shop(snapshot)) == ({"A0"}, Level(8, 1))


def test_an_empty_pool_is_asked_again_after_a_second(snapshot: Snapshot) -> None:
    async def story(shop: Shop) -> Any:
        empty = await shop.offer("a")
        await shop.stocks.add("autumn", ["A1"])
        return empty, await shop.offer("b", now=NOW + 999), await shop.offer("c", now=NOW + 1_001)

    assert told(story, Shop(snapshot)) == ("twice", "twice", "coupon")


def keeping(shop: Shop, lows: list[tuple[str, int, int]] | None = None) -> Stockkeeping:
    def opened(id: str) -> tuple[str, str] | None:
        key, _, send = id.partition("/")
        return (key, send) if send else None

    return Stockkeeping(shop.stocks, shop.store, MemoryReplays(), opened, lambda *row: (lows if lows is not None else []).append(row))


def test_what_was_held_for_no_record_goes_back_after_an_hour_and_no_sooner(snapshot: Snapshot) -> None:
    async def story(shop: Shop) -> Any:
        await shop.stocks.add("autumn", ["A1"])
        await shop.ask("a")
        keeper = keeping(shop)
        await keeper.turn(snapshot.limits, NOW + PATIENCE - 1)
        before = await shop.left()
        await keeper.turn(snapshot.limits, NOW + PATIENCE)
        return before, await shop.left()

    assert told(story, Shop(snapshot, Losing())) == (Level(0, 1), Level(1, 0))


def test_what_was_recorded_though_the_answer_was_lost_stays(snapshot: Snapshot) -> None:
    async def story(shop: Shop) -> Any:
        shop.store.quietly = True
        await shop.stocks.add("autumn", ["A1", "A2"])
        lost = await shop.ask("a")
        await keeping(shop).turn(snapshot.limits, NOW + 2 * PATIENCE)
        shop.store.lost = False
        again = await shop.ask("a")
        return lost.decision.choices["hero"].offer, again.decision.choices["hero"].vars["headline"], await shop.left()

    assert told(story, Shop(snapshot, Losing())) == ("free", "A1", Level(1, 1))


def test_a_code_of_somebody_who_was_erased_is_never_given_again(snapshot: Snapshot) -> None:
    async def story(shop: Shop) -> Any:
        shop.store.quietly = True
        await shop.stocks.add("autumn", ["A1"])
        await shop.ask("a")
        await shop.store.erase("u:u1", NOW)
        await keeping(shop).turn(snapshot.limits, NOW + 2 * PATIENCE)
        return await shop.left()

    assert told(story, Shop(snapshot, Losing())) == Level(0, 1)


def test_a_pool_that_runs_low_is_told_once_and_again_once_it_is_empty(snapshot: Snapshot) -> None:
    lows: list[tuple[str, int, int]] = []

    async def story(shop: Shop) -> Any:
        await shop.stocks.add("autumn", ["A1", "A2"])
        keeper = keeping(shop, lows)
        await keeper.turn(snapshot.limits, NOW)
        await shop.ask("a")
        await keeper.turn(snapshot.limits, NOW)
        await keeper.turn(snapshot.limits, NOW)
        await shop.ask("b")
        await keeper.turn(snapshot.limits, NOW)

    told(story, Shop(snapshot))

    assert lows == [("autumn", 1, 2), ("autumn", 0, 2)]


def test_a_placement_without_limits_asks_no_stock(snapshot: Snapshot) -> None:
    async def story(shop: Shop) -> Any:
        shop.stocks.wire.hung = True
        answer = await shop.decider.decide(snapshot, Question(("side",), Identity("user_id", "u1"), "a"), NOW, 1.0)
        return answer.decision.choices["side"].offer, answer.decision.recorded

    assert told(story, Shop(snapshot)) == ("free", True)
