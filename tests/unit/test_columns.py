"""A question about one value is answered alike from the packed history and from the index of all values."""

from __future__ import annotations

import random
from zoneinfo import ZoneInfo

import pytest

from app.content.columns import NO_INSTANT, Column, Index
from app.content.event_rows import EventRows
from app.domain.event import Event
from app.domain.dictionary import Dictionary
from app.domain.history import History
from app.domain.profile import Profile
from app.domain.request import Request
from tests.histories import stored

NOW = 1_700_000_000_000
WORDS = ["shoes", "shoe", "s", "", "bags", "a" * 40, 7, True, None]


def draw_value(draw: random.Random) -> object:
    return draw.choice([draw.choice(WORDS), [draw.choice(WORDS), draw.choice(WORDS)], {"inner": draw.choice(WORDS)}])


def history(draw: random.Random, count: int, tail: int, *, sealed: bool) -> History:
    """Events of two types whose properties share their values; the newest `tail` of them lie behind the columns."""
    events = [
        Event(draw.choice(["viewed", "sold"]), NOW - (count - i) * 1_000, i.to_bytes(6, "big"), {"a": draw_value(draw), "b": draw_value(draw)})
        for i in range(count)
    ]
    return stored(events, sealed=sealed, tail=tail)


def asked(r: Request, index: Index, key: object, count: int, after: int) -> bool:
    return index.since(r, key, index.needle(key), count, after)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("path", [("a",), ("b", "inner")])
@pytest.mark.parametrize("sealed", [False, True])
def test_the_packed_history_and_the_index_agree(seed: int, path: tuple[str, ...], sealed: bool) -> None:
    draw = random.Random(seed)
    profile = Profile("u:1", history(draw, 40, draw.choice([0, 1, 7]), sealed=sealed), known=True)
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


def words(*, repeated: bool) -> History:
    """Twelve sealed views of words that come again, or do not, the newest two behind the columns."""
    return stored([Event("viewed", NOW - (12 - i) * 1_000, i.to_bytes(6, "big"), {"a": f"word{i % 3 if repeated else i}"}) for i in range(12)], sealed=True, tail=2)


@pytest.mark.parametrize("count,after,found", [(1, NOW - 2_500, False), (1, NOW - 3_500, True), (2, NOW - 5_500, False), (2, NOW - 6_500, True), (4, -1, True), (5, -1, False)])
def test_a_word_is_counted_in_the_columns_and_behind_them(count: int, after: int, found: bool) -> None:
    index = Index(Column(EventRows("viewed", ZoneInfo("UTC")), ("a",)))
    index.column.widen(None)
    r = Request(NOW - 1, Profile("u:1", words(repeated=True), known=True))

    assert asked(r, index, "word0", count, after) is found
    assert index not in r.memo


def test_a_word_that_came_once_is_found_too() -> None:
    index = Index(Column(EventRows("viewed", ZoneInfo("UTC")), ("a",)))
    index.column.widen(None)
    r = Request(NOW, Profile("u:1", words(repeated=False), known=True))

    assert [asked(r, index, f"word{i}", 1, -1) for i in (0, 9, 10, 11, 12)] == [True, True, True, True, False]
