"""The people of the invented shop: what they did is a function of the clock."""

from __future__ import annotations

import pytest

from app.demo.people import BY_ID, PEOPLE, events

HOUR, DAY = 3_600_000, 86_400_000
NOW = 1_795_000_000_000


def ids(now: int) -> set[str]:
    return {event["messageId"] for event in events(now)}


def test_the_same_instant_gives_the_same_events_each_with_an_id_of_its_own():
    assert events(NOW) == events(NOW)
    assert len(ids(NOW)) == len(events(NOW))


def test_a_restart_repeats_no_event_under_another_id():
    first, second = ({event["messageId"]: event for event in events(now) if event["type"] == "track"} for now in (NOW, NOW + 9 * HOUR))

    assert {id: first[id] for id in first.keys() & second.keys()} == {id: second[id] for id in first.keys() & second.keys()}
    assert len(first.keys() & second.keys()) > len(first) / 2


@pytest.mark.parametrize("now", [NOW, NOW + 11 * HOUR, NOW + 3 * DAY, NOW + 40 * DAY])
def test_nothing_lies_in_the_future_and_every_product_exists(now):
    found = events(now)

    assert all(event["timestamp"] <= _iso(now) for event in found)
    assert {line["product_id"] for event in found for line in event.get("properties", {}).get("products", [])} <= BY_ID.keys()


def test_everybody_but_the_new_reader_has_done_something():
    assert {event["userId"] for event in events(NOW)} == {person.id for person in PEOPLE} - {"guest"}


def _iso(at: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
