"""A question about one value is answered alike from the packed history and from the index of all values."""

from __future__ import annotations

import random
from zoneinfo import ZoneInfo

import pytest

from app.content.columns import NO_INSTANT, Column, EventRows, Index
from app.domain.event import Event
from app.domain.history import ENTRY, HEADER, U2, Dictionary, History
from app.domain.profile import Profile
from app.domain.request import Request

NOW = 1_700_000_000_000
WORDS = ["shoes", "shoe", "s", "", "bags", "a" * 40, 7, True, None]


def draw_value(draw: random.Random) -> object:
    return draw.choice([draw.choice(WORDS), [draw.choice(WORDS), draw.choice(WORDS)], {"inner": draw.choice(WORDS)}])


def history(draw: random.Random, count: int, tail: int) -> History:
    """Events of two types whose properties share their values; the newest `tail` of them lie behind the columns."""
    events = [
        Event(draw.choice(["viewed", "sold"]), NOW - (count - i) * 1_000, i.to_bytes(6, "big"), {"a": draw_value(draw), "b": draw_value(draw)})
        for i in range(count)
    ]
    names = Dictionary(growing=True)
    whole = History.of(events, names)
    if not tail:
        return whole
    base = History.of(events[:-tail], names)._data
    head = HEADER.pack(*HEADER.unpack_from(base)[:3], tail, 0)
    rows = [ENTRY.pack(event.at, event.id, code) + payload for event in events[-tail:] for code, payload in [names.pack(event)]]
    return History(head + base[HEADER.size :], b"".join([U2.pack(len(row)) + row for row in draw.sample(rows, tail)]), names)


def asked(r: Request, index: Index, key: object, count: int, after: int) -> bool:
    return index.since(r, key, index.needle(key), count, after)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("path", [("a",), ("b", "inner")])
def test_the_packed_history_and_the_index_agree(seed: int, path: tuple[str, ...]) -> None:
    draw = random.Random(seed)
    profile = Profile("u:1", history(draw, 40, draw.choice([0, 1, 7])), known=True)
    index = Index(Column(EventRows("viewed", ZoneInfo("UTC")), path))
    index.column.widen(None)
    now = NOW - draw.choice([0, 15_000])
    questions = [(draw.choice(["shoes", "shoe", "s", "", "bags", "hats"]), draw.randint(1, 4), NOW - draw.randrange(50_000)) for _ in range(30)]

    found = [asked(Request(now, profile), index, *question) for question in questions]

    streams = index(Request(now, profile))
    assert found == [len(stream := streams.get(key, [NO_INSTANT])) > count and stream[-count] > after for key, count, after in questions]


def test_more_questions_than_a_few_make_the_index() -> None:
    profile = Profile("u:1", History.of([Event("viewed", NOW - 1, b"000001", {"a": "shoes"})]), known=True)
    index = Index(Column(EventRows("viewed", ZoneInfo("UTC")), ("a",)))
    index.column.widen(None)
    r = Request(NOW, profile)

    found = [asked(r, index, "shoes", 1, NOW - 2) for _ in range(5)]

    assert found == [True] * 5
    assert r.memo[index] == {"shoes": [NO_INSTANT, NOW - 1]}


def views(*properties: dict[str, object]) -> Profile:
    """Somebody who viewed these, a second apart, the last one just now."""
    events = [Event("viewed", NOW - 1_000 * i, i.to_bytes(6, "big"), each) for i, each in enumerate(reversed(properties))]
    return Profile("u:1", History.of(events), known=True)


def test_a_column_goes_back_no_further_than_its_rules_whatever_others_of_the_event_need() -> None:
    rows = EventRows("viewed", ZoneInfo("UTC"))
    short, long = Column(rows, ("a",)), Column(rows, ("b",))
    short.widen(1_500)
    long.widen(None)
    r = Request(NOW, views({"a": 1, "b": 4}, {"a": 2, "b": 5}, {"a": 3, "b": 6}))

    found = short(r), long(r), short(r)

    assert found == (([NOW - 1_000, NOW], [2, 3]), ([NOW - 2_000, NOW - 1_000, NOW], [4, 5, 6]), ([NOW - 1_000, NOW], [2, 3]))


def test_a_property_is_found_however_far_behind_it_stands_in_the_shape_of_an_event() -> None:
    column = Column(EventRows("viewed", ZoneInfo("UTC")), ("a",))
    column.widen(None)
    wide: dict[str, object] = {f"x{i}": [i, {"y": i}] for i in range(40)}
    r = Request(NOW, views({"a": 1}, {**wide, "a": 2}, {"b": 9}, {"b": 9, "a": 3}))

    found = column(r)

    assert found == ([NOW - 3_000, NOW - 2_000, NOW], [1, 2, 3])


def test_properties_behind_the_last_that_is_read_do_not_hide_it() -> None:
    column = Column(EventRows("viewed", ZoneInfo("UTC")), ("a",))
    column.widen(None)
    r = Request(NOW, views({"a": "one", "rest": {"deep": [1, 2, {"three": None}]}, "more": 1.5}))

    found = column(r)

    assert found == ([NOW], ["one"])


def test_a_property_is_found_where_the_dictionary_of_names_is_full() -> None:
    names = Dictionary(growing=True)
    for i in range(300):
        names.learn_type(f"name{i}")
    first = History.of([Event("viewed", NOW - 1, b"000001", {"a": 1, "b": 4})], names)
    names.full = True
    second = History.of([Event("viewed", NOW - 1, b"000001", {"c": [1], "a": 2})], names)
    column = Column(EventRows("viewed", ZoneInfo("UTC")), ("a",))
    column.widen(None)

    found = [column(Request(NOW, Profile("u:1", each, known=True))) for each in (first, second)]

    assert found == [([NOW - 1], [1]), ([NOW - 1], [2])]
