"""The tests that users write beside their rules, run through the code that serves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from app.catalogue.items import parse_item
from app.catalogue.replica import Replica
from app.content.arbitrating import arbitrate
from app.content.choosing import Taken, Verdict, choose
from app.content.drawing import DRAWN
from app.content.rehearsal import fired
from app.content.snapshot import Snapshot
from app.content.values import duration, instant
from app.domain.decision import Choice, encode_record
from app.domain.definitions import Case
from app.domain.event import ID_BYTES, Event, Heard, Identity, event_name
from app.domain.dictionary import Dictionary
from app.domain.history import History
from app.domain.profile import Profile
from app.domain.request import Request
from app.errors import Problem, RequestInvalid
from app.formats.segment import LATEST, MAX_PAYLOAD, NotHeard


def run_cases(snapshot: Snapshot, now: int) -> list[Problem]:
    """What each test expects and does not get."""
    return [problem for case in snapshot.definitions.cases for problem in _run(snapshot, case, now)]


def _run(snapshot: Snapshot, case: Case, now: int) -> list[Problem]:
    at, given = now if case.at is None else case.at, case.given
    try:
        r = _request(snapshot, given, at)
        catalogue = _catalogue(given.get("items") or [])
    except ValueError as error:
        return [_problem(case, str(error))]
    taken, decided = Taken(), dict[str, tuple[Choice, Verdict]]()
    placements = snapshot.definitions.mails[case.mail].placements if case.mail else ()
    if case.mail in snapshot.arbitrated:
        decided = arbitrate(snapshot, r, case.mail, placements, catalogue, taken, lambda id: None)
    for placement in (*placements, *case.expect):
        if placement not in decided:
            decided[placement] = choose(snapshot, r, placement, catalogue, taken, None, reasons=True)
    found = _undeclared(snapshot, case)
    for placement, expected in case.expect.items():
        wanted: dict[str, Any] = expected or {}
        choice, verdict = decided[placement]
        got = {
            "variants": snapshot.trials.exposed(r, placement), "offer": choice.offer, "block": choice.block, "reason": choice.reason, "items": [item.id for item in choice.items],
            "removed": {each.offer: each.by for each in verdict.candidates() if each.outcome == "removed"},
        }
        found += [_problem(case, f"{placement}.{key}: expected {want!r}, got {got[key]!r}")
                  for key, want in wanted.items() if not _agrees(got[key], want)]
    gone = fired(snapshot, _profile(snapshot, given, at), at) if case.triggers else set[str]()
    return found + [_problem(case, f"triggers.{id}: expected {wanted}, and it {'fired' if id in gone else 'did not fire'}")
                    for id, wanted in case.triggers.items() if (id in gone) != (wanted == "fired")]


def _undeclared(snapshot: Snapshot, case: Case) -> list[Problem]:
    """Events of a test that `events:` would refuse."""
    found: list[Problem] = []
    for i, row in enumerate(case.given.get("events") or []):
        name = event_name(row["event"])
        try:
            snapshot.event_rules.taken(Heard("track", Identity("user_id", "test"), Event(name, 0, bytes(ID_BYTES), row.get("properties") or {})))
        except NotHeard as refusal:
            found.append(_problem(case, f"given.events[{i}]: {name} would be refused: {refusal.detail}"))
    return found


def _profile(snapshot: Snapshot, given: Mapping[str, Any], at: int) -> Profile:
    if not 0 <= at < LATEST:
        raise ValueError("at: lies outside of 1970 to 2100")
    events = _events(given.get("events") or [], at, ZoneInfo(snapshot.definitions.timezone))
    consents: dict[str, str] = given.get("consents") or {}
    granted = {purpose: answer == "granted" for purpose, answer in consents.items()}
    sends = dict(_sends(given.get("sends") or [], at, ZoneInfo(snapshot.definitions.timezone)))
    return Profile("u:test", History.of(events, Dictionary(growing=True)), given.get("profile") or {}, granted, sends=sends, known=True)


def _request(snapshot: Snapshot, given: Mapping[str, Any], at: int) -> Request:
    profile = _profile(snapshot, given, at)
    context, _ = snapshot.coerce(given.get("context") or {})
    r = Request(at, snapshot.consented(profile), context, snapshot.score, snapshot.trials.assign)
    r.variants.update(given.get("variants") or {})
    draws: dict[str, str] = given.get("bandits") or {}
    r.memo.update({(DRAWN, bandit): offer for bandit, offer in draws.items()})
    r.given_scores = given.get("models") or {}
    r.refused = ()
    return r


def _catalogue(rows: Sequence[Mapping[str, Any]]) -> Replica:
    items: dict[str, Any] = {}
    for i, row in enumerate(rows):
        try:
            item = parse_item(row)
        except RequestInvalid as error:
            raise ValueError(f"given.items[{i}]: {error.message}") from error
        if items.setdefault(item["id"], item) is not item:
            raise ValueError(f"given.items[{i}]: a second {item['id']!r}")
    catalogue = Replica()
    catalogue.apply(0, items)
    return catalogue


def _agrees(got: object, want: Any) -> bool:
    """A mapping agrees where it holds what is expected, whatever else there is."""
    return want.items() <= got.items() if isinstance(want, dict) and isinstance(got, dict) else got == want


def _sends(rows: Sequence[Mapping[str, Any]], at: int, timezone: ZoneInfo) -> Iterator[tuple[str, bytes]]:
    """Recorded decisions of before."""
    for i, row in enumerate(rows):
        choices = {placement: Choice(placement, offer, "", "eligible") for placement, offer in row["shows"].items()}
        yield row.get("send") or f"send {i}", encode_record(_when(row, at, timezone, f"given.sends[{i}]"), None, "", choices)


def _when(row: Mapping[str, Any], at: int, timezone: ZoneInfo, where: str) -> int:
    ago = duration(row.get("ago"))
    when = instant(row.get("at"), timezone) if ago is None else at - ago
    assert when is not None, "the reader has checked that there is one"
    if not 0 <= when < LATEST:
        raise ValueError(f"{where}: lies outside of 1970 to 2100")
    return when


def _events(rows: Sequence[Mapping[str, Any]], at: int, timezone: ZoneInfo) -> Iterator[Event]:
    for i, row in enumerate(rows):
        when = _when(row, at, timezone, f"given.events[{i}]")
        given: dict[str, Any] = row.get("properties") or {}
        properties = {name: value for name, value in given.items() if value is not None}
        if len(json.dumps(properties)) > MAX_PAYLOAD:
            raise ValueError(f"given.events[{i}]: has more than {MAX_PAYLOAD:,} bytes of properties")
        yield Event(event_name(row["event"]), when, i.to_bytes(ID_BYTES, "big"), properties)


def _problem(case: Case, message: str) -> Problem:
    return Problem(case.place.file, case.place.line, "tests", f"{case.name!r}: {message}")
