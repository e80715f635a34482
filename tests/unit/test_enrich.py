"""Enrichment at work: what is learned at once, what third parties are asked, how often, and what of it reaches a person."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.domain.change import Append, Grant, Merge
from app.domain.consent import RESTRICTED
from app.domain.enrichment import Enrichments, Known, Lookup
from app.domain.event import Event, Heard, Identity
from app.enrich import Enricher
from app.errors import LookupFailed
from tests.fakes import FrozenClock, MemoryLookups, MemoryStore

NOW = 1_791_795_600_000  # 2026-10-12T09:00:00Z
AT = "2026-10-12T09:00:00.000Z"
WEATHER = Lookup("weather", "https://weather.example/now?city={profile.city}", "weather.example", {"temp": ("main", "temp")}, fresh=60_000, stale=600_000, per_second=3)
BERLIN = "https://weather.example/now?city=Berlin"
ADDRESS = "203.0.113.7"


class Asked:
    """A third party that answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = {"main": {"temp": 7}}
        self.urls: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.gate: asyncio.Event | None = None

    async def ask(self, url: str, headers: Any, seconds: float) -> Any:
        self.urls.append(url)
        self.headers.append(dict(headers))
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Somewhere:
    source = "test-geo 2026-01-01"

    def place(self, address: str) -> dict[str, Any]:
        return {"city": "Boxford", "lat": 51.75, "lon": -1.25} if address == ADDRESS else {}


class Phones:
    source = "test-ua"

    def device(self, user_agent: str) -> dict[str, str]:
        return {"type": "mobile", "os": "iOS", "browser": "Safari"} if user_agent == "iPhone" else {}


class World:
    """All that an enricher needs, and what it did."""

    def __init__(self, rules: Enrichments, gates: tuple[str, ...] = ()) -> None:
        self.clock, self.monotonic = FrozenClock(NOW), FrozenClock(0)
        self.store, self.cache, self.party = MemoryStore(), MemoryLookups(self.clock), Asked()
        self.counted: Counter[tuple[str, str]] = Counter()
        self.rules, self.gates = rules, gates
        self.enricher = self.another()

    def another(self) -> Enricher:
        """One in another process: it shares store, cache and third party."""
        return Enricher(
            lambda: self.rules, lambda: self.gates, self.store, self.cache, self.party, Somewhere(), Phones(), self.clock,
            lambda: Breaker(lambda: self.monotonic() / 1000, failures=3, retry_seconds=10), lambda id, outcome: self.counted.update([(id, outcome)]),
            {"KEY": "hush"}, lambda text: text.encode()[-6:],
        )

    async def person(self, id: str = "u1", **traits: Any) -> None:
        await self.store.apply([("u:" + id, [Append(heard(id).event), Merge(traits, NOW, b"000000")])], NOW)

    async def follow(self, *ids: str, enricher: Enricher | None = None) -> None:
        one = enricher or self.enricher
        one.follow([heard(id) for id in ids])
        await one.idle()

    async def traits(self, id: str = "u1") -> Any:
        return (await self.store.read("u:" + id)).traits


def heard(id: str = "u1", name: str = "page_viewed", **properties: Any) -> Heard:
    return Heard("track", Identity("user_id", id), Event(name, NOW, b"event1", properties))


def told(rules: Enrichments, story: Callable[[World], Awaitable[Any]], gates: tuple[str, ...] = ()) -> Any:
    async def whole() -> Any:
        world = World(rules, gates)
        found = await story(world)
        await world.enricher.close()
        return found

    return asyncio.run(whole())


# -- at once ------------------------------------------------------------------------------------------------------------

LOCAL = Enrichments({"geo": "ip", "device": "user_agent"})


def test_an_address_and_a_user_agent_become_traits_that_say_where_they_are_from():
    raw = {"context": {"ip": ADDRESS, "userAgent": "iPhone"}}

    async def story(world):
        return await world.enricher.known([raw], [(0, heard(category="shoes"))])

    [(index, found)] = told(LOCAL, story)
    assert (index, found.learned) == (0, {
        "geo": {"city": "Boxford", "lat": 51.75, "lon": -1.25, "_at": AT, "_source": "test-geo 2026-01-01"},
        "device": {"type": "mobile", "os": "iOS", "browser": "Safari", "_at": AT, "_source": "test-ua"},
    })
    assert found.event.properties == {"category": "shoes", "_device": "mobile", "_os": "ios", "_browser": "safari"}


