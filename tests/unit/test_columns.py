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
