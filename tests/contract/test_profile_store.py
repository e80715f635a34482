"""What every profile store promises, on a real Redis."""

from __future__ import annotations

import asyncio
import random
import time
import uuid

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.domain.change import Append, Grant, Merge
from app.domain.event import ID_BYTES, Event

NOW = 1_760_000_000_000


def run(socket: str, story, **options):
    """Run an async story against a store of its own link."""

    async def told():
        link = Link(f"unix://{socket}", Breaker(time.monotonic), read_seconds=2.0)
        try:
            return await story(RedisStore(link, Names(link), **options))
        finally:
            await link.close()

    return asyncio.run(told())


@pytest.fixture
def who() -> str:
    return "u:" + uuid.uuid4().hex


def event(i: int, name: str = "product_viewed", at: int = NOW, **properties) -> Event:
    return Event(name, at, i.to_bytes(ID_BYTES, "big"), properties or {"category": "shoes", "n": i})


def test_an_event_is_there_at_the_next_read_and_counts_once(redis_socket, who):
    async def story(store):
        first = await store.apply([(who, [Append(event(1)), Append(event(1))])], NOW)
        again = await store.apply([(who, [Append(event(1))])], NOW)
        return first, again, list((await store.read(who)).history.events())

    first, again, kept = run(redis_socket, story)

    assert first[0].results == ("applied", "duplicate")
    assert again[0].results == ("duplicate",)
    assert kept == [event(1)]


@pytest.mark.parametrize("seed", range(5))
def test_any_order_and_repetition_gives_the_history_of_one_pass(redis_socket, who, seed):
    rng = random.Random(seed)
    events = [event(i, rng.choice(("a", "b", "c")), NOW - rng.randrange(50)) for i in range(200)]
    arriving = rng.sample(events, 200) + rng.sample(events, 80)

    async def story(store):
        at = 0
        while at < len(arriving):
            step = rng.randrange(1, 40)
            await store.apply([(who, [Append(each) for each in arriving[at : at + step]])], NOW)
            at += step
        return list((await store.read(who)).history.events())

    assert run(redis_socket, story) == sorted(events, key=lambda each: (each.at, each.id))


def test_the_newest_of_each_type_are_kept_and_the_rest_leave_their_count_and_first_instant(redis_socket, who):
    views = [event(i, at=NOW + i) for i in range(60)]

    async def story(store):
        await store.apply([(who, [Append(each) for each in views])], NOW)
        await store.apply([(who, [Append(event(999, "order_completed"))])], NOW)
        late = await store.apply([(who, [Append(event(1000, at=NOW + 5))])], NOW)
        return late, (await store.read(who)).history

    late, history = run(redis_socket, story, bound=50)
    trimmed = history.trimmed()[history.names.types["product_viewed"]]

    assert late[0].results == ("too_old",)
    assert len(history.positions(history.names.types["product_viewed"], 0, len(history))) == 50
    assert (trimmed.count, trimmed.first_at, trimmed.watermark) == (10, NOW, NOW + 9)


def test_a_trait_keeps_its_latest_value_whatever_arrives_last(redis_socket, who):
    async def story(store):
        await store.apply([(who, [Merge({"city": "Bonn", "tier": 3}, NOW, b"1" * ID_BYTES)])], NOW)
        await store.apply([(who, [Merge({"city": "Ulm"}, NOW - 1, b"2" * ID_BYTES), Merge({"tier": None}, NOW + 1, b"3" * ID_BYTES)])], NOW)
        await store.apply([(who, [Grant("marketing", True, NOW), Grant("marketing", False, NOW - 5)])], NOW)
        return await store.read(who)

    profile = run(redis_socket, story)

    assert profile.traits == {"city": "Bonn"}
    assert profile.consents == {"marketing": True}


def test_an_anonymous_past_follows_to_the_user_and_later_events_too(redis_socket, who):
    anonymous = "a:" + uuid.uuid4().hex

    async def story(store):
        await store.apply([(anonymous, [Append(event(1)), Merge({"city": "Bonn"}, NOW, b"1" * ID_BYTES)])], NOW)
        await store.link(anonymous, who, NOW)
        await store.link(anonymous, who, NOW)
        await store.apply([(anonymous, [Append(event(2))])], NOW)
        return await store.read(anonymous), await store.read(who)

    by_alias, by_user = run(redis_socket, story)

    assert by_alias.key == who
    assert [each.id for each in by_user.history.events()] == [event(1).id, event(2).id]
    assert by_user.traits == {"city": "Bonn"}


def test_the_first_of_two_records_stands_and_the_other_is_told(redis_socket, who):
    async def story(store):
        return [
            await store.record(who, "s1", None, b"first" * 4, b"t", NOW),
            await store.record(who, "s1", None, b"second" * 4, b"t", NOW),
            await store.record(who, "s1", b"first" * 4, b"appended", b"u", NOW),
            await store.decision(who, "s1"),
            (await store.read(who, "s1")).record,
        ]

    assert run(redis_socket, story) == [None, b"first" * 4, None, (b"appended", b"tu"), b"appended"]


def test_erasure_leaves_a_tombstone_that_takes_nothing_more(redis_socket, who):
    async def story(store):
        await store.apply([(who, [Append(event(1))])], NOW)
        await store.erase(who, NOW)
        await store.erase(who, NOW)
        dropped = await store.apply([(who, [Append(event(2))])], NOW)
        recorded = await store.record(who, "s", None, b"x" * 20, b"", NOW)
        return dropped, recorded, await store.read(who, "s")

    dropped, recorded, profile = run(redis_socket, story)

    assert dropped[0].erased
    assert recorded is None
    assert (profile.erased, len(profile.history), profile.record) == (True, 0, None)


def test_sixty_four_writers_on_one_profile_lose_nothing(redis_socket, who):
    async def story(store):
        await asyncio.gather(*(store.apply([(who, [Append(event(64 * w + i)) for i in range(8)])], NOW) for w in range(64)))
        return len((await store.read(who)).history)

    assert run(redis_socket, story) == 512


def abandoned(socket: str, who: str, rounds: int) -> int:
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

    return run(socket, story)


def test_a_cancelled_read_never_gives_its_reply_to_another(redis_socket, who):
    assert abandoned(redis_socket, who, rounds=60) == 0


@pytest.mark.long
def test_a_hundred_thousand_reads_cancelled_at_random_give_nobody_another_s_data(redis_socket, who):
    assert abandoned(redis_socket, who, rounds=4_000) == 0