def test_the_address_is_taken_out_of_the_event_and_kept_nowhere():
    raw = {"context": {"ip": ADDRESS}}

    async def story(world):
        return await world.enricher.known([raw], [(0, heard())])

    found = told(LOCAL, story)
    assert ADDRESS not in repr((raw, found))


def test_what_an_event_says_of_its_device_itself_stands():
    async def story(world):
        return await world.enricher.known([{"context": {"userAgent": "iPhone"}}], [(0, heard(_device="tv"))])

    assert told(LOCAL, story)[0][1].event.properties["_device"] == "tv"


@pytest.mark.parametrize("raw", [{}, {"context": None}, {"context": []}, {"context": {"ip": 7, "userAgent": []}}, {"context": {"ip": "10.0.0.1", "userAgent": "x"}}, [], None])
def test_an_event_without_them_stays_as_it_is(raw):
    event = heard()

    async def story(world):
        return await world.enricher.known([raw], [(0, event)])

    assert told(LOCAL, story) == [(0, event)]


def test_without_the_consent_that_gates_it_nothing_is_learned():
    raws = [{"context": {"ip": ADDRESS}}, {"context": {"ip": ADDRESS}}]

    async def story(world):
        await world.store.apply([("u:yes", [Append(heard().event), Grant("ads", True, NOW)])], NOW)
        return await world.enricher.known(raws, [(0, heard("yes")), (1, heard("no"))])

    assert [bool(each.learned) for _, each in told(LOCAL, story, ("ads",))] == [True, False]


# -- a moment later -----------------------------------------------------------------------------------------------------

RULES = Enrichments({}, (WEATHER,))


def test_an_answer_becomes_a_trait_with_its_source_and_its_age():
    async def story(world):
        await world.person(city="Berlin")
        await world.follow("u1")
        return await world.traits(), world.party.urls

    assert told(RULES, story) == ({"city": "Berlin", "weather": {"temp": 7, "_at": AT, "_source": "weather.example"}}, [BERLIN])


@pytest.mark.parametrize("traits", [{}, {"city": None}, {"city": ""}, {"city": ["Berlin"]}, {"city": "x" * 300}, {"city": ".."}, {"city": "a\nb"}])
def test_who_lacks_what_is_asked_with_is_not_asked_about(traits):
    async def story(world):
        await world.person(**traits)
        await world.follow("u1")
        return world.party.urls

    assert told(RULES, story) == []


def test_a_trait_cannot_change_the_shape_of_an_address():
    async def story(world):
        await world.person(city="a/../b?x=1&y=2#z@evil.example")
        await world.follow("u1")
        return world.party.urls

    assert told(RULES, story) == ["https://weather.example/now?city=a%2F..%2Fb%3Fx%3D1%26y%3D2%23z%40evil.example"]


def test_a_hundred_people_of_one_city_are_one_question():
    people = [f"u{number}" for number in range(100)]

    async def story(world):
        await asyncio.gather(*[world.person(id, city="Berlin") for id in people])
        await world.follow(*people)
        return world.party.urls, {(await world.traits(id))["weather"]["temp"] for id in people}

    assert told(RULES, story) == ([BERLIN], {7})


def test_two_processes_ask_once_and_both_have_the_answer():
    async def story(world):
        await asyncio.gather(world.person("u1", city="Berlin"), world.person("u2", city="Berlin"))
        world.party.gate, other = asyncio.Event(), world.another()
        first = asyncio.create_task(world.follow("u1"))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(world.follow("u2", enricher=other))
        await asyncio.sleep(0.02)
        world.party.gate.set()
        await asyncio.gather(first, second)
        return world.party.urls, (await world.traits("u2"))["weather"]["temp"], world.counted["weather", "shared"]

    assert told(RULES, story) == ([BERLIN], 7, 1)


