"""From a draw to what is learnt of it, on stores in memory: decided, recorded, rewarded, published, drawn by again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.catalogue.replica import Replica
from app.content.load import load
from app.content.question import Question
from app.content.snapshot import Snapshot
from app.decide import Decider
from app.domain.bandits import Bandit, Posterior, Tally
from app.domain.event import Event, Heard, Identity, hashed_id
from app.errors import StoreUnavailable
from app.ingest import Ingest
from app.domain.receipt import Receipt
from app.rewards import Rewards
from tests.content.content_shop import write_shop
from tests.fakes import FixedModels, MemoryBandits, MemoryStore

NOW, HOUR = 1_790_000_000_000, 3_600_000
RULES = """\
version: 1
placements:
  hero: {fallback: {block: plain}, rank: {bandit: clicks}}
  foot: {fallback: {block: plain}, rank: {bandit: clicks}}
offers:
  a: {placements: [hero, foot], block: plain}
  b: {placements: [hero, foot], block: plain}
bandits:
  clicks: {reward: {event: email_clicked, within: 3h}}
"""


class Shop:
    """Decider, ingest and rewards of one process over shared stores."""

    def __init__(self, folder: Path, store: MemoryStore | None = None, learnt: MemoryBandits | None = None) -> None:
        self.store, self.learnt = store or MemoryStore(), learnt or MemoryBandits()
        self.told: Counter[str] = Counter()
        self.rewards = Rewards(self.learnt, self.store, opened, self._bandits, lambda bandit, outcome: self.told.update([f"{bandit} {outcome}"]))
        self.snapshot = Snapshot(load(written(folder)), FixedModels({}), self.rewards.posteriors)
        self.decider = Decider(self.store, Replica(), lambda key, send: f"{key}/{send}", lambda: "random", rewards=self.rewards)
        self.ingest = Ingest(self.store, None, lambda: b"", hashed_id, rewards=self.rewards)  # type: ignore[arg-type]

    def _bandits(self) -> Mapping[str, Bandit]:
        return self.snapshot.definitions.bandits

    async def decide(self, person: str, *placements: str, now: int = NOW, preview: bool = False) -> Any:
        return await self.decider.decide(self.snapshot, Question(placements or ("hero",), Identity("user_id", person), "news", preview=preview), now, 5.0)

    async def event(self, person: str, id: str, *, at: int = NOW, now: int = NOW, name: str = "email_clicked", **properties: Any) -> Receipt:
        receipt = Receipt()
        await self.ingest.apply([(0, Heard("track", Identity("user_id", person), Event(name, at, hashed_id(id), properties)))], now, receipt)
        return receipt

    async def known(self) -> Mapping[str, Tally]:
        return (await self.learnt.standing("clicks")).known


def written(folder: Path) -> Path:
    write_shop(folder, RULES)
    for path in (folder / "models").iterdir():
        path.unlink()
    return folder


def opened(id: str) -> tuple[str, str] | None:
    key, _, send = id.partition("/")
    return (key, send) if send else None


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Callable[[Shop], Awaitable[Any]]], Any]:
    return lambda story: asyncio.run(story(Shop(tmp_path)))


def of(known: Mapping[str, Tally]) -> tuple[int, int, float]:
    """(shown, settled, rewards), all arms together."""
    return sum(each.shown for each in known.values()), sum(each.settled for each in known.values()), sum(each.rewards for each in known.values())


def test_a_decision_is_learnt_of_once_its_window_is_over(run):
    async def story(shop):
        await shop.decide("ann")
        await shop.rewards.turn(NOW + HOUR)
        before = of(await shop.known())
        await shop.rewards.turn(NOW + 3 * HOUR + 1)
        return before, of(await shop.known())

    assert run(story) == ((1, 0, 0.0), (1, 1, 0.0))


def test_of_a_decision_that_is_taken_back_nothing_is_learnt(run):
    async def story(shop):
        await shop.decide("ann")
        await shop.decide("ben")
        await shop.rewards.turn(NOW + HOUR)
        await shop.rewards.withdraw("u:ann", "news", await shop.store.decision("u:ann", "news"))
        await shop.rewards.turn(NOW + 3 * HOUR + 1)
        return of(await shop.known())

    assert run(story) == (2, 1, 0.0)


def test_a_decision_taken_back_at_once_was_never_shown(run):
    async def story(shop):
        await shop.decide("ann")
        await shop.rewards.withdraw("u:ann", "news", await shop.store.decision("u:ann", "news"))
        await shop.rewards.turn(NOW + 3 * HOUR + 1)
        return of(await shop.known())

    assert run(story) == (0, 0, 0.0)


def test_a_click_that_names_the_decision_is_its_reward(run):
    async def story(shop):
        answer = await shop.decide("ann")
        await shop.rewards.turn(NOW)
        await shop.event("ann", "m1", at=NOW + HOUR, decision_id=answer.decision.id)
        known = await shop.known()
        return known[answer.decision.choices["hero"].offer], of(known), shop.told

    assert run(story) == (Tally(1, 1, 1.0), (1, 1, 1.0), {"clicks counted": 1})


def test_a_click_that_names_the_send_is_too(run):
    async def story(shop):
        await shop.decide("ann")
        await shop.event("ann", "m1", send="news")
        await shop.event("bob", "m2", send="news")
        return shop.told

    assert run(story) == {"clicks counted": 1, "clicks unknown": 1}


def test_a_reward_comes_twice_and_counts_once(run):
    async def story(shop):
        answer = await shop.decide("ann")
        for id in ("m1", "m1", "m2"):
            await shop.event("ann", id, decision_id=answer.decision.id)
        await shop.rewards.turn(NOW + 9 * HOUR)
        return of(await shop.known()), shop.told

    assert run(story) == ((1, 1, 1.0), {"clicks counted": 1, "clicks duplicate": 2})


def test_a_reward_is_late_by_its_own_timestamp_not_by_its_arrival(run):
    async def story(shop):
        ann, bea = await shop.decide("ann"), await shop.decide("bea")
        await shop.rewards.turn(NOW + 4 * HOUR)
        await shop.event("ann", "m1", at=NOW + 3 * HOUR + 1, now=NOW + 5 * HOUR, decision_id=ann.decision.id)
        await shop.event("bea", "m2", at=NOW + 3 * HOUR, now=NOW + 5 * HOUR, decision_id=bea.decision.id)
        return of(await shop.known()), shop.told

    assert run(story) == ((2, 2, 1.0), {"clicks late": 1, "clicks counted": 1})


def test_the_placement_that_was_clicked_is_the_one_that_earns(run):
    async def story(shop):
        answer = await shop.decide("ann", "hero", "foot")
        await shop.event("ann", "m1", decision_id=answer.decision.id, placement="foot")
        await shop.rewards.turn(NOW + 9 * HOUR)
        choices, known = answer.decision.choices, await shop.known()
        return known[choices["hero"].offer].rewards, known[choices["foot"].offer].rewards

    assert run(story) == (0.0, 1.0)


def test_what_machines_do_and_what_names_no_decision_earns_nothing(run):
    async def story(shop):
        answer = await shop.decide("ann")
        await shop.event("ann", "m1", name="email_clicked_by_machine", decision_id=answer.decision.id)
        await shop.event("ann", "m2")
        await shop.event("ann", "m3", name="email_opened", decision_id=answer.decision.id)
        return shop.told

    assert run(story) == {}


@pytest.mark.parametrize("named", [{"decision_id": "no such id"}, {"decision_id": "u:ann/never sent"}, {"send": "never sent"}])
def test_a_reward_of_an_unknown_decision_is_counted_told_once_and_kept_as_an_event(run, caplog, named):
    async def story(shop):
        receipts = [await shop.event("ann", f"m{i}", **named) for i in range(2)]
        return [receipt.accepted for receipt in receipts], shop.told, of(await shop.known()), (await shop.learnt.standing("clicks")).outcomes

    assert run(story) == ([1, 1], {"clicks unknown": 2}, (0, 0, 0.0), {"unknown": 2})
    assert [record.message.partition(":")[0] for record in caplog.records] == ["a reward (email_clicked) names a decision that is not known"]


def test_a_retry_and_a_preview_are_no_draws_of_their_own(run):
    async def story(shop):
        first = await shop.decide("ann")
        second = await shop.decide("ann", now=NOW + HOUR)
        await shop.decide("bea", preview=True)
        await shop.rewards.turn(NOW)
        return first.decision.choices["hero"].drawn == second.decision.choices["hero"].drawn, of(await shop.known())

    assert run(story) == (True, (1, 0, 0.0))


def test_a_placement_that_is_asked_for_later_keeps_how_the_first_was_drawn(run):
    async def story(shop):
        first = await shop.decide("ann", "hero")
        both = await shop.decide("ann", "hero", "foot", now=NOW + HOUR)
        again = await shop.decide("ann", "hero", "foot", now=NOW + HOUR)
        await shop.rewards.turn(NOW)
        drawn = [answer.decision.choices["hero"].drawn for answer in (first, both, again)]
        return drawn[0] is not None and drawn.count(drawn[0]), of(await shop.known())

    assert run(story) == (3, (2, 0, 0.0))


def test_draws_wait_while_the_store_is_away_and_nobody_notices(run):
    async def story(shop):
        shop.learnt.wire.down = True
        await shop.decide("ann")
        with pytest.raises(StoreUnavailable):
            await shop.rewards.turn(NOW)
        await shop.decide("bea")
        shop.learnt.wire.down = False
        await shop.rewards.turn(NOW)
        return of(await shop.known())

    assert run(story) == (2, 0, 0.0)


def test_a_reward_while_the_store_is_away_is_taken_when_the_event_comes_again(run):
    async def story(shop):
        answer = await shop.decide("ann")
        shop.learnt.wire.down = True
        with pytest.raises(StoreUnavailable):
            await shop.event("ann", "m1", decision_id=answer.decision.id)
        shop.learnt.wire.down = False
        receipt = await shop.event("ann", "m1", decision_id=answer.decision.id)
        return receipt.duplicates, shop.told

    assert run(story) == (1, {"clicks counted": 1})


def test_draws_that_wait_at_the_end_are_passed_on(run):
    async def story(shop):
        await shop.decide("ann")
        await shop.rewards.close()
        return of(await shop.known())

    assert run(story) == (1, 0, 0.0)


def test_two_processes_learn_together_and_decide_alike(tmp_path):
    async def story() -> Any:
        one = Shop(tmp_path / "a")
        other = Shop(tmp_path / "b", learnt=one.learnt)
        for i in range(60):
            shop, person = (one, other)[i % 2], f"p{i}"
            answer = await shop.decide(person)
            if answer.decision.choices["hero"].offer == "a":
                await shop.event(person, f"m{i}", decision_id=answer.decision.id)
        await other.rewards.turn(NOW)
        await one.rewards.turn(NOW + 9 * HOUR)
        await other.rewards.turn(NOW + 9 * HOUR)
        records = []
        for shop in (one, other):
            await asyncio.gather(*[shop.decide(f"q{i}") for i in range(100)])
            records.append([await shop.store.decision(f"u:q{i}", "news") for i in range(100)])
        return dict(one.rewards.posteriors), records[0] == records[1], of(await one.known())

    posteriors, alike, known = asyncio.run(story())
    assert isinstance(posteriors["clicks"], Posterior)
    assert (alike, known[:2]) == (True, (60, 60))
    assert known[2] == posteriors["clicks"].arms["a"].rewards > 10
