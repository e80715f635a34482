"""Who is whom, over every store: in memory and on a real Redis."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_cluster import link_to
from app.adapters.redis_identities import RedisIdentities
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.domain.change import Append, Grant, Know, Merge
from app.domain.claims import Link
from app.domain.decision import Recording
from app.domain.event import ID_BYTES, Event, Identity
from app.errors import NotFound, RequestInvalid
from app.identities import Identities
from app.ports import IdentityStore, ProfileStore
from tests.contract.stores import STORES, store_url
from tests.fakes import MemoryStore

NOW = 1_760_000_000_000
Story = Callable[[ProfileStore, Identities, IdentityStore], Awaitable[Any]]
Run = Callable[..., Any]


@pytest.fixture(params=STORES)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a story with a store of the kind that is on trial, its identities and its bare `IdentityStore`."""

    async def told(story: Story, url: str | None, limit: int) -> Any:
        if url is None:
            store = MemoryStore()
            return await story(store, Identities(store, limit=limit), store)
        link = link_to(url, Breaker(time.monotonic), read_seconds=2.0)
        names = Names(link)
        inner = RedisIdentities(link, names)
        try:
            return await story(RedisStore(link, names), Identities(inner, limit=limit), inner)
        finally:
            await link.close()

    url = store_url(request) if request.param != "memory" else None
    return lambda story, limit=500: asyncio.run(told(story, url, limit))


@pytest.fixture
def who() -> str:
    return "u:" + uuid.uuid4().hex


@pytest.fixture
def tablet() -> str:
    return "a:" + uuid.uuid4().hex


def event(i: int, at: int = NOW, name: str = "product_viewed") -> Event:
    return Event(name, at, i.to_bytes(ID_BYTES, "big"), {"n": i})


def trait(at: int, **traits: Any) -> Merge:
    return Merge(traits, at, at.to_bytes(ID_BYTES, "big"))


def mark(i: int) -> bytes:
    return i.to_bytes(ID_BYTES, "big")


def record(at: int, text: str) -> bytes:
    return at.to_bytes(8, "big") + text.encode()


async def keep(store: ProfileStore, who: str, send: str, record: bytes) -> bytes | None:
    return (await store.record([Recording(who, send, None, record)], NOW))[0]


async def seen(store: ProfileStore, key: str) -> list[int]:
    return [int.from_bytes(each.id, "big") for each in (await store.read(key)).history.events()]


def test_an_anonymous_past_follows_to_the_user_and_later_events_too(run, who, tablet):
    async def story(store, identities, _):
        await store.apply([(tablet, [Append(event(1)), trait(NOW, city="Bonn"), Grant("marketing", True, NOW)])], NOW)
        await store.apply([(who, [Know(Identity("braze_id", "b1"), NOW)])], NOW)
        first = await identities.link([Link(who, tablet, NOW + 1, mark(9))], NOW)
        again = await identities.link([Link(who, tablet, NOW + 1, mark(9))], NOW)
        await store.apply([(tablet, [Append(event(2, NOW + 5))])], NOW)
        return first + again, await store.read(tablet), await seen(store, who)

    outcomes, profile, events = run(story)

    assert outcomes == ["linked", "linked"]
    assert (profile.key, profile.traits, profile.consents) == (who, {"city": "Bonn"}, {"marketing": True})
    assert set(profile.identities) == {Identity("braze_id", "b1"), Identity.from_key(tablet)}
    assert events == [1, 2]


def test_a_shared_tablet_makes_no_two_people_one(run, who, tablet):
    other = who + "-2"

    async def story(store, identities, _):
        await store.apply([(tablet, [Append(event(1, NOW))])], NOW)
        await identities.link([Link(who, tablet, NOW + 10, mark(91))], NOW)
        await store.apply([(tablet, [Append(event(2, NOW + 11)), trait(NOW + 11, city="Ulm")])], NOW)
        await identities.link([Link(other, tablet, NOW + 20, mark(92))], NOW)
        await store.apply([(tablet, [Append(event(3, NOW + 21)), Append(event(4, NOW + 12))])], NOW)
        return await seen(store, who), await seen(store, other), (await store.read(tablet)).key, (await store.read(other)).traits

    assert run(story) == ([1, 2, 4], [3], other, {})


