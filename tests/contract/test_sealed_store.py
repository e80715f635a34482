"""Long histories in Redis are sealed, and nobody notices."""

from __future__ import annotations

import asyncio
import random
import uuid
from typing import Any

import pytest

from app.adapters.redis_identities import RedisIdentities
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.domain.change import Append, Merge
from app.domain.claims import Link as Claim
from app.domain.event import ID_BYTES, Event
from app.domain.history import History
from app.identities import Identities
from tests.contract.stores import over, store_url

NOW = 1_760_000_000_000


@pytest.fixture(params=["redis", pytest.param("cluster", marks=pytest.mark.long)])
def url(request: pytest.FixtureRequest) -> str:
    return store_url(request)


@pytest.fixture
def who() -> str:
    return "u:" + uuid.uuid4().hex


def event(i: int, at: int | None = None) -> Event:
    return Event("product_viewed", NOW + i if at is None else at, i.to_bytes(ID_BYTES, "big"), {"category": f"c{i % 7}", "n": i})


def appended(events: list[Event]) -> list[Append]:
    return [Append(each) for each in events]


def test_a_long_history_is_sealed_and_takes_newer_events_behind_its_columns(url: str, who: str):
    async def story(link: Link) -> tuple[History, History, History]:
        store = RedisStore(link, Names(link))
        await store.apply([(who, appended([event(i) for i in range(300)]))], NOW)
        first = (await store.read(who)).history
        for i in range(300, 364):
            await store.apply([(who, [Append(event(i))])], NOW)
        second = (await store.read(who)).history
        await store.apply([(who, [Append(event(364))])], NOW)
        return first, second, (await store.read(who)).history

    first, second, third = over(url, story)

    assert [each.sealed_upto for each in (first, second, third)] == [300, 300, 365]
    assert [list(each.events()) for each in (first, second, third)] == [[event(i) for i in range(n)] for n in (300, 364, 365)]


def test_what_comes_late_to_a_sealed_history_is_told_as_to_any_other(url: str, who: str):
    async def story(link: Link) -> tuple[Any, Any]:
        store = RedisStore(link, Names(link))
        await store.apply([(who, appended([event(i) for i in range(250)]))], NOW)
        late = [Append(event(7)), Append(event(900, NOW + 20)), Merge({"city": "Bonn"}, NOW, bytes(ID_BYTES)), Append(event(901))]
        return await store.apply([(who, late)], NOW), await store.read(who)

    told, profile = over(url, story)

    assert told[0].results == ("duplicate", "applied", "applied")
    assert list(profile.history.events()) == sorted([*[event(i) for i in range(250)], event(900, NOW + 20), event(901)], key=lambda each: (each.at, each.id))
    assert (profile.traits, profile.history.sealed_upto) == ({"city": "Bonn"}, 252)


def test_a_history_that_is_about_to_be_trimmed_is_not_sealed(url: str, who: str):
    async def story(link: Link) -> History:
        store = RedisStore(link, Names(link), bound=300)
        await store.apply([(who, appended([event(i) for i in range(280)]))], NOW)
        return (await store.read(who)).history

    assert over(url, story).sealed_upto == 0


def test_a_sealed_history_is_trimmed_once_it_is_full(url: str, who: str):
    async def story(link: Link) -> History:
        store = RedisStore(link, Names(link), bound=300)
        await store.apply([(who, appended([event(i) for i in range(230)]))], NOW)
        await store.apply([(who, appended([event(i) for i in range(230, 310)]))], NOW)
        return (await store.read(who)).history

    history = over(url, story)

    assert (history.sealed_upto, len(history), history.trimmed()[history.names.types["product_viewed"]].count) == (0, 300, 10)


@pytest.mark.parametrize("seed", range(3))
def test_writers_that_open_and_seal_one_history_at_once_lose_nothing(url: str, who: str, seed: int):
    rng = random.Random(seed)
    events = [event(i, NOW + rng.randrange(10_000)) for i in range(900)]
    shuffled = [Append(each) for each in rng.sample(events, 900)]

    async def write(store: RedisStore, mine: list[Append]) -> None:
        for at in range(0, len(mine), 9):
            await store.apply([(who, list(mine[at : at + 9]))], NOW)

    async def story(link: Link) -> History:
        store = RedisStore(link, Names(link))
        await asyncio.gather(*[write(store, shuffled[part::8]) for part in range(8)])
        return (await store.read(who)).history

    assert list(over(url, story).events()) == sorted(events, key=lambda each: (each.at, each.id))


def test_a_worker_that_does_not_know_the_names_of_a_sealed_history_learns_them(url: str, who: str):
    async def story(link: Link) -> tuple[Any, History]:
        other = RedisStore(link, Names(link))
        await other.apply([(who, [Append(event(0))])], NOW)
        store = RedisStore(link, Names(link))
        fresh = Event("u" + uuid.uuid4().hex, NOW, b"999999", {uuid.uuid4().hex: 1})
        await store.apply([(who, [*appended([event(i) for i in range(1, 300)]), Append(fresh)])], NOW)
        return await other.apply([(who, [Append(event(400, NOW + 3))])], NOW), (await other.read(who)).history

    told, history = over(url, story)

    assert (told[0].results, len(history)) == (("applied",), 302)


def test_a_sealed_past_follows_to_the_user(url: str, who: str):
    async def story(link: Link) -> History:
        names = Names(link)
        store, tablet = RedisStore(link, names), "a:" + uuid.uuid4().hex
        await store.apply([(tablet, appended([event(i) for i in range(250)]))], NOW)
        await store.apply([(who, appended([event(1_000 + i) for i in range(250)]))], NOW)
        await Identities(RedisIdentities(link, names)).link([Claim(who, tablet, NOW + 9_999, b"linked")], NOW)
        return (await store.read(who)).history

    assert list(over(url, story).events()) == [event(i) for i in (*range(250), *range(1_000, 1_250))]
