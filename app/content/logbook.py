"""A decision written down for the log: everything that it was made of, and nobody's name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from app.content.choosing import Verdict
from app.content.question import Answer
from app.content.snapshot import Snapshot, plain
from app.domain.decision import Choice, decode_record, items_sent, offers_sent
from app.domain.event import PERSONAL, Event, Heard
from app.domain.logged import DECISION, FOLLOWED, OUTCOME, VERSION, Fate, Given, Logged, Outcome, frame
from app.domain.request import Request
from app.domain.trace import changed
from app.errors import ModelUnavailable
from app.ports import DecisionLog
from app.security.pseudonyms import Pseudonyms

_VALUES = ("total", "revenue", "value")


class Logbook:
    """Never raises at who decides, and never makes them wait."""

    def __init__(self, log: DecisionLog, pseudonyms: Pseudonyms) -> None:
        self._log = log
        self._pseudonyms = pseudonyms

    def note(self, snapshot: Snapshot, answer: Answer, seconds: float) -> None:
        """A decision was recorded, in the place of what `answer.profile` says."""
        record = logged(snapshot, answer, self._pseudonyms, int(seconds * 1e6))
        if snapshot.shadows and (asked := shadows_of(snapshot, answer.request, record.id)):
            asyncio.get_running_loop().call_soon(self._beside, snapshot, answer.request, record, asked)
            return
        self._log.put(frame(DECISION, record), answer.request.history.names)

    def _beside(self, snapshot: Snapshot, r: Request, record: Logged, asked: Sequence[tuple[str, str]]) -> None:
        """Score what is asked beside, once the answer is on its way, and write all of it down."""
        for model, shadow in asked:
            with suppress(ModelUnavailable):  # it is not what decides
                found = snapshot.runtime.get(shadow)
                if found is not None:
                    record.shadow[f"{model}/{shadow}"] = found.score(snapshot.row(shadow)(r))
        self._log.put(frame(DECISION, record), r.history.names)

    def outcomes(self, heard: Iterable[Heard]) -> None:
        """These events were applied."""
        for each in heard:
            if each.event.name in FOLLOWED:
                self._log.put(frame(OUTCOME, self._outcome(each.who.key, each.event)))

    def _outcome(self, key: str, event: Event) -> Outcome:
        send = event.properties.get("send")
        id = self._pseudonyms.decision(key, send) if isinstance(send, str) and send else b""
        value = next((found for name in _VALUES if isinstance(found := event.properties.get(name), int | float)), 0.0)
        return Outcome(VERSION, id, self._pseudonyms.who(key), event.at, event.name, float(value))


def shadows_of(snapshot: Snapshot, r: Request, id: bytes) -> list[tuple[str, str]]:
    """(model, what is asked beside it) of the models whose scores were looked at, where this decision is of the share. Which decisions
    are is told by their ids, and so the same for every server."""
    drawn = int.from_bytes(id[:4], "big") / 2**32
    return [(model, shadow.model) for model, shadow in snapshot.shadows if drawn < shadow.share and ("score", model) in r.memo]


def logged(snapshot: Snapshot, answer: Answer, pseudonyms: Pseudonyms, micros: int) -> Logged:
    """The placements that were judged now, not those that were recorded before."""
    decision, r = answer.decision, answer.request
    key, send = answer.profile.key or "", decision.send or ""
    return written(
        snapshot, r, answer.verdicts, decision.choices, id=pseudonyms.decision(key, send), who=pseudonyms.who(key), send=send,
        mail=decision.mail, given=given_of(snapshot, r, answer.profile.record), degraded=list(decision.degraded), micros=micros,
    )


def written(
    snapshot: Snapshot, r: Request, verdicts: Mapping[str, Verdict], choices: Mapping[str, Choice], *, id: bytes, who: bytes, send: str,
    mail: str | None, given: Given, degraded: list[str], micros: int,
) -> Logged:
    """Nothing in it depends on the order of a set: another process writes the same."""
    fates = {placement: fate_of(verdict, choices[placement]) for placement, verdict in verdicts.items()}
    features = {id: plain(r.features[id]) for id in sorted(r.features)}
    return Logged(VERSION, id, who, r.now, send, mail, snapshot.version, fates, features, given, degraded, micros, {})


def fate_of(verdict: Verdict, choice: Choice) -> Fate:
    judged = changed(verdict.codes, verdict.filed) if verdict.codes is not None else b""
    return Fate(
        judged, verdict.chosen, sorted(verdict.later.items(), key=_limited_first), sorted(verdict.scores.items()),
        choice.offer, choice.block, choice.reason, list(choice.priced), dict(choice.variants), choice.holdout,
        1.0 if choice.drawn is None else choice.drawn.propensity, choice.drawn,
    )


def _limited_first(later: tuple[int, str]) -> tuple[int, int]:
    """What caps and stocks refuse is found in no order of its own; the rest stays in the order in which it was tried."""
    number, why = later
    return (0, number) if why in ("caps", "stock") else (1, 0)


def given_of(snapshot: Snapshot, r: Request, before: bytes | None) -> Given:
    """What of a person and a request the rules could look at, without what is personal."""
    history, tail = r.history.stored()
    scores = {id: r.memo["score", id] for id in snapshot.definitions.models if ("score", id) in r.memo}
    given = Given(
        history, tail, shareable(r.traits), dict(r.profile.purposes), dict(r.context), scores, dict(sorted(r.variants.items())), r.profile.known,
    )
    if r.profile.sends:
        given.shown = [(send, *_shown(record)) for send, record in sorted(r.profile.sends.items())]
    if r.refused is not None:
        given.refused = sorted(r.refused)
    if before:
        choices = decode_record(before).choices.values()
        given.before = {choice.placement: choice.offer for choice in choices}
        given.items = [id for choice in choices for id, _ in choice.priced]
        given.exposed = {experiment: variant for choice in choices for experiment, variant in choice.variants.items()}
    return given


def _shown(record: bytes) -> tuple[int, dict[str, str | None], list[str]]:
    at, items = items_sent(record)
    return at, dict(offers_sent(record)[1]), sorted(items)


def shareable(traits: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in traits.items() if name.lower() not in PERSONAL}
