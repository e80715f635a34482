"""Why a decision fell as it did, told for people: reasons, what removed each candidate, features with their ages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from app.content.features import compile_feature
from app.content.filing import flatten
from app.content.question import Answer
from app.content.snapshot import Snapshot, iso
from app.domain import conditions as c
from app.domain.decision import Candidate
from app.domain.definitions import GROUPS, Feature, Offer
from app.domain.request import Request
from app.content.words import condition_words, feature_words, happened, held_words, missing_words, value_words

_OWN = frozenset({"identify", "group", "alias"})
"""Events that say who somebody is, not what they did."""

MAX_TOLD = 100
"""Candidates of a placement that are told in words: each asks for conditions to be compiled, and nobody reads more."""

_ORDER = {"chosen": 0, "outranked": 1, "removed": 2}

_LATER = {
    "items": "too few items are left to show", "duplicate": "shown in another placement of this mail", "render": "its block failed to render",
    "stock": "out of stock", "caps": "shown often enough", "policy": "left out by the policy that applied", "not_again": "shown in one of the last mails", "pin": "another offer is pinned here",
    "quota": "enough of its category in this mail", "share": "another category has to be in this mail", "diversity": "too much like the rest of this mail",
    "arbitration": "another choice makes the mail better as a whole",
}


class Why:
    """Explains with the rules of one snapshot; what it compiles is kept."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._conditions: dict[c.Condition, Callable[[Request], bool]] = {}
        self._newest: dict[str, Callable[[Request], Any] | None] = {}

    def explain(self, answer: Answer, placements: Iterable[str]) -> dict[str, Any]:
        """Per placement the reasons of what is shown and the candidates in words; the features' and models' figures."""
        placements, r = tuple(placements), answer.request
        return {
            "placements": {id: self._placement(answer, id) for id in placements},
            "features": {id: self.feature(r, id) for id in self.snapshot.features_of(placements)},
            "models": [self._model(r, id) for id, card in self.snapshot.definitions.models.items() if not card.per_item],
        }

    def _placement(self, answer: Answer, placement: str) -> dict[str, Any]:
        verdict, choice = answer.verdicts.get(placement), answer.decision.choices[placement]
        return self.placement(answer.request, verdict.candidates() if verdict is not None else (), choice.offer)

    def placement(self, r: Request, candidates: Iterable[Candidate], shown: str | None) -> dict[str, Any]:
        """Why this offer is shown (None: a fallback), and what became of the others."""
        judged = sorted(candidates, key=lambda each: _ORDER[each.outcome])
        told = judged[:MAX_TOLD]
        offers = self.snapshot.definitions.offers
        winner = offers[shown] if shown is not None else None
        near = max(told, key=lambda each: self._progress(r, each), default=None) if winner is None else None
        return {
            "reasons": self._reasons(r, winner) if winner is not None else [],
            "closest": None if near is None or not self._progress(r, near) else {"offer": near.offer, "by": near.by, "text": self._fate(r, near, winner)},
            "candidates": [
                {**candidate_json(each), "priority": offers[each.offer].priority, "text": self._fate(r, each, winner)} for each in told
            ],
            "more": len(judged) - len(told),
        }

    def _reasons(self, r: Request, offer: Offer) -> list[str]:
        """What made the offer possible for this person; what holds of everybody is left out."""
        segments = self.snapshot.definitions.segments
        leaves = [self._holding(r, child) for group in (offer.eligibility, offer.suitability) for child in flatten(group)]
        return [held_words(leaf, self._value(r), segments) for leaf in leaves]

    def _fate(self, r: Request, each: Candidate, winner: Offer | None) -> str:
        offer = self.snapshot.definitions.offers[each.offer]
        if each.outcome == "chosen":
            return "shown"
        if each.outcome == "outranked":
            return self._outranked(offer, winner)
        if each.by == "valid":
            return f"valid from {value_words(offer.valid_from)} to {value_words(offer.valid_to)}"
        condition = getattr(offer, each.by) if each.by in GROUPS else None
        if condition is None:
            return _LATER.get(each.by, each.by)
        if each.by == "suppress":
            return held_words(self._holding(r, condition), self._value(r), self.snapshot.definitions.segments)
        return missing_words(self._failing(r, condition), self._value(r), r.consents)

    def leaf(self, r: Request, each: Candidate) -> c.Condition | None:
        """The part of the rules that removed an offer; None where it was something else than a condition."""
        condition = getattr(self.snapshot.definitions.offers[each.offer], each.by) if each.by in GROUPS else None
        if condition is None:
            return None
        return self._holding(r, condition) if each.by == "suppress" else self._failing(r, condition)

    def _outranked(self, offer: Offer, winner: Offer | None) -> str:
        if winner is None:
            return "eligible"
        if winner.priority > offer.priority:
            return f"eligible, but its priority {value_words(offer.priority)} is below {value_words(winner.priority)}"
        return "eligible, but ranked below"

    def _progress(self, r: Request, each: Candidate) -> float:
        """How far an offer came: the groups that it passed, and the share of the failing one that held."""
        if each.by not in GROUPS:
            return len(GROUPS) if each.by in _LATER else 0.0
        condition = getattr(self.snapshot.definitions.offers[each.offer], each.by)
        children = list(flatten(condition))
        held = sum(self._holds(r, child) for child in children) / (len(children) + 1)
        return GROUPS.index(each.by) + (0.0 if each.by == "suppress" else held)

    # -- which leaf ------------------------------------------------------------------------------------------------

    def _failing(self, r: Request, condition: c.Condition) -> c.Condition:
        """The first part that does not hold."""
        if isinstance(condition, c.All):
            return next((self._failing(r, child) for child in condition.children if not self._holds(r, child)), condition)
        return condition

    def _holding(self, r: Request, condition: c.Condition) -> c.Condition:
        """The first alternative that holds."""
        if isinstance(condition, c.Any):
            return next((self._holding(r, child) for child in condition.children if self._holds(r, child)), condition)
        return condition

    def _holds(self, r: Request, condition: c.Condition) -> bool:
        test = self._conditions.get(condition)
        if test is None:
            test = self._conditions[condition] = self.snapshot.program.condition(condition)
        return test(r)

    def _value(self, r: Request) -> Callable[[c.Ref], Any]:
        return lambda ref: self.snapshot.program.writer.resolver(ref)(r)

    # -- figures ---------------------------------------------------------------------------------------------------

    def feature(self, r: Request, id: str) -> dict[str, Any]:
        """What a feature is, and when the latest event happened that it looks at."""
        feature = self.snapshot.definitions.features[id]
        at = self.newest(r, id)
        return {"text": feature_words(feature), "newest": iso(at) if at is not None else None}

    def newest(self, r: Request, id: str) -> int | None:
        """When the latest event happened that the feature looks at."""
        if id not in self._newest:
            self._newest[id] = self._newest_of(self.snapshot.definitions.features[id])
        newest = self._newest[id]
        return newest(r) if newest is not None else None

    def _newest_of(self, feature: Feature) -> Callable[[Request], Any] | None:
        """When the latest event happened that the feature looks at."""
        if feature.kind == "expr":
            return None
        return compile_feature(replace(feature, kind="last_at", path=()), self.snapshot.program.writer)

    def _model(self, r: Request, id: str) -> dict[str, Any]:
        card = self.snapshot.definitions.models[id]
        low, high = card.output_range or (0.0, 1.0)
        return {"id": id, "text": card.description, "score": self.snapshot.score(r, id), "from": low, "to": high}


def candidate_json(candidate: Candidate) -> dict[str, Any]:
    """A candidate as every answer tells it."""
    body: dict[str, Any] = {"offer": candidate.offer, "outcome": candidate.outcome}
    if candidate.by:
        body |= {"by": candidate.by, "at": candidate.at}
    if candidate.score is not None:
        body["score"] = candidate.score
    return body


def lately(r: Request, name_of: Callable[[str], str], limit: int = 8) -> list[dict[str, Any]]:
    """The latest things that somebody did before the instant of the request, newest first."""
    history = r.history
    found: list[dict[str, Any]] = []
    for i in range(r.count - 1, -1, -1):
        event = history.names.type_names.get(history.number(i), "")
        if event and event not in _OWN:
            properties = history.properties(i)
            found.append({"event": event, "at": iso(history.ts[i]), "text": happened(event, properties, name_of)})
            if len(found) == limit:
                break
    return found


def segments_in_words(snapshot: Snapshot) -> dict[str, str]:
    return {id: segment.description or condition_words(segment.condition) for id, segment in snapshot.definitions.segments.items()}


__all__: Sequence[str] = ("Why", "candidate_json", "lately", "segments_in_words")
