"""A decision in the log: what is kept of it, and that it can be made again of that alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from app.catalogue.replica import Replica
from app.content.load import load
from app.content.logbook import Logbook
from app.content.question import Question
from app.content.reenact import Stage
from app.content.snapshot import Snapshot
from app.content.told import Teller
from app.decide import Decider
from app.domain.bandits import Posterior, Tally
from app.domain.change import Append, Grant, Merge
from app.domain.event import Event, Heard, Identity
from app.domain.history import History
from app.domain.logged import Logged, encode_logged
from app.security.pseudonyms import Pseudonyms
from tests.content.content_shop import CARD, MODEL, write_shop
from tests.fakes import FixedModels, MemoryLog, MemoryStore

NOW = 1_790_000_000_000
HOUR = 3_600_000
RULES = """
version: 1
context: {stock: number}
features: {views: {count: product_viewed, within: 7d}}
placements:
  hero: {fallback: {block: plain}, rank: model.buy * offer.value + feature.views}
  side: {fallback: {block: plain}}
mails: {news: {placements: [hero, side]}}
experiments: {copy: {placement: hero, variants: {a: 0.5, b: 0.5}}}
offers:
  shoes: {placements: [hero], value: 3, block: card, eligibility: {did: product_viewed, within: 48h, count: {gte: 2}}}
  hats: {placements: [hero, side], value: 2, block: card, vars: {headline: {field: profile.first_name}}, applicability: {field: context.stock, gte: 1}}
  coats: {placements: [hero], value: 9, block: card, suitability: {field: feature.views, gte: 5}}
  gloves: {placements: [side], block: card}
  scarves: {placements: [side], block: card}
