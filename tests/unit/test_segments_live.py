"""Entering and leaving is noticed as of the very instant, whatever happens to processes."""

from __future__ import annotations

import asyncio

from app.domain import conditions as c
from app.domain.definitions import Feature
from tests.town import DAY, HOUR, NOW, WEEK_BUYERS, Town, live, rules, trait

ANN = "u:ann"


def test_an_event_lets_a_person_enter_at_its_instant() -> None:
    town = Town(rules(WEEK_BUYERS))

    live(town.process().hear(ANN, town.event("order_completed")))

    assert town.moves == [("buyers", True, NOW)]
    assert live(town.members("buyers")) == [ANN]


def test_a_person_leaves_when_the_window_ends_though_nothing_happens() -> None:
    town = Town(rules(WEEK_BUYERS))

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("order_completed"))
        await process.pass_time(NOW + 8 * DAY)

    live(story())
    assert town.moves == [("buyers", True, NOW), ("buyers", False, NOW + 7 * DAY)]
    assert live(town.members("buyers")) == []


def test_what_a_crash_kept_from_being_noticed_another_process_notices() -> None:
    town = Town(rules(WEEK_BUYERS))

    async def story() -> None:
        await town.process().store.apply([(ANN, [town.event("order_completed")])], NOW)
        await town.process().pass_time(NOW + HOUR)

    live(story())
    assert live(town.members("buyers")) == [ANN]


def test_whoever_slept_through_changes_tells_each_as_of_its_instant() -> None:
    town = Town(rules(WEEK_BUYERS))

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("order_completed"))
        await process.hear(ANN, town.event("order_completed", NOW + 12 * HOUR))
        town.now = NOW + 30 * DAY
        await process.settle()

    live(story())
    assert town.moves == [("buyers", True, NOW), ("buyers", False, NOW + 7 * DAY + 12 * HOUR)]


def test_a_new_segment_is_filled_and_nobody_enters_it() -> None:
    town = Town(rules(WEEK_BUYERS))

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("order_completed"))
        await process.hear("u:bob", town.event("page_viewed"))
        town.serve(rules({**WEEK_BUYERS, "viewers": c.Did("page_viewed")}))
        await process.backfill.page(town.watch)

    live(story())
    assert live(town.members("viewers")) == ["u:bob"]
    assert town.moves == [("buyers", True, NOW)]


def test_a_segment_that_is_no_longer_declared_has_nobody_in_it() -> None:
    town = Town(rules(WEEK_BUYERS))

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("order_completed"))
        town.serve(rules({"viewers": c.Did("page_viewed")}))
        await process.backfill.page(town.watch)

    live(story())
    assert live(town.members("buyers")) == []


def test_a_feature_that_means_something_else_makes_another_segment() -> None:
    def orders(within: int) -> dict[str, Feature]:
        return {"orders": Feature("orders", "count", "order_completed", window=c.Within(within))}

    many = {"many": c.Field(c.Ref(("feature", "orders")), (c.Test("gte", 1),))}
    town = Town(rules(many, features=orders(DAY)))

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("order_completed"))
        town.now += 2 * HOUR
        town.serve(rules(many, features=orders(HOUR)))
        await process.backfill.page(town.watch)

    live(story())
    assert town.moves == [("many", True, NOW)]
    assert live(town.members("many")) == []


def test_who_is_erased_is_in_no_list() -> None:
    town = Town(rules(WEEK_BUYERS))

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("order_completed"))
        await process.store.erase(ANN, NOW)
        await process.settle()

    live(story())
    assert live(town.members("buyers")) == []
    assert live(town.live.load(ANN)) is None


def test_what_was_anonymous_is_counted_under_the_user() -> None:
    town = Town(rules(WEEK_BUYERS))

    async def story() -> None:
        process = town.process()
        await process.hear("a:x", town.event("order_completed"))
        await process.link("a:x", ANN)

    live(story())
    assert live(town.members("buyers")) == [ANN]
    assert live(town.live.load("a:x")) is None


def test_two_processes_that_look_at_once_notice_once() -> None:
    town = Town(rules(WEEK_BUYERS))

    async def story() -> None:
        one, other = town.process(), town.process()
        await one.store.apply([(ANN, [town.event("order_completed")])], NOW)
        await other.store.apply([(ANN, [town.event("order_completed")])], NOW)
        await asyncio.gather(one.settle(), other.settle())

    live(story())
    assert town.moves == [("buyers", True, NOW)]


def test_a_trait_lets_a_person_enter() -> None:
    town = Town(rules({"osloers": c.Field(c.Ref(("profile", "city")), (c.Test("eq", "Oslo"),))}))

    live(town.process().hear(ANN, trait(NOW, city="Oslo")))

    assert live(town.members("osloers")) == [ANN]
