"""Decisions as the JSON of the HTTP contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.content.snapshot import Snapshot, iso, plain
from app.content.windows import edges
from app.decide import Answer
from app.domain.decision import Candidate, Choice, Decision
from app.domain.request import Request
from app.errors import Degraded


def decision_json(answer: Answer, placements: Iterable[str], *, explain: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The body of `POST /v1/decisions`, for the placements that were asked for."""
    decision = answer.decision
    body: dict[str, Any] = {
        "decision_id": decision.id, "profile": decision.profile, "send": decision.send,
        "decided_at": iso(decision.decided_at), "content_version": decision.content_version,
        "degraded": list(dict.fromkeys(decision.degraded)),
        "placements": {id: choice_json(decision.choices[id]) for id in placements},
    }
    if explain is not None:
        body["explain"] = explain
    return body


def refuse_degraded(decision: Decision) -> None:
    """`Degraded`, for a placement that would rather fail: unless it is recorded, or asking again would mend nothing."""
    if not decision.recorded and (why := [reason for reason in decision.degraded if reason != "profile"]):
        raise Degraded(f"degraded: {', '.join(why)}; ask again")


def placement_json(decision: Decision, choice: Choice) -> dict[str, Any]:
    """The body of `GET /v1/placements/{placement}.json`: the placement's object, flat."""
    return {
        "decision_id": decision.id, "profile": decision.profile, "send": decision.send, "placement": choice.placement,
        "decided_at": iso(decision.decided_at), "content_version": decision.content_version,
        "degraded": list(dict.fromkeys(decision.degraded)), **choice_json(choice),
    }


def choice_json(choice: Choice) -> dict[str, Any]:
    body: dict[str, Any] = {
        "offer": choice.offer, "block": choice.block, "variant": {}, "reason": choice.reason,
        "vars": {name: plain(value) for name, value in choice.vars.items()},
        "items": [item.fields for item in choice.items],
    }
    if choice.content is not None:
        body["content"] = choice.content
    return body


def explain_json(snapshot: Snapshot, answer: Answer, placements: Iterable[str]) -> dict[str, Any]:
    """Every candidate of each placement with what became of it, and every feature that the placements refer to."""
    placements = tuple(placements)
    judged = {id: answer.verdicts[id].candidates() for id in placements if id in answer.verdicts}
    body: dict[str, Any] = {
        "placements": {id: [candidate_json(each) for each in candidates] for id, candidates in judged.items()},
        "features": features_json(snapshot, answer.request, placements),
        "segments": segments_of(snapshot, answer.request),
    }
    if answer.ignored:
        body["ignored_context"] = answer.ignored
    return body


def candidate_json(candidate: Candidate) -> dict[str, Any]:
    body: dict[str, Any] = {"offer": candidate.offer, "outcome": candidate.outcome}
    if candidate.by:
        body |= {"by": candidate.by, "at": candidate.at}
    if candidate.score is not None:
        body["score"] = candidate.score
    return body


def features_json(snapshot: Snapshot, r: Request, placements: tuple[str, ...]) -> dict[str, Any]:
    """Values as of the request; one whose window reaches into what was trimmed says `truncated`."""
    trimmed = r.history.trimmed()
    found: dict[str, Any] = {}
    for id in snapshot.features_of(placements):
        feature = snapshot.definitions.features[id]
        value = plain(snapshot.program.features[id](r))
        row: dict[str, Any] = {"value": None} if value is None else {"value": value, "as_of": iso(r.now)}
        number = r.history.names.types.get(feature.event)
        gone = trimmed.get(min(number, 255)) if number is not None else None
        if gone is not None and gone.watermark > edges(feature.window, snapshot.program.timezone)(r)[0]:
            row["status"] = "truncated"
        found[id] = row
    return found


def segments_of(snapshot: Snapshot, r: Request) -> list[str]:
    """The segments that the person is in at the instant of the request."""
    return [id for id, holds in snapshot.program.segments.items() if holds(r)]
