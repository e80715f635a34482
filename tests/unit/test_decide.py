"""The request path on stores in memory: what several people decided for together are promised."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import count

import pytest

from app.catalogue.replica import Replica
from app.content.load import load
from app.content.logbook import Logbook
from app.content.question import Answer, Question
from app.content.reenact import Stage
from app.content.snapshot import Snapshot
from app.decide import Decider
from app.domain.caps import Full
from app.domain.change import Merge
from app.domain.decision import Recording
from app.domain.event import ID_BYTES, Identity
from app.domain.history import NO_HISTORY
from app.domain.logged import merged
from app.domain.trace import candidates_of
from app.security.pseudonyms import Pseudonyms
from tests.content.content_shop import write_shop
from tests.fakes import FixedModels, MemoryLog, MemoryStore

NOW = 1_760_000_000_000
RULES = """\
version: 1
features: {spend_90d: {sum: order_completed.total, within: 90d}}
placements:
  hero: {fallback: {block: plain}}
  side: {fallback: {block: plain}}
mails:
  newsletter: {placements: [hero, side]}
offers:
  german: {placements: [hero, side], eligibility: {field: profile.country, eq: DE}, block: card, vars: {headline: Hallo}}
  french: {placements: [hero, side], eligibility: {field: profile.country, eq: FR}, block: card, vars: {headline: Salut}}
"""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot(load(write_shop(tmp_path_factory.mktemp("content"), RULES)), FixedModels({}))


def decider(store: MemoryStore, log: MemoryLog | None = None) -> Decider:
    numbers = count(1)
    return Decider(store, Replica(), lambda key, send: f"{key}/{send}", lambda: f"random{next(numbers)}", Logbook(log, Pseudonyms(b"k" * 32)) if log is not None else None)


def asked(*people: str | None, placements: tuple[str, ...] = ("hero",), send: str | None = "s", **more: object) -> list[Question]:
    return [Question(placements, Identity("user_id", person) if person else None, send, **more) for person in people]  # type: ignore[arg-type]


async def knows(store: MemoryStore, **countries: str) -> None:
    await store.apply([(f"u:{person}", [Merge({"country": country}, NOW, bytes(ID_BYTES))]) for person, country in countries.items()], NOW)


def decided(store: MemoryStore, snapshot: Snapshot, questions: Sequence[Question], *, timeout: float = 1.0, **countries: str) -> list[Answer]:
    async def story() -> list[Answer]:
        await knows(store, **countries)
        return await decider(store).decide_all(snapshot, questions, NOW, timeout)

    return asyncio.run(story())


def offers(answers: Sequence[Answer], placement: str = "hero") -> list[str | None]:
    return [answer.decision.choices[placement].offer for answer in answers]


def test_everybody_gets_their_own_choice_in_the_order_asked(snapshot: Snapshot) -> None:
    answers = decided(MemoryStore(), snapshot, asked("ann", None, "bea", "nobody", "ann"), ann="DE", bea="FR")

    assert offers(answers) == ["german", None, "french", None, "german"]
    assert [answer.decision.profile for answer in answers] == ["ann", "", "bea", "nobody", "ann"]


def test_one_who_is_asked_about_twice_gets_one_decision(snapshot: Snapshot) -> None:
    first, second = decided(MemoryStore(), snapshot, asked("ann", "ann"), ann="DE")

    assert (first.decision.id, first.decision.replayed) == (second.decision.id, False)
    assert (second.decision.recorded, second.decision.replayed) == (True, True)


def test_placements_asked_for_one_after_another_are_one_decision(snapshot: Snapshot) -> None:
    store = MemoryStore()

    log = MemoryLog()

    async def story() -> None:
        await knows(store, ann="DE")
        for placement in ("hero", "side"):
            await decider(store, log).decide_all(snapshot, asked("ann", placements=(placement,), mail="newsletter"), NOW, 1.0)

    asyncio.run(story())
    stage = Stage(snapshot, scored=True)
    whole = [stage.completed(record, NO_HISTORY) for record in log.decisions]
    candidates = {id: list(candidates_of(fate, snapshot.table()[id])) for id, (_, fate) in merged(whole).items()}

    assert {id: [each.outcome for each in rows] for id, rows in candidates.items()} == {
        "hero": ["chosen", "removed"], "side": ["removed", "removed"],
    }
    assert candidates["side"][0].by == "duplicate"
    assert len({record.id for record in log.decisions}) == 1


def test_a_store_that_is_down_leaves_fallbacks_that_say_so(snapshot: Snapshot) -> None:
    store = MemoryStore()
    store.wire.down = True

    answers = asyncio.run(decider(store).decide_all(snapshot, asked("ann", None, "bea"), NOW, 1.0))

    assert offers(answers) == [None, None, None]
    assert [answer.decision.degraded for answer in answers] == [["store"], [], ["store"]]
    assert [answer.decision.recorded for answer in answers] == [False, False, False]


def test_a_store_that_hangs_leaves_fallbacks_at_the_deadline(snapshot: Snapshot) -> None:
    store = MemoryStore()
    store.wire.hung = True

    answers = asyncio.run(decider(store).decide_all(snapshot, asked("ann"), NOW, 0.01))

    assert [answer.decision.degraded for answer in answers] == [["deadline"]]


class Reading(MemoryStore):
    """A store that reads; with a `fault`, it is `down` or `hung` once something is to be recorded."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | Full | None]:
        if self.fault:
            setattr(self.wire, self.fault, True)
        return await super().record(recordings, now)