def test_claims_that_arrive_out_of_order_deal_out_what_was_filed_before(run, who, tablet):
    other = who + "-2"

    async def story(store, identities, _):
        await identities.link([Link(other, tablet, NOW + 20, mark(92))], NOW)
        await store.apply([(tablet, [Append(event(3, NOW + 21)), Append(event(2, NOW + 11)), Append(event(1, NOW))])], NOW)
        await store.apply([(tablet, [trait(NOW + 1, city="Ulm"), trait(NOW + 22, city="Bonn"), trait(NOW + 3, city="Kiel")])], NOW)
        await identities.link([Link(who, tablet, NOW + 10, mark(91))], NOW)
        people = [await store.read(who), await store.read(other)]
        return await seen(store, who), await seen(store, other), [each.traits for each in people]

    assert run(story) == ([1, 2], [3], [{"city": "Kiel"}, {"city": "Bonn"}])


def test_two_users_become_one_and_both_ids_reach_them(run, who, tablet):
    old = who + "-old"

    async def story(store, identities, _):
        await store.apply([(old, [Append(event(1)), trait(NOW, city="Bonn", tier=1)]), (who, [Append(event(2)), trait(NOW + 1, city="Ulm")])], NOW)
        await identities.link([Link(old, tablet, NOW, mark(8))], NOW)
        await identities.link([Link(who, old, NOW + 5, mark(9), merge=True)], NOW)
        await identities.link([Link(who, old, NOW + 5, mark(9), merge=True)], NOW)
        await store.apply([(old, [Append(event(3, NOW + 6))]), (tablet, [Append(event(4, NOW + 7))])], NOW)
        return await store.read(old), await seen(store, who), (await store.read(tablet)).key

    profile, events, by_tablet = run(story)

    assert (profile.key, by_tablet) == (who, who)
    assert profile.traits == {"city": "Ulm", "tier": 1}
    assert set(profile.identities) == {Identity.from_key(old), Identity.from_key(tablet)}
    assert events == [1, 2, 3, 4]


def test_variants_that_people_saw_stay_when_they_become_one(run, who):
    one, other = who + "-a", who + "-b"

    async def story(store, identities, _):
        await store.apply([(key, [trait(NOW, city="Kiel")]) for key in (one, other)], NOW)
        await store.record([Recording(one, "s1", None, record(NOW, "1"), variants={"copy": "a", "rank": "x"})], NOW)
        await store.record([Recording(other, "s2", None, record(NOW, "2"), variants={"copy": "b"})], NOW + 1)
        await identities.link([Link(one, other, NOW + 5, mark(9), merge=True)], NOW)
        return (await store.read(one)).variants

    assert run(story) == {"copy": "b", "rank": "x"}


def test_unmerging_gives_each_what_came_by_their_own_identifiers(run, who, tablet):
    old = who + "-old"

    async def story(store, identities, _):
        await store.apply([(old, [Append(event(1)), trait(NOW + 3, city="Bonn")]), (who, [Append(event(2)), trait(NOW, city="Ulm", tier=1)])], NOW)
        await store.apply([(tablet, [Append(event(5))])], NOW)
        await identities.link([Link(old, tablet, NOW, mark(8)), Link(who, old, NOW + 5, mark(9), merge=True)], NOW)
        await store.apply([(old, [Append(event(3, NOW + 6))]), (tablet, [Append(event(4, NOW + 7))]), (who, [Append(event(6)), trait(NOW + 1, tier=2)])], NOW)
        await identities.unmerge(who, old, NOW + 9)
        await identities.link([Link(who, old, NOW + 5, mark(9), merge=True)], NOW + 10)
        people = [await store.read(each) for each in (who, old, tablet)]
        return [await seen(store, who), await seen(store, old)], [each.key for each in people], [each.traits for each in people], [each.identities for each in people]

    events, keys, traits, identities = run(story)

    assert events == [[2, 6], [1, 5, 3, 4]]
    assert keys == [who, old, old]
    assert traits == [{"city": "Ulm", "tier": 2}, {"city": "Bonn"}, {"city": "Bonn"}]
    assert identities == [(), (Identity.from_key(tablet),), (Identity.from_key(tablet),)]


