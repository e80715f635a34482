"""Triggers: each fires once for each occasion, when its time has come and its condition holds then."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from app.domain import conditions as c
from app.domain.conditions import Ref
from app.domain.triggers import Limit, Occasion, Send, Trigger
from app.errors import SinkUnavailable
from app.adapters.noticing_store import NoticingStore
from app.live.delivery import DELAYS
from app.live.notes import Herald
from tests.fakes import MemoryLeases
from tests.town import DAY, HOUR, MINUTE, NOW, SECOND, WEEK_BUYERS, Process, Town, live, rules, trait

ANN = "u:ann"
TO = Send("esp", template="cart")
CART = Occasion("event", "cart_updated")
ABANDONED = Trigger("abandoned", CART, TO, HOUR, c.Did("order_completed", window=c.SinceLast("cart_updated"), negated=True))


def town_of(*triggers: Trigger) -> Town:
    return Town(rules(WEEK_BUYERS, *triggers))


def fired(town: Town) -> list[tuple[str, str]]:
    """(trigger, instant) of all that was delivered."""
    told = [json.loads(each.body) for each in town.sink.sent]
    return [(each["data"]["trigger"], each["timestamp"]) for each in told]


def test_an_event_fires_at_once_and_tells_whom_and_what() -> None:
    town = town_of(Trigger("cart", CART, Send("esp", template="cart", vars={"city": Ref(("profile", "city")), "shop": "nordlys"})))

    live(town.process().hear(ANN, trait(NOW, city="Oslo"), town.event("cart_updated")))

    (sent,) = town.sink.sent
    assert sent.key == ANN
    assert json.loads(sent.body) == {
        "type": "trigger.fired", "timestamp": "2025-10-09T08:53:20.000Z",
        "data": {"id": sent.id, "trigger": "cart", "template": "cart", "profile": "ann", "on": {"event": "cart_updated", "at": "2025-10-09T08:53:20.000Z"},
                 "vars": {"city": "Oslo", "shop": "nordlys"}},
    }


def test_the_same_event_told_again_fires_nothing() -> None:
    town = town_of(Trigger("cart", CART, TO))

    async def story() -> None:
        process, event = town.process(), town.event("cart_updated")
        await process.hear(ANN, event)
        await process.hear(ANN, event)
        town.now += DAY - 1
        await process.hear(ANN, event)

    live(story())
    assert len(town.sink.sent) == 1


def test_what_waits_fires_when_its_time_has_come_and_the_condition_holds() -> None:
    town = town_of(ABANDONED)

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("cart_updated"))
        await process.pass_time(NOW + DAY)

    live(story())
    assert fired(town) == [("abandoned", "2025-10-09T09:53:20.000Z")]


def test_what_no_longer_holds_when_its_time_has_come_does_not_fire() -> None:
    town = town_of(ABANDONED)

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("cart_updated"))
        town.now += 30 * MINUTE
        await process.hear(ANN, town.event("order_completed"))
        await process.pass_time(NOW + DAY)

    live(story())
    assert (fired(town), town.dropped) == ([], [("abandoned", "when")])


def test_a_later_event_starts_the_wait_anew() -> None:
    town = town_of(ABANDONED)

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("cart_updated"))
        await process.pass_time(NOW + 30 * MINUTE)
        await process.hear(ANN, town.event("cart_updated"))
        await process.pass_time(NOW + DAY)

    live(story())
    assert fired(town) == [("abandoned", "2025-10-09T10:23:20.000Z")]


@pytest.mark.parametrize(("kind", "instant"), [("enter", "2025-10-09T08:53:20.000Z"), ("leave", "2025-10-16T08:53:20.000Z")])
def test_entering_and_leaving_fire(kind: Any, instant: str) -> None:
    town = town_of(Trigger("moved", Occasion(kind, "buyers"), TO))

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("order_completed"))
        await process.pass_time(NOW + 8 * DAY)

    live(story())
    assert fired(town) == [("moved", instant)]


def test_another_value_of_a_trait_fires_and_the_first_does_not() -> None:
    town = town_of(Trigger("moved", Occasion("changed", "city"), TO))

    async def story() -> None:
        process = town.process()
        for at, city in enumerate(("Oslo", "Oslo", "Bergen")):
            town.now = NOW + at * SECOND
            await process.hear(ANN, trait(town.now, city=city))

    live(story())
    assert fired(town) == [("moved", "2025-10-09T08:53:22.000Z")]


def test_a_limit_lets_so_many_through_in_a_period_and_more_in_the_next() -> None:
    town = town_of(Trigger("cart", CART, TO, limit=Limit(1, 7 * DAY)))

    async def story() -> None:
        process = town.process()
        for day in (0, 3, 7):
            town.now = NOW + day * DAY
            await process.hear(ANN, town.event("cart_updated"))

    live(story())
    assert fired(town) == [("cart", "2025-10-09T08:53:20.000Z"), ("cart", "2025-10-16T08:53:20.000Z")]
    assert town.dropped == [("cart", "limit")]


def test_quiet_hours_are_waited_out() -> None:
    town = town_of(Trigger("cart", CART, TO, quiet=c.LocalTime(8 * 60, 17 * 60, frozenset())))

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("cart_updated"))
        await process.pass_time(NOW + DAY)

    live(story())
    assert fired(town) == [("cart", "2025-10-09T17:00:00.000Z")]


def test_what_came_to_be_known_a_day_late_fires_nothing() -> None:
    town = town_of(Trigger("cart", CART, TO))

    live(town.process().hear(ANN, town.event("cart_updated", NOW - DAY - 1)))

    assert (fired(town), town.dropped) == ([], [("cart", "stale")])


def test_who_waits_through_a_long_outage_is_not_forgotten() -> None:
    town = town_of(Trigger("reminder", CART, TO, HOUR))

    async def story() -> None:
        await town.process().hear(ANN, town.event("cart_updated"))
        town.now, town.leases = NOW + 3 * DAY, MemoryLeases()
        await town.process().settle()

    live(story())
    assert fired(town) == [("reminder", "2025-10-12T08:53:20.000Z")]


def test_a_crash_before_an_event_is_noticed_delays_and_forgets_nothing() -> None:
    town = town_of(Trigger("cart", CART, TO))

    async def story() -> None:
        await town.process().store.apply([(ANN, [town.event("cart_updated")])], NOW)
        await town.process().pass_time(NOW + MINUTE)

    live(story())
    assert fired(town) == [("cart", "2025-10-09T08:53:22.000Z")]


def test_a_crash_before_an_event_is_applied_fires_nothing() -> None:
    town = town_of(Trigger("cart", CART, TO))

    async def story() -> None:
        noting = town.process().act.note([(ANN, [town.event("cart_updated")])], NOW)
        assert noting is not None
        await noting.written
        await town.process().pass_time(NOW + MINUTE)

    live(story())
    assert fired(town) == []


def test_a_crash_while_delivering_has_it_delivered_again_under_the_same_id() -> None:
    town = town_of(Trigger("cart", CART, TO))

    async def story() -> None:
        dying = town.process()
        sends_nothing(dying, ids)
        await dying.hear(ANN, town.event("cart_updated"))
        town.leases = MemoryLeases()
        await town.process().pass_time(NOW + 2 * MINUTE)

    ids: list[str] = []
    live(story())
    assert [each.id for each in town.sink.sent] == ids


def sends_nothing(process: Process, ids: list[str]) -> None:
    """From now on what fires is noted in `ids` and never sent."""
    process.act._looker._deliver = lambda key, sending: ids.extend(each.id for each in sending)  # noqa: SLF001


def test_what_is_refused_is_tried_again_later() -> None:
    town = town_of(Trigger("cart", CART, TO))
    town.sink.refusals = [SinkUnavailable("esp answers 503"), SinkUnavailable("esp answers 503")]

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("cart_updated"))
        await process.pass_time(NOW + HOUR)

    live(story())
    assert len(town.sink.sent) == 1
    assert live(town.live.load(ANN)) is not None


def test_what_is_never_taken_goes_to_the_dead_letters_in_the_end() -> None:
    town = town_of(Trigger("cart", CART, TO))
    town.sink.refusals = [SinkUnavailable("esp answers 500") for _ in range(len(DELAYS) + 1)]

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("cart_updated"))
        await process.pass_time(NOW + 3 * DAY)

    live(story())
    assert [(each.source, each.reason, each.detail) for each in town.dead.letters] == [("trigger:cart", "not_delivered", "esp answers 500, at attempt 8")]
    assert town.sink.sent == []


def test_what_was_set_off_under_an_anonymous_id_fires_for_the_user() -> None:
    town = town_of(ABANDONED)

    async def story() -> None:
        process = town.process()
        await process.hear("a:x", town.event("cart_updated"))
        await process.link("a:x", ANN)
        await process.settle()
        await process.pass_time(NOW + DAY)

    live(story())
    assert [json.loads(each.body)["data"]["profile"] for each in town.sink.sent] == ["ann"]


def test_of_an_erased_person_nothing_fires() -> None:
    town = town_of(ABANDONED)

    async def story() -> None:
        process = town.process()
        await process.hear(ANN, town.event("cart_updated"))
        await process.store.erase(ANN, NOW)
        await process.pass_time(NOW + DAY)

    live(story())
    assert fired(town) == []


def test_two_processes_that_see_the_same_timer_fire_once() -> None:
    town = town_of(ABANDONED)

    async def story() -> None:
        one, other = town.process(), town.process()
        await one.hear(ANN, town.event("cart_updated"))
        await other.settle()
        town.now += HOUR
        seen = [(process, each) for process in (one, other) for each in await dues(process)]
        await asyncio.gather(*(process.act._looker.look([each]) for process, each in seen))  # noqa: SLF001
        await one.delivery.stop()
        await other.delivery.stop()

    async def dues(process: Process) -> Any:
        process.act._shares.held |= dict.fromkeys(town.timers.shards)  # noqa: SLF001
        return await process.act._come()  # noqa: SLF001

    live(story())
    assert len(town.sink.sent) == 1


def test_what_a_process_heard_that_looks_at_nobody_fires_where_people_are_looked_at() -> None:
    town = town_of(Trigger("cart", CART, TO))

    async def story() -> None:
        consumer = NoticingStore(town.store, Herald(town.timers, lambda: town.now, lambda: frozenset({"cart_updated"})))
        await consumer.apply([(ANN, [town.event("cart_updated")])], NOW)
        await town.process().pass_time(NOW + SECOND)

    live(story())
    assert fired(town) == [("cart", "2025-10-09T08:53:20.250Z")]