@pytest.mark.parametrize("fault,reason", [("down", "store"), ("hung", "deadline")])
def test_what_could_not_be_recorded_is_shown_under_an_id_that_nobody_finds(snapshot: Snapshot, fault: str, reason: str) -> None:
    answers = decided(Reading(fault), snapshot, asked("ann", "bea"), timeout=0.05, ann="DE", bea="FR")

    assert offers(answers) == ["german", "french"]
    assert [(answer.decision.id, answer.decision.degraded, answer.decision.recorded) for answer in answers] == [
        ("random1", [reason], False), ("random2", [reason], False),
    ]


def test_what_could_not_be_added_to_a_decision_keeps_its_id(snapshot: Snapshot) -> None:
    store = Reading("")

    async def story() -> Answer:
        await knows(store, ann="DE")
        await decider(store).decide(snapshot, asked("ann")[0], NOW, 1.0)
        store.fault = "down"
        return await decider(store).decide(snapshot, asked("ann", placements=("side",))[0], NOW, 1.0)

    answer = asyncio.run(story())

    assert (answer.decision.id, answer.decision.degraded, answer.decision.recorded) == ("u:ann/s", ["store"], False)


class Contended(MemoryStore):
    """Another call always records first, and is gone when it is looked for."""

    tries = 0

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | Full | None]:
        self.tries += 1
        return [b"" for _ in recordings]


def test_a_decision_that_others_keep_from_being_recorded_is_given_in_the_end(snapshot: Snapshot) -> None:
    store = Contended()

    answers = decided(store, snapshot, asked("ann"), ann="DE")

    assert (offers(answers), answers[0].decision.recorded, store.tries) == (["german"], False, 32)


def test_an_erased_person_s_decision_is_not_recorded_and_its_id_looks_like_any(snapshot: Snapshot) -> None:
    store = MemoryStore()

    async def story() -> tuple[Answer, bytes | None]:
        await store.erase("u:ann", NOW)
        answer = await decider(store).decide(snapshot, asked("ann")[0], NOW, 1.0)
        return answer, await store.decision("u:ann", "s")

    answer, stored = asyncio.run(story())

    assert (answer.decision.id, answer.decision.recorded, stored) == ("u:ann/s", False, None)


def test_an_id_that_cannot_be_used_gets_a_fallback_without_being_looked_up(snapshot: Snapshot) -> None:
    store = MemoryStore()
    store.wire.down = True

    answers = asyncio.run(decider(store).decide_all(snapshot, asked(None, unusable=True), NOW, 1.0))

    assert (offers(answers), answers[0].decision.degraded) == ([None], ["profile"])


def test_a_preview_neither_sees_nor_leaves_a_record(snapshot: Snapshot) -> None:
    store = MemoryStore()

    async def story() -> tuple[Answer, bytes | None]:
        await knows(store, ann="DE")
        answer = await decider(store).decide(snapshot, asked("ann", preview=True)[0], NOW, 1.0)
        return answer, await store.decision("u:ann", "s")

    answer, stored = asyncio.run(story())

    assert (answer.decision.choices["hero"].offer, answer.decision.id, stored) == ("german", "random1", None)


TRIED = RULES + """
  tried: {placements: [side], eligibility: {variant: copy.b}, block: card, vars: {headline: B}}
experiments:
  copy: {placement: side, variants: {a: 0.5, b: 0.5}}
"""
PEOPLE = tuple(f"p{i}" for i in range(40))


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Snapshot]:
    """The content with an experiment, some of its text replaced."""
    return lambda old="", new="": Snapshot(load(write_shop(tmp_path_factory.mktemp("content"), TRIED.replace(old, new) if old else TRIED)), FixedModels({}))


def variants(store: MemoryStore, content: Snapshot, send: str, people: Sequence[str] = PEOPLE) -> dict[str, str | None]:
    answers = asyncio.run(decider(store).decide_all(content, asked(*people, placements=("side",), send=send), NOW, 5.0))
    return {answer.decision.profile: answer.decision.choices["side"].variants.get("copy") for answer in answers}


def known(store: MemoryStore) -> MemoryStore:
    asyncio.run(knows(store, **dict.fromkeys(PEOPLE, "IT")))
    return store


@pytest.mark.parametrize("changed", ["variants: {a: 0.95, b: 0.05}", "coverage: 0.01, variants: {a: 0.5, b: 0.5}", "when: {field: profile.country, eq: AT}, variants: {a: 0.5, b: 0.5}"])
def test_whoever_saw_a_variant_keeps_it_whatever_becomes_of_the_weights(contents, changed):
    store = known(MemoryStore())

    before = variants(store, contents(), "s1")
    after = variants(store, contents("variants: {a: 0.5, b: 0.5}", changed), "s2")

    assert set(before.values()) == {"a", "b"}
    assert after == before


@pytest.mark.parametrize("changed", ["seed: again, variants: {a: 0, b: 1}", "sticky: false, variants: {a: 0, b: 1}", "variants: {c: 0, b: 1}"])
def test_a_new_seed_an_experiment_that_does_not_stick_and_a_variant_that_went_are_drawn_anew(contents, changed):
    store = known(MemoryStore())
    before = variants(store, contents(), "s1")

    after = variants(store, contents("variants: {a: 0.5, b: 0.5}", changed), "s2")

    assert "a" in before.values()
    assert set(after.values()) == {"b"}


def test_of_people_nothing_is_known_of_no_variant_is_kept(contents):
    store = MemoryStore()

    variants(store, contents(), "s1")

    assert asyncio.run(store.read("u:p1")).variants == {}


def test_a_forced_variant_is_not_kept(contents):
    store, content = known(MemoryStore()), contents()

    asyncio.run(decider(store).decide_all(content, asked("p1", placements=("side",), preview=True, variants={"copy": "b"}), NOW, 1.0))

    assert asyncio.run(store.read("u:p1")).variants == {}