def test_a_fresh_answer_is_not_asked_for_again():
    async def story(world):
        await world.person(city="Berlin")
        await world.follow("u1")
        world.clock.now += 59_999
        await world.follow("u1")
        return len(world.party.urls)

    assert told(RULES, story) == 1


def test_a_stale_answer_serves_while_it_is_asked_for_again():
    async def story(world):
        await world.cache.put("weather", BERLIN, Known({"temp": 1}, NOW - 60_000), 600_000)
        await world.person(city="Berlin")
        world.party.gate = asyncio.Event()
        following = asyncio.create_task(world.follow("u1"))
        await asyncio.sleep(0.02)
        meanwhile = (await world.traits())["weather"]["temp"]
        world.party.gate.set()
        await following
        return meanwhile, (await world.traits())["weather"]["temp"]

    assert told(RULES, story) == (1, 7)


def test_a_stale_answer_stands_where_the_third_party_fails():
    async def story(world):
        await world.cache.put("weather", BERLIN, Known({"temp": 1}, NOW - 60_000), 600_000)
        await world.person(city="Berlin")
        world.party.answer = LookupFailed("answers 500", code="status")
        await world.follow("u1")
        return (await world.traits())["weather"], world.counted

    trait, counted = told(RULES, story)
    assert (trait["temp"], trait["_at"], dict(counted)) == (1, "2026-10-12T08:59:00.000Z", {("weather", "stale"): 1, ("weather", "status"): 1})


def test_an_answer_that_is_too_old_is_not_used():
    async def story(world):
        await world.cache.put("weather", BERLIN, Known({"temp": 1}, NOW - 660_000), 10_000_000)
        await world.person(city="Berlin")
        world.party.answer = LookupFailed("answers 500", code="status")
        await world.follow("u1")
        return await world.traits()

    assert told(RULES, story) == {"city": "Berlin"}


def test_who_moved_gets_the_answer_for_where_they_are_now():
    async def story(world):
        await world.person(city="Berlin")
        await world.follow("u1")
        world.clock.now += 1_000
        world.party.answer = {"main": {"temp": 20}}
        await world.store.apply([("u:u1", [Merge({"city": "Rom"}, world.clock.now, b"111111")])], world.clock.now)
        await world.follow("u1")
        return (await world.traits())["weather"]["temp"]

    assert told(RULES, story) == 20


@pytest.mark.parametrize("answer", [None, {}, {"main": None}, {"main": {"temp": [1]}}, {"main": {"temp": "x" * 501}}, {"main": {"temp": 10**30}}, [1], "text", 7])
def test_an_answer_without_what_is_wanted_takes_an_older_value_away_and_is_remembered(answer):
    async def story(world):
        await world.person(city="Berlin", weather={"temp": 1})
        world.party.answer = answer
        await world.follow("u1")
        await world.follow("u1")
        return await world.traits(), len(world.party.urls), world.counted["weather", "nothing"]

    assert told(RULES, story) == ({"city": "Berlin"}, 1, 1)


def test_a_question_that_failed_is_left_alone_for_a_while_and_the_breaker_opens_after_three():
    cities = ["A", "B", "C", "D"]

    async def story(world):
        world.party.answer = LookupFailed("does not answer in time", code="timeout")
        for id in cities:
            world.clock.now += 1_000
            await world.person(id, city=id)
            await world.follow(id)
        await world.follow("A")
        return len(world.party.urls), world.counted["weather", "timeout"], world.counted["weather", "open"]

    assert told(Enrichments({}, (WEATHER,)), story) == (3, 3, 1)


def test_after_a_while_the_breaker_lets_one_question_through():
    async def story(world):
        world.party.answer = LookupFailed("answers 500", code="status")
        for id in ("A", "B", "C"):
            await world.person(id, city=id)
            await world.follow(id)
        world.monotonic.now, world.party.answer = 11_000, {"main": {"temp": 5}}
        world.clock.now += 11_000
        await world.person("D", city="D")
        await world.follow("D")
        return (await world.traits("D"))["weather"]["temp"]

    assert told(RULES, story) == 5


