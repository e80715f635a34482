"""Between an instant and the next change that is told, no condition changes its answer."""

from __future__ import annotations

import random
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.content.changes import Changes, transition
from app.content.program import Program
from app.domain import conditions as c
from app.domain.definitions import Definitions, Feature
from app.domain.event import Event
from app.domain.dictionary import Dictionary
from app.domain.history import History
from app.domain.profile import Profile
from tests.oracle import Oracle
from tests.unit.test_program import EVENTS, HOUR, NOW, condition, definitions, events, person

DAY = 24 * HOUR


def drifting(rng: random.Random) -> c.Condition:
    """A comparison of what grows with time."""
    number = rng.choice((0, 1, 999.5, 3600, 86_400, -5))
    test = rng.choice((
        c.Test(rng.choice(("gt", "gte", "lt", "lte", "eq", "ne")), number), c.Test("between", (number, number + 3600.5)),
        c.Test("in", (number, 7200)), c.Test("gte", c.Ref(("feature", "n"))), c.Test("lt", c.Ref(("feature", "since"))), c.Test("exists", False),
    ))
    return c.Field(c.Ref(("feature", rng.choice(("since", "idle", "grown", "shrunk", "curved")))), (test,))


def grown(rng: random.Random) -> dict[str, Feature]:
    def name(id: str) -> c.Name:
        return c.Name(c.Ref(("feature", id)))

    half = c.Arithmetic("*", name("idle"), c.Number(rng.choice((0.5, -2, 0))))
    return {
        "idle": Feature("idle", "seconds_since", rng.choice(EVENTS)),
        "grown": Feature("grown", "expr", expression=c.Arithmetic(rng.choice("+-*/"), half, name("n"))),
        "shrunk": Feature("shrunk", "expr", expression=c.Call("min", (c.Arithmetic("/", c.Number(1e6), name("since")), name("spend")))),
        "curved": Feature("curved", "expr", expression=c.Call(rng.choice(("log", "exp", "abs")), (c.Arithmetic("-", name("idle"), c.Number(90)),))),
    }


def rules(rng: random.Random, asked: c.Condition) -> Definitions:
    found = definitions(rng, [asked])
    return Definitions("v", rng.choice(("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")),
                       features={**found.features, **grown(rng)}, segments=found.segments)


@settings(max_examples=400)
@given(seed=st.integers(0, 2**40))
def test_no_condition_changes_its_answer_before_the_next_change(seed: int) -> None:
    rng = random.Random(seed)
    asked = rng.choice((condition(rng), condition(rng), drifting(rng), c.All((drifting(rng), condition(rng)))))
    d, (traits, consents, _, _) = rules(rng, asked), person(rng)
    happened = [Event(each.name, each.at + rng.choice((0, 0, HOUR, DAY)), each.id, each.properties) for each in events(rng)]
    at = NOW + rng.choice((0, rng.randrange(-DAY, 3 * DAY), rng.randrange(40 * DAY)))
    profile = Profile("u:1", History.of(happened, Dictionary(growing=True)), traits, consents)

    told = Changes(Program(d)).next_change(asked, profile, at)

    end = at + 60 * DAY if told is None else min(told, at + 60 * DAY)
    looked = {end - 1, at + 1, *(rng.randrange(at, end) for _ in range(20))}
    looked |= {near for each in happened for near in (each.at, each.at + DAY, each.at + 48 * HOUR, each.at + HOUR) if at <= near < end}
    answers = {Oracle(d, now, happened, traits, consents, {}, {}).holds(asked) for now in (at, *sorted(now for now in looked if at <= now < end))}
    assert len(answers) == 1
    assert told is None or told > at


def told(asked: c.Condition, *happened: tuple[str, int], features: dict[str, Feature] | None = None, timezone: str = "UTC", at: int = NOW) -> int | None:
    found = [Event(name, when, number.to_bytes(6, "big")) for number, (name, when) in enumerate(happened)]
    profile = Profile("u:1", History.of(found, Dictionary(growing=True)))
    return Changes(Program(Definitions("v", timezone, features=features or {}))).next_change(asked, profile, at)


DID = c.Did("order_completed", window=c.Within(48 * HOUR))


def test_who_did_something_leaves_when_the_latest_has_left_the_window() -> None:
    assert told(DID, ("order_completed", NOW - HOUR), ("order_completed", NOW - 2 * HOUR)) == NOW + 47 * HOUR


def test_a_count_falls_when_the_event_leaves_that_makes_it_up() -> None:
    twice = c.Did("order_completed", window=c.Within(48 * HOUR), count=(c.Test("gte", 2),))

    assert told(twice, ("order_completed", NOW - HOUR), ("order_completed", NOW - 2 * HOUR)) == NOW + 46 * HOUR


def test_an_event_whose_time_has_not_come_is_awaited() -> None:
    assert told(DID, ("order_completed", NOW + 5)) == NOW + 5


def test_nothing_is_awaited_of_a_person_without_events() -> None:
    assert told(DID) is None


def test_nothing_is_awaited_where_the_window_has_no_end() -> None:
    assert told(c.Did("order_completed"), ("order_completed", NOW - HOUR)) is None


def test_idle_seconds_pass_their_bound_at_one_instant() -> None:
    idle = {"idle": Feature("idle", "seconds_since", "email_opened")}
    asked = c.Field(c.Ref(("feature", "idle")), (c.Test("gte", 3600),))

    assert told(asked, ("email_opened", NOW - 60_000), features=idle) == NOW + 3_540_000


def test_a_bound_of_an_expression_is_passed_at_one_instant() -> None:
    hours = c.Arithmetic("/", c.Name(c.Ref(("feature", "idle"))), c.Number(3600))
    made = {"idle": Feature("idle", "seconds_since", "email_opened"), "hours": Feature("hours", "expr", expression=hours)}
    asked = c.Field(c.Ref(("feature", "hours")), (c.Test("gt", 2),))

    assert told(asked, ("email_opened", NOW), features=made) == NOW + 2 * HOUR + 1


def test_a_sum_may_fall_when_the_oldest_event_leaves() -> None:
    orders = {"orders": Feature("orders", "days", "order_completed", window=c.Within(48 * HOUR))}
    asked = c.Field(c.Ref(("feature", "orders")), (c.Test("gte", 2),))

    assert told(asked, ("order_completed", NOW - HOUR), ("order_completed", NOW - 40 * HOUR), features=orders) == NOW + 8 * HOUR


def test_local_hours_begin_by_the_clocks_of_the_rules() -> None:
    assert told(c.LocalTime(540, 1080, frozenset()), timezone="Europe/Berlin", at=1_760_000_000_000) == 1_760_025_600_000


def test_a_calendar_week_ends_on_sunday_night() -> None:
    week = c.Did("order_completed", window=c.Calendar("week"))

    assert told(week, ("order_completed", NOW - HOUR), timezone="Europe/Berlin") == 1_760_306_400_000


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "America/Havana"])
def test_clocks_are_moved_at_the_instant_that_is_told(zone: str) -> None:
    timezone = ZoneInfo(zone)

    found = transition(1_000_000_000_000, 1_000_000_000_000 + 400 * DAY, timezone)

    assert found is not None
    assert told_offset(found - 1, timezone) != told_offset(found, timezone)
    assert told_offset(found - 1, timezone) == told_offset(1_000_000_000_000, timezone)


def told_offset(at: int, timezone: ZoneInfo) -> object:
    return datetime.fromtimestamp(at / 1000, timezone).utcoffset()
