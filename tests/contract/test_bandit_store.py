"""What every store of bandits promises: the one in memory and the one on a real Redis."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_bandits import RedisBandits
from app.adapters.redis_link import Link
from app.domain.bandits import Drawn, Showing, Tally, packed_features
from app.ports import BanditStore
from tests.fakes import MemoryBandits

Story = Callable[[BanditStore], Awaitable[Any]]
NOW, DAY = 1_790_000_000_000, 86_400_000
DUE = NOW + DAY


@pytest.fixture(params=["memory", "redis"])
def run(request: pytest.FixtureRequest) -> Callable[[Story], Any]:
    """Runs a story with a store of the kind that is on trial."""
    if request.param == "memory":
        return lambda story: asyncio.run(story(MemoryBandits()))
    socket = request.getfixturevalue("redis_socket")

    async def told(story: Story) -> Any:
        link = Link(f"unix://{socket}", Breaker(time.monotonic), read_seconds=2.0)
        try:
            return await story(RedisBandits(link))
        finally:
            await link.close()

    return lambda story: asyncio.run(told(story))


@pytest.fixture
def state() -> str:
    return f"hero_{uuid.uuid4().hex}"


def showing(state: str, number: int, offer: str = "shoes", *, version: int = 0, features: bytes = b"") -> Showing:
    return Showing(f"u:{number}", "news", "hero", offer, Drawn(state, version, 0.5, features), DUE)


async def arms(store: BanditStore, state: str) -> dict[str, Tally]:
    return dict((await store.standing(state)).known)


def test_what_was_shown_is_pending_and_counts_once_its_time_is_over(run, state):
    async def story(store):
        await store.show(state, [showing(state, i) for i in range(3)])
        before = await store.settle(state, DUE, 100), await arms(store, state)
        settled = await store.settle(state, DUE + 1, 2), await store.settle(state, DUE + 1, 2), await store.settle(state, DUE + 1, 2)
        return before, settled, await arms(store, state), (await store.standing(state)).pending

    assert run(story) == ((0, {"shoes": Tally(3)}), (2, 1, 0), {"shoes": Tally(3, 3, 0.0)}, 0)


def test_a_reward_counts_once_however_often_it_comes(run, state):
    async def story(store):
        await store.show(state, [showing(state, 1)])
        outcomes = [await store.reward(showing(state, 1), 1.0, NOW) for _ in range(3)]
        await store.settle(state, DUE + 1, 100)
        return outcomes, await arms(store, state), (await store.standing(state)).outcomes

    assert run(story) == (["counted", "duplicate", "duplicate"], {"shoes": Tally(1, 1, 1.0)}, {"counted": 1, "duplicate": 2})


def test_a_reward_that_is_told_after_its_draw_was_settled_makes_a_failure_a_success(run, state):
    async def story(store):
        await store.show(state, [showing(state, 1)])
        await store.settle(state, DUE + 1, 100)
        await store.reward(showing(state, 1), 0.25, DUE + DAY)
        return await arms(store, state)

    assert run(story) == {"shoes": Tally(1, 1, 0.25)}


def test_a_reward_of_a_draw_that_nobody_told_of_counts_it_as_shown(run, state):
    async def story(store):
        await store.reward(showing(state, 1), 1.0, NOW)
        await store.show(state, [showing(state, 1)])
        await store.settle(state, DUE + 1, 100)
        return await arms(store, state)

    assert run(story) == {"shoes": Tally(1, 1, 1.0)}


def test_showing_the_same_again_changes_nothing(run, state):
    async def story(store):
        await store.show(state, [showing(state, 1), showing(state, 1)])
        await store.show(state, [showing(state, 1)])
        return await arms(store, state)

    assert run(story) == {"shoes": Tally(1)}


def test_a_linear_arm_sums_products_and_moments(run, state):
    async def story(store):
        one, other = packed_features([1.0, 0.5]), packed_features([1.0, -2.0])
        await store.show(state, [showing(state, 1, features=one), showing(state, 2, features=other)])
        await store.reward(showing(state, 1, features=one), 1.0, NOW)
        await store.settle(state, DUE + 1, 100)
        await store.reward(showing(state, 2, features=other), 0.5, DUE + 2)
        await store.publish(state, NOW, 0)
        return (await store.posteriors([state]))[state].arms

    assert run(story) == {"shoes": Tally(2, 2, 1.5, (2.0, -1.5, 4.25), (1.5, -0.5))}


def test_nothing_is_published_before_there_is_news_and_time_has_passed(run, state):
    async def story(store):
        first = await store.publish(state, NOW, 60_000), await store.posteriors([state])
        await store.show(state, [showing(state, 1)])
        second = await store.publish(state, NOW, 60_000), await store.publish(state, NOW + 60_000, 60_000)
        await store.show(state, [showing(state, 2, "hats")])
        third = await store.publish(state, NOW + 59_999, 60_000), await store.publish(state, NOW + 60_000, 60_000)
        latest = (await store.posteriors([state]))[state]
        return first, second, third, latest.version, dict(latest.arms)

    assert run(story) == ((False, {}), (True, False), (False, True), 2, {"hats": Tally(1), "shoes": Tally(1)})


def test_earlier_posteriors_can_be_had(run, state):
    async def story(store):
        await store.show(state, [showing(state, 1)])
        await store.publish(state, NOW, 0)
        await store.show(state, [showing(state, 2)])
        await store.publish(state, NOW, 0)
        return [each and each.arms for each in [await store.past(state, version) for version in (1, 2, 3)]]

    assert run(story) == [{"shoes": Tally(1)}, {"shoes": Tally(2)}, None]


def test_what_is_frozen_goes_on_counting_and_publishes_it_once_thawed(run, state):
    async def story(store):
        await store.show(state, [showing(state, 1)])
        await store.publish(state, NOW, 0)
        froze = await store.freeze(state, frozen=True), await store.freeze(state, frozen=True)
        await store.show(state, [showing(state, 2)])
        held = await store.publish(state, NOW + DAY, 0), (await store.posteriors([state]))[state]
        thawed = await store.freeze(state, frozen=False), await store.publish(state, NOW + DAY, 0), (await store.posteriors([state]))[state]
        return froze, (held[0], held[1].version, held[1].frozen), (*thawed[:2], thawed[2].arms, thawed[2].frozen)

    assert run(story) == ((True, False), (False, 1, True), (True, True, {"shoes": Tally(2)}, False))


def test_a_reset_forgets_everything_at_once_and_what_was_drawn_before_counts_no_more(run, state):
    async def story(store):
        await store.show(state, [showing(state, i) for i in range(3)])
        await store.reward(showing(state, 1), 1.0, NOW)
        await store.publish(state, NOW, 0)
        await store.freeze(state, frozen=True)
        await store.reset(state)
        latest = (await store.posteriors([state]))[state]
        await store.show(state, [showing(state, 9, version=1)])
        late = await store.reward(showing(state, 2, version=1), 1.0, NOW)
        await store.show(state, [showing(state, 5, version=2)])
        return (latest.version, dict(latest.arms), latest.frozen), late, await arms(store, state), (await store.standing(state)).pending

    assert run(story) == ((2, {}, True), "reset", {"shoes": Tally(1)}, 1)


def test_one_arm_can_be_reset_alone(run, state):
    async def story(store):
        await store.show(state, [showing(state, 1), showing(state, 2, "hats")])
        await store.reset(state, "shoes")
        outcomes = await store.reward(showing(state, 1), 1.0, NOW), await store.reward(showing(state, 2, "hats"), 1.0, NOW)
        return outcomes, await arms(store, state)

    assert run(story) == (("reset", "counted"), {"hats": Tally(1, 1, 1.0)})


def test_a_voided_decision_is_never_settled(run, state):
    async def story(store):
        await store.show(state, [showing(state, 1)])
        await store.withdraw([showing(state, 1)])
        return await store.settle(state, DUE + 1, 100), (await store.standing(state)).pending

    assert run(story) == (0, 0)


def test_bandits_do_not_meet(run, state):
    async def story(store):
        other = f"{state}@0a1b"
        await store.show(state, [showing(state, 1)])
        await store.show(other, [replace(showing(state, 1), drawn=Drawn(other, 0, 1.0))])
        await store.note(other, "unknown")
        met = {name: bandit for name, bandit in (await store.states()).items() if name.startswith(state)}
        return met, await store.settle(state, DUE + 1, 9), (await store.standing(other)).pending, (await store.standing(state)).outcomes

    assert run(story) == ({state: state, f"{state}@0a1b": state}, 1, 1, {})


def test_many_at_once_count_each_reward_once(run, state):
    async def story(store):
        await store.show(state, [showing(state, i) for i in range(40)])
        outcomes = await asyncio.gather(*[store.reward(showing(state, i % 40), 1.0, NOW) for i in range(120)])
        return outcomes.count("counted"), await arms(store, state)

    assert run(story) == (40, {"shoes": Tally(40, 40, 40.0)})