"""
MORE = {
    "blocks/card/block.yaml": CARD.replace("headline: {type: string}", "headline: {type: string, default: New}"),
    "models/buy.yaml": MODEL.replace("spend_90d", "views"),
}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    definitions = load(write_shop(tmp_path_factory.mktemp("shop"), RULES, more=MORE))
    return Snapshot(definitions, FixedModels(definitions.models))


def decide(snapshot: Snapshot, *, views: int = 2, context: Mapping[str, Any] | None = None, who: str = "ann", mail: str | None = "news") -> tuple[Logged, History]:
    """The record of one decision, and the history that it was made of."""
    log, store, key = MemoryLog(), MemoryStore(), Identity("user_id", who).key
    numbers = count()
    decider = Decider(store, Replica(), lambda key, send: f"{key}/{send}", lambda: f"r{next(numbers)}", Logbook(log, Pseudonyms(b"k" * 32)))

    async def story() -> History:
        changes = [Merge({"first_name": "Ann", "email": "ann@example.com", "country": "DE"}, NOW - HOUR, b"traits"), Grant("marketing", True, NOW - HOUR)]
        events = [Append(Event("product_viewed", NOW - HOUR * (n + 1), bytes([0, 0, 0, 0, 0, n + 1]), {"category": "shoes"})) for n in range(views)]
        await store.apply([(key, [*changes, *events])], NOW)
        q = Question(("hero",), Identity("user_id", who), "s1", mail, context if context is not None else {"stock": 3})
        await decider.decide(snapshot, q, NOW, 1.0)
        return (await store.read(key)).history

    history = asyncio.run(story())
    return log.decisions[0], history


def test_a_record_names_nobody(snapshot: Snapshot) -> None:
    record, _ = decide(snapshot)

    body = encode_logged(record)

    assert (b"ann" in body, b"Ann" in body, b"DE" in body) == (False, False, True)


@pytest.mark.parametrize("who", [f"person{n}" for n in range(20)])
def test_a_decision_made_again_of_its_record_is_the_same_to_the_byte(snapshot: Snapshot, who: str) -> None:
    record, history = decide(snapshot, who=who)

    again = Stage(snapshot, scored=True).again(record, history, Replica(), reasons=False).record(snapshot, record)

    assert encode_logged(again) == encode_logged(record.decided)


@pytest.mark.parametrize("who", [f"person{n}" for n in range(8)])
def test_what_a_bandit_drew_is_logged_with_its_propensity_and_made_again_by_another_posterior(tmp_path: Path, who: str) -> None:
    rules = RULES.replace("rank: model.buy * offer.value + feature.views", "rank: {bandit: clicks}")
    rules += "bandits: {clicks: {reward: {event: email_clicked, within: 3d}, features: {views: feature.views}}}\n"
    definitions = load(write_shop(tmp_path, rules, more=MORE))
    posteriors: dict[str, Posterior] = {}
    content = Snapshot(definitions, FixedModels(definitions.models), posteriors)
    record, history = decide(content, who=who)
    posteriors[definitions.bandits["clicks"].state] = Posterior(9, {"shoes": Tally(50, 50, 40.0, (50.0, 100.0, 200.0), (40.0, 80.0))})

    again = Stage(content, scored=True).again(record, history, Replica(), reasons=False).record(content, record)

    fate = record.fates["hero"]
    assert (fate.propensity, fate.drawn and fate.drawn.version) == (0.5, 0)
    assert encode_logged(again) == encode_logged(record.decided)


def test_other_rules_choose_otherwise_of_the_same_record(snapshot: Snapshot, tmp_path: Path) -> None:
    record, history = decide(snapshot)
    definitions = load(write_shop(tmp_path, RULES.replace("count: {gte: 2}", "count: {gte: 3}"), more=MORE))
    other = Snapshot(definitions, FixedModels(definitions.models))

    again = Stage(other, scored=False).again(record, history, Replica())

    assert (record.fates["hero"].offer, again.choices["hero"].offer) == ("shoes", "hats")


def test_a_placement_that_is_no_more_is_left_out(snapshot: Snapshot, tmp_path: Path) -> None:
    record, history = decide(snapshot)
    rules = RULES.replace("  side: {fallback: {block: plain}}\n", "").replace("[hero, side]", "[hero]").replace("placements: [side]", "placements: [hero]")
    definitions = load(write_shop(tmp_path, rules, more=MORE))

    again = Stage(Snapshot(definitions, FixedModels(definitions.models)), scored=False).again(record, history, Replica())

    assert list(again.choices) == ["hero"]


def test_what_removed_an_offer_is_told_with_the_values_of_that_time(snapshot: Snapshot) -> None:
    record, history = decide(snapshot, views=1, context={"stock": 0})

    candidates = Teller(snapshot).told(record, history)["why"]["hero"]["candidates"]

    assert candidates["shoes"]["values"] == {"number of product_viewed": 1}
    assert candidates["hats"] == {"text": "context.stock is 0, not at least 1", "values": {"context.stock": 0}}
    assert candidates["coats"] == {"text": "feature.views is 1, not at least 5", "values": {"feature.views": 1}}


def test_the_ranking_is_told_as_arithmetic(snapshot: Snapshot) -> None:
    record, history = decide(snapshot)

    ranking = Teller(snapshot).told(record, history)["why"]["hero"]["candidates"]["shoes"]["ranking"]

    assert ranking["rank"] == "model.buy * offer.value + feature.views"
    assert ranking["score"] == ranking["values"]["model.buy"] * ranking["values"]["offer.value"] + ranking["values"]["feature.views"]


def test_a_decision_is_told_in_a_sentence(snapshot: Snapshot) -> None:
    record, history = decide(snapshot)

    sentence = Teller(snapshot).told(record, history)["why"]["hero"]["sentence"]

    assert sentence == (
        "shoes was shown: the number of product_viewed in the last 48 hours is at least 2. hats would have been possible too, but ranked lower. "
        "Not coats: feature.views is 2, not at least 5."
    )


def test_features_are_told_with_their_ages(snapshot: Snapshot) -> None:
    record, history = decide(snapshot)

    ages = Teller(snapshot).told(record, history)["ages"]

    assert ages["views"]["age_seconds"] == 3600


def test_only_events_that_tell_what_came_of_a_decision_are_noted() -> None:
    log, pseudonyms = MemoryLog(), Pseudonyms(b"k" * 32)
    who = Identity("user_id", "ann")
    events = [("email_clicked", {"send": "s1"}), ("product_viewed", {}), ("order_completed", {"total": 30}), ("email_opened_by_machine", {"send": "s1"})]

    Logbook(log, pseudonyms).outcomes([Heard("track", who, Event(name, NOW, b"000000", properties)) for name, properties in events])

    assert [(each.event, each.id, each.value) for each in log.outcomes] == [
        ("email_clicked", pseudonyms.decision(who.key, "s1"), 0.0), ("order_completed", b"", 30.0),
    ]