def test_of_two_decisions_for_one_send_the_earlier_stands_and_both_ids_find_it(run, who):
    old = who + "-old"

    async def story(store, identities, _):
        await keep(store, who, "s", record(NOW + 1, "later"))
        await keep(store, old, "s", record(NOW, "earlier"))
        await keep(store, old, "only", record(NOW, "only"))
        await identities.link([Link(who, old, NOW + 5, mark(9), merge=True)], NOW)
        merged = [await store.decision(who, "s"), await store.decision(old, "s"), await store.decision(who, "only")]
        await identities.unmerge(who, old, NOW + 9)
        return merged, [await store.decision(who, "s"), await store.decision(old, "s"), await store.decision(who, "only")]

    merged, parted = run(story)

    assert merged == [record(NOW, "earlier"), record(NOW, "earlier"), record(NOW, "only")]
    assert parted == [record(NOW + 1, "later"), record(NOW, "earlier"), None]


def test_many_are_read_in_the_order_asked_each_with_the_record_of_its_send(run, who, tablet):
    async def story(store, identities, _):
        await identities.link([Link(who, tablet, NOW, mark(1))], NOW)
        await store.apply([(who, [Append(event(1))])], NOW)
        await keep(store, who, "s1", record(NOW, "x"))
        return await store.read_many([(tablet, "s1"), (who + "?", "s1"), (who, "s2"), (who, None), (tablet, "s1")])

    people = run(story)

    assert [each.key for each in people] == [who, who + "?", who, who, who]
    assert [each.record for each in people] == [record(NOW, "x"), None, None, None, record(NOW, "x")]
    assert [len(each.history) for each in people] == [1, 0, 1, 1, 1]


def test_a_decision_recorded_under_an_id_that_just_became_another_s_is_found(run, who):
    old = who + "-old"

    async def story(store, identities, _):
        await store.apply([(old, [Append(event(1))])], NOW)
        await identities.link([Link(who, old, NOW, mark(9), merge=True)], NOW)
        stored = await keep(store, old, "s", record(NOW, "x"))
        return stored, await store.decision(who, "s")

    assert run(story) == (None, record(NOW, "x"))


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_a_chain_of_merges_is_filed_under_the_same_id_in_any_order(run, who, order):
    ids = [f"{who}-{i}" for i in range(4)]
    links = [Link(ids[0], ids[1], NOW, mark(1), merge=True), Link(ids[2], ids[1], NOW + 1, mark(2), merge=True), Link(ids[1], ids[3], NOW + 2, mark(3), merge=True)]

    async def story(store, identities, _):
        await store.apply([(each, [Append(event(i))]) for i, each in enumerate(ids)], NOW)
        for i in order:
            await identities.link([links[i]], NOW)
        return [(await store.read(each)).key for each in ids], await seen(store, ids[0])

    assert run(story) == ([ids[2]] * 4, [0, 1, 2, 3])


def test_what_is_given_to_somebody_while_others_become_one_with_them_is_kept(run, who, tablet):
    ann, ben, cyd, phone = names = "1234"
    said = [(cyd, phone, 4), (ben, ann, 3), (ann, phone, 2), (cyd, ann, 1), (ann, ben, 0)]
    links = [
        link for target, source, i in said
        for link in (Link(who + target, tablet + source, NOW + i, mark(i)), Link(who + target, who + source, NOW + i, mark(i), merge=True))
    ]

    async def story(store, identities, _):
        await identities.link(links, NOW)
        return {each.key for name in names for each in (await store.read(who + name)).identities}

    assert run(story) == {tablet + ann, tablet + ben, tablet + phone, who + ann, who + ben, who + phone}


def test_many_who_become_one_at_once_are_one_in_the_end(run, who, tablet):
    said = ["cb", "ap", "bp", "aa", "bt", "at", "aa", "aa", "aa", "ba", "ct", "ca", "cb", "ab"]
    links = [
        link for i, (target, source) in reversed(list(enumerate(said)))
        for link in (Link(who + target, tablet + source, NOW + i, mark(i)), Link(who + target, who + source, NOW + i, mark(i), merge=True))
        if not link.merge or source != target
    ]

    async def story(store, identities, _):
        await identities.link(links, NOW)
        await store.apply([(who + name, [Append(event(i))]) for i, name in enumerate("abcpt")], NOW)
        return {(await store.read(who + name)).key for name in "abcpt"}, sorted(await seen(store, who + "a"))

    assert run(story) == ({who + "c"}, [0, 1, 2, 3, 4])


def test_words_of_who_is_one_that_come_at_once_all_hold(run, who, tablet):
    said = ["ba", "bc", "ca", "ba", "ba", "aa", "ca", "cc", "ap"]
    links = [
        link for i, (target, source) in reversed(list(enumerate(said)))
        for link in (Link(who + target, tablet + source, NOW + i, mark(i)), Link(who + target, who + source, NOW + i, mark(i), merge=True))
        if not link.merge or source != target
    ]

    async def story(store, identities, _):
        await identities.link(links, NOW)
        return {(await store.read(who + name)).key for name in "abcp"}

    assert run(story) == {who + "b"}


