"""A recorded decision, shown again after the content, the items or the clock changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from content_shop import write_shop

from app.catalogue.replica import Replica
from app.content.load import load
from app.content.question import Answer, Question
from app.content.snapshot import Snapshot
from app.decide import Decider
from app.domain.change import Append
from app.domain.decision import Choice
from app.domain.event import ID_BYTES, Event, Identity
from app.errors import RenderFailed
from tests.fakes import FixedModels, MemoryStore

NOW = 1_760_000_000_000
RULES = """\
version: 1
features: {spend_90d: {sum: order_completed.total, within: 90d}}
placements:
  hero: {fallback: {block: plain}}
  other: {fallback: {block: plain}}
offers:
  hats: {placements: [hero], block: card, vars: {headline: Hats}, items: {from: catalogue, limit: 2, at_least: 1}, valid: {to: 2026-01-01}}
  words: {placements: [other], block: card, vars: {headline: Words}}
"""
ITEMS = {id: {"id": id, "name": id, "price": 5, "stock": 3} for id in ("a", "b", "c")}
LATER = 1_770_000_000_000


class Shop:
    """A store, a catalogue and a decider that outlive the content."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store, self.items = MemoryStore(), Replica()
        self.items.apply(1, ITEMS)
        self.decider = Decider(self.store, self.items, lambda key, send: f"{key}/{send}", lambda: "random")
        self.content = self.with_rules(RULES)

    def with_rules(self, rules: str) -> Snapshot:
        return Snapshot(load(write_shop(self.folder, rules)), FixedModels({}))

    def shown(self, *, placement: str = "hero", now: int = NOW, **more: Any) -> Answer:
        q = Question((placement,), Identity("user_id", "ann"), "s", **more)
        return asyncio.run(self.decider.decide(self.content, q, now, 1.0))

    def change(self, *changed: dict[str, Any], gone: str = "") -> None:
        self.items.apply(2, {each["id"]: each for each in changed} | ({gone: None} if gone else {}))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    found = Shop(tmp_path)
    found.shown()
    return found


def ids(choice: Choice) -> list[str]:
    return [item.id for item in choice.items]


def test_a_mail_that_is_merged_again_shows_the_prices_of_the_first_time(shop: Shop) -> None:
    shop.change({**ITEMS["a"], "price": 9})

    choice = shop.shown().decision.choices["hero"]

    assert [(item.id, item.fields["price"]) for item in choice.items] == [("a", 5), ("b", 5)]


def test_an_item_that_is_gone_leaves_the_fallback_to_a_merge_call(shop: Shop) -> None:
    shop.change(gone="a")

    decision = shop.shown().decision

    assert (decision.choices["hero"].offer, decision.degraded) == (None, ["content_changed"])


def test_a_block_that_is_gone_leaves_the_fallback(shop: Shop) -> None:
    shop.content.blocks.pop("card")

    decision = shop.shown().decision

    assert (decision.choices["hero"].block, decision.degraded) == ("plain", ["content_changed"])


def test_a_block_that_no_longer_renders_leaves_the_fallback(shop: Shop) -> None:
    def draw(q: Any, placement: str, r: Any, dish: Any, variables: Any, items: Any) -> str:
        if items:
            raise RenderFailed("not with these")
        return "drawn"

    decision = shop.shown(draw=draw).decision

    assert (decision.choices["hero"].content, decision.degraded) == ("drawn", ["content_changed"])


def test_a_placement_that_is_gone_is_kept_beside_what_is_asked_for(shop: Shop) -> None:
    shop.content = shop.with_rules(RULES.replace("  hero: {fallback: {block: plain}}\n", "").replace("placements: [hero]", "placements: [other]"))

    decision = shop.shown(placement="other").decision

    assert (decision.choices["hero"].degraded, decision.choices["other"].offer) == ("content_changed", "words")


def test_an_opened_mail_shows_live_prices_and_another_item_for_one_sold_out(shop: Shop) -> None:
    shop.change({**ITEMS["a"], "stock": 0}, {**ITEMS["b"], "price": 9})

    choice = shop.shown(at_open=True).decision.choices["hero"]

    assert [(item.id, item.fields["price"]) for item in choice.items] == [("b", 9), ("c", 5)]


def test_an_opened_mail_shows_no_item_that_was_bought_since(shop: Shop) -> None:
    bought = Event("order_completed", NOW + 1, bytes(ID_BYTES), {"products": [{"product_id": "a"}]})
    asyncio.run(shop.store.apply([("u:ann", [Append(bought)])], NOW + 2))

    assert ids(shop.shown(now=NOW + 2, at_open=True).decision.choices["hero"]) == ["b", "c"]


def test_an_opened_mail_shows_the_fallback_once_nothing_is_left_or_the_offer_has_ended(shop: Shop) -> None:
    late = shop.shown(now=LATER, at_open=True).decision
    shop.change(*[{**item, "stock": 0} for item in ITEMS.values()])
    sold_out = shop.shown(at_open=True).decision

    assert [(each.choices["hero"].offer, each.degraded) for each in (late, sold_out)] == [(None, []), (None, [])]


def test_an_offer_without_items_is_opened_as_it_was(shop: Shop) -> None:
    shop.shown(placement="other")

    assert shop.shown(placement="other", at_open=True).decision.choices["other"].offer == "words"
