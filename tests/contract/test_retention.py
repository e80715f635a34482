"""Who gave no sign for so long is gone; everybody else stays."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.redis_consents import RedisConsents
from app.adapters.redis_dead_letters import STREAM
from app.adapters.redis_identities import RedisIdentities
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_people import RedisPeople
from app.adapters.redis_retention import PLACE, TURN, RedisRetention
from app.adapters.redis_store import RedisStore
from app.aging import Aging
from app.domain.change import Append, Change, Grant, Merge
from app.domain.claims import Link as Claimed
from app.domain.consent import Answer
from app.domain.event import ID_BYTES, Event
from app.domain.retention import USUAL_RETENTION, Retention
from app.identities import Identities
from tests.contract.stores import over

DAY = 86_400_000
NOW = 1_760_000_000_000
YEAR = Retention(people=365 * DAY)


def on_redis(socket: str, story: Callable[[Link, RedisStore], Awaitable[Any]]) -> Any:
    return on(f"unix://{socket}", story)


def on(url: str, story: Callable[[Link, RedisStore], Awaitable[Any]]) -> Any:
    return over(url, lambda link: story(link, RedisStore(link, Names(link))))


@pytest.fixture
def who() -> str:
    return "u:" + uuid.uuid4().hex


def event(i: int, days_ago: float) -> Append:
    return Append(Event("product_viewed", NOW - int(days_ago * DAY), i.to_bytes(ID_BYTES, "big"), {"n": i}))


async def swept(link: Link, policy: Retention = YEAR, **options: Any) -> None:
    """A whole pass, turn by turn, whoever had the last one."""
    await link.call("DEL", PLACE)
    while await link.call("GET", PLACE) != b"done":
        await link.call("DEL", TURN)
        await RedisRetention(link, **options).turn(policy, NOW)


def kept(socket: str, who: str, changes: list[Change]) -> bool:
    async def story(link: Link, store: RedisStore) -> bool:
        await store.apply([(who, changes)], NOW)
        await swept(link)
        return (await store.read(who)).known

    return on_redis(socket, story)


@pytest.mark.parametrize(("changes", "stays"), [
    ([event(1, 400)], False), ([event(1, 364)], True), ([event(1, 400), event(2, 10)], True), ([event(1, 365)], False),
    ([Merge({"city": "Bonn"}, NOW - 400 * DAY, b"000000")], False), ([Merge({"city": "Bonn"}, NOW, b"000000"), event(1, 400)], True),
    ([Grant("news", True, NOW - 10 * DAY), event(1, 400)], True), ([event(i, 500 - i) for i in range(1, 60)], False), ([event(i, 400 - i) for i in range(1, 60)], True),
])
def test_people_stay_for_a_year_after_their_last_sign(redis_socket, who, changes, stays):
    assert kept(redis_socket, who, changes) is stays


def test_a_sign_in_the_tail_of_a_long_history_counts(redis_socket, who):
    async def story(link, store):
        await store.apply([(who, [event(i, 500) for i in range(1, 200)])], NOW)
        await store.apply([(who, [event(999, 10)])], NOW)
        await swept(link)
        return (await store.read(who)).known, await link.call("EXISTS", "t:{" + who + "}")

    assert on_redis(redis_socket, story) == (True, 1)


def test_everything_of_them_goes_and_what_pointed_to_them(redis_socket, who):
    async def story(link, store):
        cookie = who.replace("u:", "a:")
        await store.apply([(cookie, [event(1, 400)])], NOW - 400 * DAY)
        await Identities(RedisIdentities(link, Names(link))).link([Claimed(who, cookie, NOW - 400 * DAY, b"000001")], NOW - 400 * DAY)
        await RedisConsents(link).note(who, [Answer(1, "news", True)])
        await swept(link)
        return list(await link.call("KEYS", "*" + who[2:] + "*"))

    assert on_redis(redis_socket, story) == []


def test_an_erased_person_s_mark_is_left_alone(redis_socket, who):
    async def story(link, store):
        await store.erase(who, NOW - 400 * DAY)
        await swept(link)
        return (await store.read(who)).erased

    assert on_redis(redis_socket, story) is True


def test_without_a_bound_nobody_goes(redis_socket, who):
    async def story(link, store):
        await store.apply([(who, [event(1, 4000)])], NOW)
        await link.call("DEL", TURN)
        await RedisRetention(link).turn(USUAL_RETENTION, NOW)
        return (await store.read(who)).known

    assert on_redis(redis_socket, story) is True


def test_dead_letters_go_by_their_age(redis_socket):
    async def story(link, store):
        await link.call("DEL", STREAM)
        old = await link.call("XADD", STREAM, f"{NOW - 40 * DAY}-1", "body", b"old")
        await link.call("XADD", STREAM, "*", "body", b"new")
        await link.call("DEL", TURN)
        await RedisRetention(link).turn(Retention(dead_letters=30 * DAY), NOW)
        return await link.call("XRANGE", STREAM, old, old)

    assert on_redis(redis_socket, story) == []


def test_one_process_at_a_time_has_the_turn(redis_socket, who):
    async def story(link, store):
        await link.call("DEL", TURN, PLACE)
        first = await RedisRetention(link).turn(YEAR, NOW)
        place = await link.call("GET", PLACE)
        await RedisRetention(link).turn(YEAR, NOW)
        return first >= 0, place == await link.call("GET", PLACE)

    assert on_redis(redis_socket, story) == (True, True)


def test_who_went_is_told_so_that_lists_let_them_go(redis_socket, who):
    told: list[str] = []

    async def hear(keys):
        told.extend(keys)

    async def story(link, store):
        await store.apply([(who, [event(1, 400)])], NOW)
        await link.call("SET", "l:{" + who + "}", b"live")
        await swept(link, told=hear)
        return await link.call("EXISTS", "l:{" + who + "}")

    assert (on_redis(redis_socket, story), who in told) == (0, True)


@pytest.mark.long
def test_on_a_cluster_nobody_is_passed_over(redis_cluster, who):
    async def story(link, store):
        await store.apply([(f"{who}{i}", [event(1, 400)]) for i in range(60)], NOW)
        await swept(link)
        return [profile.known for profile in await store.read_many([(f"{who}{i}", None) for i in range(60)])]

    assert on(redis_cluster.url, story) == [False] * 60


@pytest.mark.long
def test_on_a_cluster_everybody_is_found(redis_cluster, who):
    async def story(link, store):
        await store.apply([(f"{who}{i}", [event(1, 1)]) for i in range(60)], NOW)
        return {profile.key async for profile in RedisPeople(link, store).everybody()}

    assert {f"{who}{i}" for i in range(60)} <= on(redis_cluster.url, story)


def seen(i: int, days_ago: float, name: str = "product_viewed") -> Append:
    return Append(Event(name, NOW - int(days_ago * DAY), i.to_bytes(ID_BYTES, "big"), {"n": i}))


def test_events_of_a_type_go_by_their_age_and_are_still_counted(redis_socket, who):
    cookie = who.replace("u:", "a:")

    async def story(link, store):
        identities = RedisIdentities(link, Names(link))
        await store.apply([(cookie, [seen(1, 100), seen(2, 100, "bought")]), (who, [seen(3, 95), seen(4, 10)])], NOW)
        await Identities(identities).link([Claimed(who, cookie, NOW - 50 * DAY, b"000001")], NOW)
        await swept(link, Retention(events={"product_viewed": 90 * DAY}), aging=Aging(store, identities))
        history = (await store.read(who)).history
        again = await store.apply([(who, [seen(3, 95)])], NOW)
        return [each.properties["n"] for each in history.events()], {history.names.type_names[code]: each.count for code, each in history.trimmed().items()}, again[0].results

    assert on_redis(redis_socket, story) == ([2, 4], {"product_viewed": 2}, ("too_old",))