def test_what_passes_on_while_others_claim_it_ends_where_all_claims_say(run, who, tablet):
    other = who + "-2"

    async def story(store, identities, _):
        await store.apply([(tablet, [Append(event(1, NOW + 6))]), (tablet + "-2", [Append(event(2, NOW + 2))])], NOW)
        await identities.link([Link(who, tablet, NOW + 12, mark(12))], NOW)
        await identities.link([Link(who, tablet + "-2", NOW + 13, mark(13)), Link(other, tablet, NOW + 11, mark(11)), Link(who, tablet, NOW + 5, mark(5))], NOW)
        return await seen(store, who), await seen(store, other)

    assert run(story) == ([2, 1], [])


def test_what_passes_on_while_two_become_one_leaves_both(run, who, tablet):
    ann, ben, cyd, phone = (who + each for each in "abcp")
    links = [
        Link(ben, tablet, NOW + 7, mark(7)), Link(ben, phone, NOW + 7, mark(7), merge=True),
        Link(ann, tablet, NOW + 6, mark(6)), Link(cyd, ben, NOW + 4, mark(4), merge=True),
        Link(cyd, tablet + "b", NOW + 4, mark(4)),
    ]

    async def story(store, identities, _):
        await store.apply([(tablet, [Append(event(5, NOW + 5))])], NOW)
        await identities.link(links, NOW)
        return [await seen(store, each) for each in (ann, ben, cyd)]

    assert run(story) == [[5], [], []]


class Meanwhile:
    """A store before whose second reading of people something else happens."""

    def __init__(self, store: IdentityStore, happens: Callable[[], Awaitable[Any]]) -> None:
        self._store = store
        self._happens = happens
        self._loads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def load(self, key: str) -> Any:
        self._loads += 1
        if self._loads == 2:
            await self._happens()
        return await self._store.load(key)


def test_what_left_between_two_looks_at_one_person_does_not_come_back(run, who, tablet):
    ann, old, cyd = (who + each for each in "aoc")

    async def story(store, identities, inner):
        await store.apply([(tablet, [Append(event(5, NOW + 5))])], NOW)
        await identities.link([Link(ann, tablet, NOW + 4, mark(4)), Link(ann, old, NOW + 3, mark(3), merge=True)], NOW)
        passes_on = Meanwhile(inner, lambda: identities.link([Link(cyd, tablet, NOW + 5, mark(4))], NOW))
        await Identities(passes_on).link([Link(ann, old, NOW + 2, mark(2), merge=True)], NOW)
        return [await seen(store, each) for each in (ann, cyd)]

    assert run(story) == [[], [5]]


def test_those_whom_a_third_joins_are_not_parted_from_each_other(run, who):
    links = [Link(who, who + "-b", NOW, mark(1), merge=True), Link(who + "-b", who + "-c", NOW, mark(2), merge=True), Link(who, who + "-c", NOW, mark(3), merge=True)]

    async def story(store, identities, _):
        for link in links:
            await identities.link([link], NOW)
        with pytest.raises(RequestInvalid, match=r"-c"):
            await identities.unmerge(who, who + "-b", NOW)
        with pytest.raises(NotFound):
            await identities.unmerge(who, who + "-d", NOW)

    run(story)


def test_beyond_the_limit_nothing_more_is_linked(run, who):
    links = [Link(who, f"a:{who}{i}", NOW, mark(i)) for i in range(5)]
    takers = [Link(f"{who}-{i}", f"a:{who}", NOW, mark(i)) for i in range(5)]
    merges = [Link(f"{who}-m", f"{who}-m{i}", NOW, mark(i), merge=True) for i in range(5)]

    async def story(store, identities, _):
        found = [[(await identities.link([link], NOW))[0] for link in each] for each in (links, takers, merges)]
        return found, len((await store.read(who)).identities)

    outcomes, known = run(story, limit=3)

    assert outcomes == [["linked"] * 3 + ["too_many"] * 2] * 3
    assert known == 3


