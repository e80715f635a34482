"""Sealed histories, whose payloads lie column by column, are the histories that they were sealed from."""

from __future__ import annotations

import random
from typing import Any

import pytest

from app.domain.event import ID_BYTES, Event
from app.domain.dictionary import Dictionary
from app.domain.history import History
from app.domain.layout import Trimmed
from tests.histories import stored

NOW = 1_760_000_000_000
SCALARS = ("shoes", "", "ä\0{{", 0, 1, True, False, None, 1.0, 0.0, -0.0, 2**63, -(2**63), 1e308, "x" * 300)


def value(rng: random.Random, depth: int = 2) -> Any:
    roll = rng.random()
    if not depth or roll < 0.8:
        return rng.choice(SCALARS) if rng.random() < 0.8 else rng.random()
    if roll < 0.9:
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {rng.choice("abc"): value(rng, depth - 1) for _ in range(rng.randrange(4))}


def events(rng: random.Random, count: int) -> list[Event]:
    shapes = [tuple(rng.sample("abcdef", rng.randrange(6))) for _ in range(8)]
    return [
        Event(rng.choice(("seen", "bought", "opened")), NOW + rng.randrange(count), i.to_bytes(ID_BYTES, "big"), {name: value(rng) for name in rng.choice(shapes)})
        for i in range(count)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_a_sealed_history_is_the_same_history(seed: int):
    rng = random.Random(seed)
    happened = events(rng, rng.randrange(1, 400))
    tail = rng.choice((0, 0, 1, min(20, len(happened))))

    found, plain = stored(happened, sealed=True, tail=tail), stored(happened, sealed=False, tail=tail)

    assert found.sealed_upto == len(happened) - tail
    assert repr(list(found.events())) == repr(list(plain.events()))
    assert [found.payload(i) for i in range(len(found))] == [plain.payload(i) for i in range(len(plain))]
    assert [repr(found.value(i, "c")) for i in range(len(found))] == [repr(plain.value(i, "c")) for i in range(len(plain))]
    assert [list(found.holding(b"\xa5shoes", i, len(found))) for i in range(3)] == [list(plain.holding(b"\xa5shoes", i, len(plain))) for i in range(3)]


@pytest.mark.parametrize("seed", range(10))
def test_a_sealed_history_is_opened_to_the_very_bytes_that_it_was_sealed_from(seed: int):
    rng = random.Random(seed)
    plain = History.of(events(rng, 300), trimmed={"seen": Trimmed(NOW - 5, NOW - 9, 3), "bought": Trimmed(NOW - 1, NOW - 2, 1)})

    sealed = plain.sealed()

    assert sealed is not None
    found = History(sealed, None, plain.names)
    assert (found.trimmed(), found.opened()) == (plain.trimmed(), plain.stored()[0])


@pytest.mark.parametrize("seed", range(10))
def test_the_places_of_a_type_are_told_from_any_place_to_any_other(seed: int):
    rng = random.Random(seed)
    happened = events(rng, 60)
    found, plain = stored(happened, sealed=True, tail=10), stored(happened, sealed=False, tail=10)
    asked = [(found.names.types[name], *sorted((rng.randrange(61), rng.randrange(61)))) for name in found.names.types for _ in range(40)]

    assert [found.positions(*each) for each in asked] == [plain.positions(*each) for each in asked]
    assert [found.instants(*each) for each in asked] == [plain.instants(*each) for each in asked]
    assert [found.count(*each) for each in asked] == [plain.count(*each) for each in asked]


def test_an_event_that_brought_its_names_along_keeps_its_history_from_being_sealed():
    names = Dictionary(1)
    names.learn_type("seen")
    names.full = True

    assert History.of([Event("seen", NOW, b"000001", {"colour": "red"})], names).sealed() is None


def test_a_history_of_a_type_without_a_byte_of_its_own_is_not_sealed():
    names = Dictionary(growing=True)
    for i in range(260):
        names.learn_type(f"type{i}")

    assert History.of([Event("type259", NOW, b"000001", {})], names).sealed() is None


def test_values_that_repeat_are_kept_once():
    happened = [Event("seen", NOW + i, i.to_bytes(ID_BYTES, "big"), {"brand": f"a brand of some length {i % 3}"}) for i in range(300)]
    plain = History.of(happened)

    sealed = plain.sealed()

    assert sealed is not None
    assert len(sealed) < len(plain.stored()[0]) / 2
