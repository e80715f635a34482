"""What every profile store promises: the one in memory, which tests decide with, and the one on a real Redis."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_cluster import link_to
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.domain.change import Append, Grant, Merge
from app.domain.decision import Recording
from app.domain.event import ID_BYTES, Event
from app.ports import ProfileStore
from tests.contract.stores import STORES, store_url
from tests.fakes import MemoryStore

NOW = 1_760_000_000_000
DAY = 86_400_000
Story = Callable[[ProfileStore], Awaitable[Any]]
Run = Callable[..., Any]


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a story with a store of the kind that is on trial; options are the store's."""
    if request.param == "memory":
        return lambda story, **options: asyncio.run(story(MemoryStore(**options)))
    url = store_url(request)

    async def told(story: Story, **options: Any) -> Any:
        link = link_to(url, Breaker(time.monotonic), read_seconds=2.0)
        try:
            return await story(RedisStore(link, Names(link), **options))
        finally:
            await link.close()

    return lambda story, **options: asyncio.run(told(story, **options))


@pytest.fixture
def who() -> str:
    return "u:" + uuid.uuid4().hex


def event(i: int, name: str = "product_viewed", at: int = NOW, **properties) -> Event:
    return Event(name, at, i.to_bytes(ID_BYTES, "big"), properties or {"category": "shoes", "n": i})


async def keep(store: ProfileStore, who: str, send: str, expected: bytes | None, record: bytes) -> bytes | None:
    return (await store.record([Recording(who, send, expected, record)], NOW))[0]


def test_an_event_is_there_at_the_next_read_and_counts_once(run, who):
    async def story(store):
        first = await store.apply([(who, [Append(event(1)), Append(event(1))])], NOW)
        again = await store.apply([(who, [Append(event(1))])], NOW)
        return first, again, list((await store.read(who)).history.events())

    first, again, kept = run(story)

    assert first[0].results == ("applied", "duplicate")
    assert again[0].results == ("duplicate",)
    assert kept == [event(1)]


@pytest.mark.parametrize(("seed", "count"), [(0, 200), (1, 200), (2, 200), (3, 800), (4, 800)])
def test_any_order_and_repetition_gives_the_history_of_one_pass(run, who, seed, count):
    rng = random.Random(seed)
    events = [event(i, rng.choice(("a", "b", "c")), NOW - rng.randrange(50)) for i in range(count)]
    arriving = rng.sample(events, count) + rng.sample(events, 80)

    async def story(store):
        at = 0
        while at < len(arriving):
            step = rng.randrange(1, 40)
            await store.apply([(who, [Append(each) for each in arriving[at : at + step]])], NOW)
            at += step
        return list((await store.read(who)).history.events())

    assert run(story) == sorted(events, key=lambda each: (each.at, each.id))


def test_the_newest_of_each_type_are_kept_and_the_rest_leave_their_count_and_first_instant(run, who):
    views = [event(i, at=NOW + i) for i in range(60)]

    async def story(store):
        await store.apply([(who, [Append(each) for each in views])], NOW)
        await store.apply([(who, [Append(event(999, "order_completed"))])], NOW)
        late = await store.apply([(who, [Append(event(1000, at=NOW + 5))])], NOW)
        return late, (await store.read(who)).history

    late, history = run(story, bound=50)
    trimmed = history.trimmed()[history.names.types["product_viewed"]]

    assert late[0].results == ("too_old",)
    assert len(history.positions(history.names.types["product_viewed"], 0, len(history))) == 50
    assert (trimmed.count, trimmed.first_at, trimmed.watermark) == (10, NOW, NOW + 9)


def test_a_trait_keeps_its_latest_value_whatever_arrives_last(run, who):
    async def story(store):
        await store.apply([(who, [Merge({"city": "Bonn", "tier": 3}, NOW, b"1" * ID_BYTES)])], NOW)
        await store.apply([(who, [Merge({"city": "Ulm"}, NOW - 1, b"2" * ID_BYTES), Merge({"tier": None}, NOW + 1, b"3" * ID_BYTES)])], NOW)
        await store.apply([(who, [Grant("marketing", True, NOW), Grant("marketing", False, NOW - 5)])], NOW)
        return await store.read(who)

    profile = run(story)

    assert profile.traits == {"city": "Bonn"}
    assert profile.consents == {"marketing": True}


def test_the_first_of_two_records_stands_and_the_other_is_told(run, who):
    async def story(store):
        return [
            await keep(store, who, "s1", None, b"first" * 4),
            await keep(store, who, "s1", None, b"second" * 4),
            await keep(store, who, "s1", b"first" * 4, b"appended"),
            await store.decision(who, "s1"),
            (await store.read(who, "s1")).record,
        ]

    assert run(story) == [None, b"first" * 4, None, b"appended", b"appended"]


def test_of_two_records_that_come_together_the_first_stands(run, who):
    other = who + "other"

    async def story(store):
        recordings = [Recording(who, "s", None, b"first" * 4), Recording(other, "s", None, b"other" * 4), Recording(who, "s", None, b"second" * 4)]
        return await store.record(recordings, NOW), await store.decision(who, "s"), await store.decision(other, "s")

    assert run(story) == ([None, None, b"first" * 4], b"first" * 4, b"other" * 4)


