"""The tests that users write beside their rules, run through the code that serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from app.catalogue.replica import Replica
from app.content.choosing import Taken, choose
from app.content.snapshot import Snapshot
from app.content.values import duration, instant
from app.domain.definitions import Case
from app.domain.event import Event, event_name
from app.domain.history import Dictionary, History
from app.domain.profile import Profile
from app.domain.request import Request
from app.errors import Problem


def run_cases(snapshot: Snapshot, now: int) -> list[Problem]:
    """What each test expects and does not get."""
    return [problem for case in snapshot.definitions.cases for problem in _run(snapshot, case, now)]


def _run(snapshot: Snapshot, case: Case, now: int) -> list[Problem]:
    at = now if case.at is None else case.at
    given = case.given
    try:
        history = History.of(_events(given.get("events") or [], at, ZoneInfo(snapshot.definitions.timezone)), Dictionary(growing=True))
    except ValueError as error:
        return [_problem(case, str(error))]
    consents = {purpose: status == "granted" for purpose, status in (given.get("consents") or {}).items()}
    profile = Profile("u:test", history, given.get("profile") or {}, consents, known=True)
    context, _ = snapshot.coerce(given.get("context") or {})
    r = Request(at, profile, context, snapshot.score)
    r.given_scores = given.get("models") or {}
    catalogue, taken, found = Replica(), Taken(), []
    catalogue.apply(0, {item["id"]: item for item in given.get("items") or [] if isinstance(item, dict) and "id" in item})
    for placement, expected in case.expect.items():
        choice, verdict = choose(snapshot, r, placement, catalogue, taken, None)
        got = {
            "offer": choice.offer, "block": choice.block, "reason": choice.reason, "items": [item.id for item in choice.items],
            "removed": {each.offer: each.by for each in verdict.candidates() if each.outcome == "removed"},
        }
        found += [_problem(case, f"{placement}.{key}: expected {want!r}, got {got[key]!r}")
                  for key, want in (expected or {}).items() if not _agrees(got[key], want)]
    return found


def _agrees(got: Any, want: Any) -> bool:
    if isinstance(want, Mapping):
        return isinstance(got, Mapping) and all(key in got and got[key] == value for key, value in want.items())
    return got == want


def _events(rows: list[Any], at: int, timezone: ZoneInfo) -> list[Event]:
    found = []
    for i, row in enumerate(rows):
        if not isinstance(row, dict) or "event" not in row:
            raise ValueError(f"given.events[{i}]: needs event, and ago or at")
        when = at - duration(row["ago"]) if duration(row.get("ago")) is not None else instant(row.get("at"), timezone)  # pyright: ignore[reportOperatorIssue]
        if when is None:
            raise ValueError(f"given.events[{i}]: needs ago: 2h or at: 2026-10-01T09:00:00Z")
        found.append(Event(event_name(str(row["event"])), int(when), i.to_bytes(8, "big"), row.get("properties") or {}))
    return found


def _problem(case: Case, message: str) -> Problem:
    return Problem(case.place.file, case.place.line, "tests", f"{case.name!r}: {message}")
