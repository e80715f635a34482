"""A browser that asks for privacy denies, once; what is agreed to after that stays."""

from __future__ import annotations

import asyncio

import pytest

from app.consents import Consents
from app.domain.change import Grant, Know
from app.domain.consent import BY_GPC, RESTRICTED, Answer
from app.domain.event import Identity
from app.domain.message import Message
from app.errors import NotFound
from app.identities import Identities
from app.ingest import Ingest
from app.intake import Intake
from app.wiring import hashed_id, random_id
from tests.fakes import FrozenClock, MemoryConsents, MemoryDeadLetters, MemoryStore

WHO = "u:ada"
NOW = 1_760_000_000_000


class Told:
    """Consents of two purposes in memory; `ads` is denied by Global Privacy Control."""

    def __init__(self, gpc: tuple[str, ...] = ("ads",)) -> None:
        self.store, self.log = MemoryStore(), MemoryConsents()
        self.consents = Consents(self.store, self.log, lambda: gpc)

    def granted(self) -> dict[str, bool]:
        return dict(asyncio.run(self.store.read(WHO)).consents)

    def answer(self, *answers: Answer) -> None:
        asyncio.run(self.consents.answer(WHO, answers, 100))

    def opt_out(self, at: int) -> None:
        asyncio.run(self.consents.opt_out([WHO, WHO], at))

    def sources(self) -> list[str]:
        return [each.source for each in asyncio.run(self.log.answers([WHO]))]


def test_the_signal_denies_what_was_granted():
    told = Told()
    told.answer(Answer(10, "ads", True, "form"), Answer(10, "news", True, "form"))

    told.opt_out(20)

    assert told.granted() == {"ads": False, "news": True}


def test_the_signal_denies_somebody_who_never_answered():
    told = Told()
    told.answer(Answer(5, "news", True))

    told.opt_out(20)
    told.answer(Answer(10, "ads", True, "a form that is told late"))

    assert told.granted() == {"ads": False, "news": True}


def test_of_somebody_unknown_the_signal_notes_nothing():
    told = Told()

    told.opt_out(20)

    assert asyncio.run(told.store.read(WHO)).known is False


def test_the_signal_is_noted_once_however_often_it_comes():
    told = Told()
    told.answer(Answer(5, "ads", True, "form"))

    told.opt_out(20)
    told.opt_out(30)

    assert told.sources() == ["form", BY_GPC]


def test_what_is_granted_in_spite_of_the_signal_stays():
    told = Told()
    told.answer(Answer(5, "ads", True, "form"))
    told.opt_out(20)
    told.answer(Answer(30, "ads", True, "preference centre"))

    told.opt_out(40)

    assert told.granted() == {"ads": True}


def test_without_a_purpose_that_heeds_it_the_signal_changes_nothing():
    told = Told(gpc=())

    told.answer(Answer(5, "ads", True))
    told.opt_out(20)

    assert told.granted() == {"ads": True}


def test_an_erased_person_answers_nothing():
    told = Told()
    asyncio.run(told.store.apply([(WHO, [Grant("ads", True, 1)])], 1))
    asyncio.run(told.store.erase(WHO, 2))
    told.opt_out(20)

    with pytest.raises(NotFound):
        told.answer(Answer(30, "ads", True))

    assert told.sources() == []


def test_the_history_holds_what_was_answered_under_an_anonymous_id():
    told = Told()
    anonymous = Identity("anonymous_id", "web-1")
    asyncio.run(told.store.apply([(WHO, [Know(anonymous, 1)])], 1))
    asyncio.run(told.log.note(anonymous.key, [Answer(5, "ads", False, BY_GPC)]))

    profile = asyncio.run(told.store.read(WHO))

    assert [each.source for each in asyncio.run(told.consents.history(WHO, profile))] == [BY_GPC]


def test_a_restriction_is_no_purpose():
    told = Told()
    told.answer(Answer(10, RESTRICTED, True), Answer(10, "ads", True))

    profile = asyncio.run(told.store.read(WHO))

    assert (profile.restricted, profile.purposes) == (True, {"ads": True})


def heard(told: Told, *raws: dict[str, object], private: tuple[int, ...] = ()) -> None:
    ingest = Ingest(told.store, Identities(told.store), random_id, hashed_id, opt_out=told.consents.opt_out)
    asyncio.run(ingest.take(list(raws), NOW, private=private))


def test_an_event_that_says_so_denies_for_its_own_person_alone():
    told = Told()
    told.answer(Answer(10, "ads", True, "form"))

    heard(told, {"type": "track", "event": "seen", "userId": "ada", "context": {"gpc": True}}, {"type": "track", "event": "seen", "userId": "bob"})

    assert (told.granted(), dict(asyncio.run(told.store.read("u:bob")).consents)) == ({"ads": False}, {})


@pytest.mark.parametrize(("headers", "granted"), [({"sec-gpc": "1"}, False), ({"sec-gpc": "0"}, True), ({}, True)])
def test_a_message_of_a_stream_says_it_in_a_header(headers, granted):
    told, dead = Told(), MemoryDeadLetters()
    told.answer(Answer(10, "ads", True, "form"))
    ingest = Ingest(told.store, Identities(told.store), random_id, hashed_id, opt_out=told.consents.opt_out)
    intake = Intake(ingest, dead, FrozenClock(NOW), lambda taken: None, source="memory")

    asyncio.run(intake([Message("1", NOW, b'{"type": "track", "event": "seen", "userId": "ada"}', headers)]))

    assert told.granted() == {"ads": granted}