def test_no_more_is_asked_in_a_second_than_the_budget_allows():
    cities = ["A", "B", "C", "D", "E"]

    async def story(world):
        await asyncio.gather(*[world.person(id, city=id) for id in cities])
        await world.follow(*cities)
        spent = len(world.party.urls)
        world.clock.now += 1_000
        await world.follow(*cities)
        return spent, len(world.party.urls), world.counted["weather", "budget"]

    assert told(RULES, story) == (3, 5, 2)


def test_without_the_consent_that_gates_it_nobody_is_asked_about():
    async def story(world):
        await world.person("u1", city="Berlin")
        await world.follow("u1")
        return world.party.urls

    assert told(RULES, story, ("ads",)) == []


def test_an_event_that_a_look_up_does_not_wait_for_asks_nothing():
    rules = Enrichments({}, (Lookup("weather", WEATHER.url, WEATHER.host, WEATHER.take, events=frozenset({"order_completed"})),))

    async def story(world):
        await world.person(city="Berlin")
        await world.follow("u1")
        return world.party.urls

    assert told(rules, story) == []


def test_a_decision_for_somebody_has_their_value_asked_for_anew():
    async def story(world):
        await world.person(city="Berlin")
        world.enricher.seen("u:u1")
        await world.enricher.idle()
        return (await world.traits())["weather"]["temp"]

    assert told(RULES, story) == 7


def test_a_decision_asks_nothing_that_waits_for_an_event():
    rules = Enrichments({}, (Lookup("weather", WEATHER.url, WEATHER.host, WEATHER.take, events=frozenset({"order_completed"})),))

    async def story(world):
        await world.person(city="Berlin")
        world.enricher.seen("u:u1")
        await world.enricher.idle()
        return world.party.urls

    assert told(rules, story) == []


def test_nobody_is_asked_about_whose_data_are_only_held():
    async def story(world):
        await world.person(city="Berlin")
        await world.store.apply([("u:u1", [Grant(RESTRICTED, True, NOW)])], NOW)
        await world.follow("u1")
        return world.party.urls

    assert told(RULES, story) == []


def test_who_is_erased_leaves_no_answer_in_the_cache():
    async def story(world):
        await world.person(city="Berlin")
        await world.follow("u1")
        await world.enricher.forget("u:u1")
        return await world.cache.get("weather", BERLIN)

    assert told(RULES, story) is None


def test_nobody_is_asked_about_whom_nothing_is_known_or_who_was_erased():
    async def story(world):
        await world.person("gone", city="Berlin")
        await world.store.erase("u:gone", NOW)
        await world.follow("gone", "stranger")
        return world.party.urls

    assert told(RULES, story) == []


def test_a_secret_stands_in_headers_and_a_missing_one_is_named_and_nothing_is_asked():
    rules = [
        Enrichments({}, (Lookup("weather", WEATHER.url, WEATHER.host, WEATHER.take, headers={"authorization": value}),)) for value in ("Bearer {secret.KEY}", "Bearer {secret.NONE}")
    ]

    async def story(world):
        await world.person(city="Berlin")
        await world.follow("u1")
        return world.party.headers, world.counted["weather", "secret"]

    assert [told(each, story) for each in rules] == [([{"authorization": "Bearer hush"}], 0), ([], 1)]


def test_a_failure_is_said_once_and_never_with_whom_it_was_about(caplog):
    async def story(world):
        world.party.answer = LookupFailed("answers 500", code="status")
        for id in ("A", "B"):
            await world.person(id, city="jane@shop.example" + id)
            await world.follow(id)

    with caplog.at_level("WARNING", logger="inlay"):
        told(RULES, story)

    assert [("weather.example answers 500" in record.getMessage(), "jane" in record.getMessage()) for record in caplog.records] == [(True, False)]


def test_a_store_that_is_away_loses_a_look_up_and_nothing_else():
    async def story(world):
        await world.person(city="Berlin")
        world.cache.wire.down = True
        await world.follow("u1")
        return await world.traits()

    assert told(RULES, story) == {"city": "Berlin"}
