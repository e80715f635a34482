"""Histories at the edges of their format."""

from __future__ import annotations

import pytest

from app.domain.event import ID_BYTES, Event
from app.domain.dictionary import MAX_PAYLOAD, Dictionary, Unnamed
from app.domain.history import History
from app.domain.layout import ENTRY, HEADER, U2, pack_columns
from app.domain.profile import Profile
from app.domain.request import NO_INSTANT, Request
from app.errors import TooLarge

NOW = 1_760_000_000_000


def event(i: int, name: str = "seen", **properties: object) -> Event:
    return Event(name, NOW + i, i.to_bytes(ID_BYTES, "big"), dict(properties))


def test_a_full_dictionary_s_events_carry_the_names_of_their_properties():
    names = Dictionary(1)
    names.learn_type("seen")
    names.full = True

    history = History.of([event(1, colour="red")], names)

    assert (names.shapes, history.properties(0), history.value(0, "colour"), history.value(0, "size")) == ({}, {"colour": "red"}, "red", None)


def test_names_that_the_fleet_does_not_share_yet_are_told():
    with pytest.raises(Unnamed) as lacking:
        Dictionary(1).pack(event(1, colour="red"))

    assert (lacking.value.event_name, lacking.value.shape) == ("seen", ("colour",))


def test_an_event_that_no_payload_holds_is_refused():
    with pytest.raises(TooLarge):
        Dictionary(growing=True).pack(event(1, text="x" * MAX_PAYLOAD))


def test_an_id_of_another_length_is_refused():
    with pytest.raises(ValueError, match="6 bytes, not 2"):
        History.of([Event("seen", NOW, b"ab", {})])


def test_what_arrived_lately_stands_behind_the_columns():
    names = Dictionary(1, growing=True)
    old, late = event(1, colour="red"), event(2, colour="blue")
    columns = pack_columns([(old.at, old.id, *names.pack(old))], names)
    code, payload = names.pack(late)
    entry = ENTRY.pack(late.at, late.id, code) + payload
    epoch, size, events, _, trims = HEADER.unpack_from(columns)
    base = HEADER.pack(epoch, size, events, 1, trims) + columns[HEADER.size :]

    history = History(base, U2.pack(len(entry)) + entry, names)

    assert [(each.id, each.properties) for each in history.events()] == [(old.id, {"colour": "red"}), (late.id, {"colour": "blue"})]
    assert list(history.holding(b"\xa4blue", 0, 2)) == [1]


def test_event_names_beyond_the_254th_are_told_apart_too():
    history = History.of([event(i, f"name{i}") for i in range(300)] + [event(400, "name299")])
    r = Request(NOW + 500, Profile("u:x", history))

    assert (r.last("name299"), r.last("name298"), r.tally("name299", -1), r.places("name299")) == (NOW + 400, NOW + 298, 2, [299, 300])


def test_an_event_beyond_the_254th_that_is_yet_to_come_has_not_happened():
    history = History.of([event(i, f"name{i}") for i in range(300)])

    assert Request(NOW, Profile("u:x", history)).last("name299") == NO_INSTANT