def test_every_send_of_many_is_read_on_request(run, who):
    async def story(store):
        await keep(store, who, "s1", None, b"first" * 4)
        return await store.read_many([(who, "s1"), (who + "other", None)], sends=True)

    assert [(each.record, each.sends) for each in run(story)] == [(b"first" * 4, {"s1": b"first" * 4}), (None, {})]


def test_erasure_leaves_a_tombstone_that_takes_nothing_more(run, who):
    async def story(store):
        await store.apply([(who, [Append(event(1))])], NOW)
        await store.erase(who, NOW)
        await store.erase(who, NOW)
        dropped = await store.apply([(who, [Append(event(2))])], NOW)
        recorded = await keep(store, who, "s", None, b"x" * 20)
        return dropped, recorded, await store.read(who, "s")

    dropped, recorded, profile = run(story)

    assert dropped[0].erased
    assert recorded is None
    assert (profile.erased, len(profile.history), profile.record) == (True, 0, None)


def test_sixty_four_writers_on_one_profile_lose_nothing(run, who):
    async def story(store):
        await asyncio.gather(*(store.apply([(who, [Append(event(64 * w + i)) for i in range(8)])], NOW) for w in range(64)))
        return len((await store.read(who)).history)

    assert run(story) == 512


def abandoned(run: Run, who: str, rounds: int) -> int:
    """How many of `rounds` x 50 reads, half of them cancelled at random moments, gave another person's data."""

    async def story(store):
        people = [f"{who}-{i}" for i in range(50)]
        await store.apply([(p, [Merge({"me": p}, NOW, b"1" * ID_BYTES)]) for p in people], NOW)
        rng, wrong = random.Random(1), 0
        for _ in range(rounds):
            tasks = [asyncio.create_task(store.read(p)) for p in people]
            await asyncio.sleep(rng.choice((0, 0, 0.0001, 0.0005)))
            for task in rng.sample(tasks, 25):
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            wrong += sum(a.traits["me"] != p for a, p in zip(answers, people, strict=True) if not isinstance(a, BaseException))
        return wrong

    return run(story)


def test_a_cancelled_read_never_gives_its_reply_to_another(run, who):
    assert abandoned(run, who, rounds=60) == 0


@pytest.mark.long
def test_a_hundred_thousand_reads_cancelled_at_random_give_nobody_another_s_data(run, who):
    assert abandoned(run, who, rounds=4_000) == 0


def test_nobody_is_known_under_a_key_that_nothing_was_written_to(run, who):
    profile = run(lambda store: store.read(who, "s1", sends=True))

    assert (profile.key, profile.known, profile.erased, len(profile.history), profile.record, profile.sends) == (who, False, False, 0, None, {})


def test_there_is_one_answer_per_write_and_one_result_per_event(run, who):
    other = "u:" + uuid.uuid4().hex

    async def story(store):
        return await store.apply([(who, [Append(event(1)), Append(event(2))]), (other, [Grant("marketing", True, NOW)]), (who, [Append(event(2))])], NOW)

    assert [each.results for each in run(story)] == [("applied", "applied"), (), ("duplicate",)]


def test_every_send_of_a_person_is_read_on_request(run, who):
    async def story(store):
        await keep(store, who, "s1", None, b"first" * 4)
        await keep(store, who, "s2", None, b"second" * 4)
        return await store.read(who, sends=True), await store.read(who, "s2", sends=True)

    none, one = run(story)

    assert (none.record, one.record) == (None, b"second" * 4)
    assert none.sends == one.sends == {"s1": b"first" * 4, "s2": b"second" * 4}


def test_a_record_that_is_there_no_more_is_told_as_empty(run, who):
    async def story(store):
        return await keep(store, who, "s1", b"gone" * 4, b"new" * 4), await store.decision(who, "s1")

    assert run(story) == (b"", None)


def test_events_beyond_the_age_bound_are_trimmed_and_what_is_older_is_refused(run, who):
    async def story(store):
        first = await store.apply([(who, [Append(event(1, at=NOW - 3 * DAY)), Append(event(2, at=NOW - DAY))])], NOW)
        later = await store.apply([(who, [Append(event(3, at=NOW - 4 * DAY))])], NOW)
        return first[0].results, later[0].results, [each.id for each in (await store.read(who)).history.events()]

    assert run(story, age=2 * DAY) == (("applied", "applied"), ("too_old",), [event(2).id])


def test_a_variant_that_was_recorded_stays_with_the_person_until_another_takes_its_place_or_it_goes(run, who):
    async def story(store: ProfileStore) -> Any:
        await store.apply([(who, [Merge({"city": "Kiel"}, NOW, bytes(ID_BYTES))])], NOW)
        await store.record([Recording(who, "s1", None, b"1" * 9, variants={"copy": "a", "old": "x"})], NOW)
        first = (await store.read(who)).variants
        await store.record([Recording(who, "s2", None, b"2" * 9, variants={"copy": "b\0seed", "old": ""})], NOW + 1)
        return first, await store.read(who)

    first, then = run(story)

    assert first == {"copy": "a", "old": "x"}
    assert (then.variants, then.traits) == ({"copy": "b\0seed"}, {"city": "Kiel"})


def test_a_record_that_does_not_stand_leaves_no_variant(run, who):
    async def story(store: ProfileStore) -> Any:
        await keep(store, who, "s", None, b"first" * 4)
        await store.record([Recording(who, "s", None, b"second" * 4, variants={"copy": "a"})], NOW)
        return (await store.read(who)).variants

    assert run(story) == {}
