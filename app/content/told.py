"""A logged decision told weeks later: every candidate, what removed it with the values of that time, the arithmetic of the ranking.

It is told by the content that made it, from what the log holds; nothing is looked up that could have changed since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from app.content.features import compile_feature
from app.content.ranking import attributes, names
from app.content.reenact import Stage
from app.content.snapshot import Snapshot, iso, plain
from app.content.why import Why, candidate_json
from app.content.words import expression_words
from app.domain import conditions as c
from app.domain.decision import Candidate
from app.domain.definitions import Feature, Offer
from app.domain.history import History
from app.domain.logged import Fate, Logged
from app.domain.request import Request
from app.domain.trace import candidates_of

VALUE = c.Name(c.Ref(("offer", "value")))
Values: TypeAlias = "dict[str, Any]"
MOST = 3
"""Candidates beside the winner that a sentence names."""


class Teller:
    """Tells of the decisions of one version of the content."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._stage = Stage(snapshot, scored=True)
        self.snapshot = self._stage.snapshot
        self._why = Why(self.snapshot)
        self._table = snapshot.table()

    def told(self, record: Logged, history: History) -> dict[str, Any]:
        """`{placements: {id: [candidates]}, features, why: {id: {sentence, candidates}}, ages}` of one record: the first two as every
        answer tells them, then the same in words, with the values of that time."""
        record = self._stage.completed(record, history)
        r = self._stage.request(record, history)
        features = self._features(r, record)
        found: dict[str, Any] = {
            "placements": {}, "features": {id: _told(value, record.at) for id, value in features.items()}, "why": {},
            "ages": {id: self._age(r, id) for id in features},
        }
        for placement, fate in record.fates.items():
            candidates = list(candidates_of(fate, self._table[placement]))
            why = self._why.placement(r, candidates, fate.offer)
            texts = {each["offer"]: each["text"] for each in why["candidates"]}
            found["placements"][placement] = [candidate_json(each) for each in candidates]
            found["why"][placement] = {
                "sentence": sentence(fate, why),
                "candidates": {each.offer: self._candidate(r, placement, each, texts.get(each.offer)) for each in candidates},
            }
        return found

    def outcomes_only(self, record: Logged) -> dict[str, Any]:
        """As `told`, of a person who was erased: what removed each offer, without the values."""
        rows = {placement: [candidate_json(each) for each in candidates_of(fate, self._table[placement])] for placement, fate in record.fates.items()}
        return {"placements": rows, "features": {id: _told(value, record.at) for id, value in record.features.items()}, "why": {}, "ages": {}}

    # -- candidates ------------------------------------------------------------------------------------------------

    def _candidate(self, r: Request, placement: str, each: Candidate, text: str | None) -> dict[str, Any]:
        body: dict[str, Any] = {"text": text} if text is not None else {}
        if each.outcome == "removed":
            leaf = self._why.leaf(r, each)
            return body if leaf is None else body | {"values": self.values(r, leaf)}
        return body | {"ranking": self._ranking(r, placement, self.snapshot.definitions.offers[each.offer], each.score)}

    def values(self, r: Request, leaf: c.Condition) -> Values:
        """What the leaf looked at, as it was then."""
        match leaf:
            case c.Field(ref, tests):
                refs = [ref, *(test.value for test in tests if isinstance(test.value, c.Ref))]
                return {str(each): self._value(r, each) for each in refs}
            case c.Did(event, where, window):
                count = compile_feature(Feature("", "count", event, (), where, window), self.snapshot.program.writer)
                return {f"number of {event}": count(r)}
            case c.Changed(trait):
                return {f"profile.{trait}": plain(r.traits.get(trait))}
            case c.InSegment(segment):
                return {f"segment.{segment}": self.snapshot.program.segments[segment](r)}
            case c.Consented(purpose):
                return {f"consent.{purpose}": {True: "granted", False: "denied"}.get(r.consents.get(purpose))}  # pyright: ignore[reportArgumentType]
            case c.InVariant(experiment):
                return {f"experiment.{experiment}": r.variant(experiment)}
            case c.LocalTime():
                return {"instant": iso(r.now)}
            case c.All(children) | c.Any(children):
                return {name: value for child in children for name, value in self.values(r, child).items()}
            case c.Not(child):
                return self.values(r, child)

    def _value(self, r: Request, ref: c.Ref) -> Any:
        return plain(self.snapshot.program.writer.resolver(ref)(r))

    def _ranking(self, r: Request, placement: str, offer: Offer, score: float | None) -> dict[str, Any]:
        """priority first, then the expression: what it is made of, and what it comes to."""
        expression = self.snapshot.definitions.placements[placement].rank or VALUE
        known = attributes(offer)
        values = {
            str(ref): plain(known.get(ref.path[1]) if ref.root == "offer" else self._value(r, ref)) for ref in dict.fromkeys(names(expression))
        }
        return {"priority": offer.priority, "rank": expression_words(expression), "values": values, "score": score}

    # -- features --------------------------------------------------------------------------------------------------

    def _features(self, r: Request, record: Logged) -> dict[str, Any]:
        """What every feature was that the placements refer to, looked at or not."""
        wanted = self.snapshot.features_of(tuple(record.fates))
        return {id: record.features[id] if id in record.features else plain(self.snapshot.program.features[id](r)) for id in wanted}

    def _age(self, r: Request, id: str) -> dict[str, Any]:
        """What a feature says, when the latest event happened that it looks at, and how long before the decision."""
        newest = self._why.newest(r, id)
        age = None if newest is None else (r.now - newest) / 1000
        return {"text": self._why.feature(r, id)["text"], "newest": None if newest is None else iso(newest), "age_seconds": age}


def _told(value: Any, at: int) -> dict[str, Any]:
    return {"value": None} if value is None else {"value": value, "as_of": iso(at)}


def sentence(fate: Fate, why: Mapping[str, Any]) -> str:
    """One placement for people who send mails: what was shown, why, and what came closest."""
    if fate.holdout:
        shown = f"Held out by {fate.holdout}, so {fate.offer or 'the fallback'} was shown."
    elif fate.offer is None:
        shown = f"The fallback {fate.block} was shown: no offer was left."
    else:
        reasons = why["reasons"]
        shown = f"{fate.offer} was shown" + (f": {' and '.join(reasons)}." if reasons else ": it is for everybody.")
    return " ".join([shown, *_others(why["candidates"])])


def _others(candidates: Sequence[Mapping[str, Any]]) -> list[str]:
    outranked = [each["offer"] for each in candidates if each["outcome"] == "outranked"]
    removed = [each for each in candidates if each["outcome"] == "removed"]
    told = [f"{_few(outranked)} would have been possible too, but ranked lower."] if outranked else []
    told += [f"Not {each['offer']}: {each['text']}." for each in removed[:MOST]]
    more = len(removed) - MOST
    return [*told, f"{more} more {'was' if more == 1 else 'were'} not possible."] if more > 0 else told


def _few(offers: Sequence[str]) -> str:
    return ", ".join(offers[:MOST]) + (f" and {len(offers) - MOST} more" if len(offers) > MOST else "")