def test_nothing_is_linked_to_or_from_an_erased_person(run, who, tablet):
    async def story(store, identities, _):
        await identities.link([Link(who, tablet, NOW, mark(1))], NOW)
        await store.erase(who, NOW)
        outcomes = await identities.link([Link(who, tablet, NOW, mark(1)), Link(who, tablet + "-2", NOW, mark(2)), Link(who + "-b", who, NOW, mark(3), merge=True)], NOW)
        applied = await store.apply([(tablet, [Append(event(1))]), (tablet + "-2", [Append(event(1))])], NOW)
        return outcomes, [each.erased for each in applied], (await store.read(tablet)).erased

    assert run(story) == (["erased", "erased", "erased"], [True, False], True)


def test_erasing_one_of_a_tablet_s_people_leaves_it_to_the_other(run, who, tablet):
    other = who + "-2"

    async def story(store, identities, _):
        await identities.link([Link(who, tablet, NOW, mark(1)), Link(other, tablet, NOW + 10, mark(2))], NOW)
        await store.erase(who, NOW)
        applied = await store.apply([(tablet, [Append(event(1, NOW + 5)), Append(event(2, NOW + 15))])], NOW)
        return applied[0].results, applied[0].erased, await seen(store, other)

    assert run(story) == (("erased", "applied"), False, [2])


class Stopped(Exception):
    """What a crash looks like from inside."""


class Stopping:
    """An `IdentityStore` that stops for good at the n-th replacement."""

    def __init__(self, store: IdentityStore, after: int) -> None:
        self._store = store
        self._left = after
        self.load, self.note, self.done, self.noted = store.load, store.note, store.done, store.noted

    async def replace(self, seen, filed):
        if not self._left:
            raise Stopped
        self._left -= 1
        return await self._store.replace(seen, filed)


@pytest.mark.parametrize("after", range(4))
def test_what_a_crash_cut_short_is_finished_from_the_journal(run, who, tablet, after):
    old, other = who + "-old", who + "-2"

    async def begun(work: Awaitable[Any]) -> None:
        try:
            await work
        except Stopped:
            return

    async def story(store, identities, inner):
        await store.apply([(old, [Append(event(1))]), (who, [Append(event(2))]), (tablet, [Append(event(3)), Append(event(4, NOW + 20))])], NOW)
        await begun(Identities(Stopping(inner, after)).link([Link(who, tablet, NOW + 5, mark(7))], NOW))
        await begun(Identities(Stopping(inner, after)).link([Link(other, tablet, NOW + 10, mark(8))], NOW))
        await begun(Identities(Stopping(inner, after)).link([Link(who, old, NOW + 9, mark(9), merge=True)], NOW))
        await identities.link([Link(who, tablet, NOW + 5, mark(7)), Link(other, tablet, NOW + 10, mark(8)), Link(who, old, NOW + 9, mark(9), merge=True)], NOW)
        await begun(Identities(Stopping(inner, after)).unmerge(who, old, NOW + 10))
        await identities.resume(NOW + 60_000)
        return await seen(store, who), await seen(store, old), await seen(store, other), await identities.resume(NOW + 60_000)

    assert run(story) == ([2, 3], [1], [4], 0)


def test_readers_see_two_people_or_one_and_never_a_part(run, who):
    old = who + "-old"
    sizes: set[int] = set()

    async def story(store, identities, _):
        await store.apply([(old, [Append(event(i)) for i in range(900)]), (who, [Append(event(1_000))])], NOW)
        merging = asyncio.create_task(identities.link([Link(who, old, NOW, mark(9), merge=True)], NOW))
        while not merging.done():
            sizes.add(len((await store.read(who)).history))
            sizes.add(len((await store.read(old)).history))
        return len((await store.read(old)).history)

    assert run(story) == 901
    assert sizes <= {1, 900, 901}


def test_writers_and_merges_at_once_lose_nothing(run, who, tablet):
    old = who + "-old"

    async def story(store, identities, _):
        writes = [store.apply([(key, [Append(event(100 * k + i))])], NOW) for k, key in enumerate((who, old, tablet)) for i in range(60)]
        links = [
            identities.link([Link(old, tablet, NOW, mark(1))], NOW), identities.link([Link(who, old, NOW, mark(2), merge=True)], NOW),
            identities.link([Link(old, who, NOW + 1, mark(3), merge=True)], NOW),
        ]
        await asyncio.gather(*writes[:90], *links, *writes[90:])
        return {(await store.read(key)).key for key in (who, old, tablet)}, len((await store.read(tablet)).history)

    assert run(story) == ({who}, 180)
