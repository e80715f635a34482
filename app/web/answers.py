"""Decisions as the JSON of the HTTP contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.content.features import truncated
from app.content.question import Answer
from app.content.reader import names_in
from app.content.snapshot import Snapshot, iso, plain
from app.content.why import candidate_json
from app.domain import consent
from app.domain.decision import Choice, Decision
from app.domain.definitions import Feature
from app.domain.request import Request
from app.errors import Degraded

STATUS = {True: "granted", False: "denied"}


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
        "offer": choice.offer, "block": choice.block, "variant": dict(choice.variants), "reason": choice.reason,
        "vars": {name: plain(value) for name, value in choice.vars.items()},
        "items": [item.fields for item in choice.items],
    }
    if choice.holdout:
        body["holdout"] = choice.holdout
    if choice.drawn is not None:
        body["bandit"] = {"id": choice.drawn.bandit, "posterior": choice.drawn.version, "propensity": choice.drawn.propensity}
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


def features_json(snapshot: Snapshot, r: Request, placements: tuple[str, ...]) -> dict[str, Any]:
    """Values as of the request; one whose window reaches into what was trimmed says `truncated`."""
    definitions, program = snapshot.definitions.features, snapshot.program
    wanted = snapshot.features_of(placements)
    values = {id: program.features[id](r) for id in wanted}
    cut = {id for id in wanted if truncated(definitions[id], values[id], r, program.timezone)}
    found: dict[str, Any] = {}
    for id in wanted:
        value = plain(values[id])
        row: dict[str, Any] = {"value": None} if value is None else {"value": value, "as_of": iso(r.now)}
        if cut & parts(definitions, id):
            row["status"] = "truncated"
        found[id] = row
    return found


def parts(definitions: Mapping[str, Feature], id: str) -> set[str]:
    """The feature itself and those that its `expr` is made of, however indirectly."""
    found, todo = {id}, [id]
    while todo:
        expression = definitions[todo.pop()].expression
        named = {ref.path[1] for ref in names_in(expression) if ref.root == "feature"} if expression is not None else set[str]()
        todo += named - found
        found |= named
    return found


def segments_of(snapshot: Snapshot, r: Request) -> list[str]:
    """The segments that the person is in at the instant of the request."""
    return [id for id, holds in snapshot.program.segments.items() if holds(r)]


def answer_json(answer: consent.Answer) -> dict[str, Any]:
    """One answer of a person about a purpose."""
    return {"purpose": answer.purpose, "status": STATUS[answer.granted], "at": iso(answer.at), "source": answer.source, "version": answer.version}
