"""A logged decision made again: by the content that made it, which gives the same, or by another, to see what it would do.

What the log does not hold is taken as it was: in which order tied offers were looked at (a hash of whose decision it was), who was
in which variant and holdout, which blocks failed to render. A variant or holdout that the record does not know is drawn by the
pseudonym instead, so that as many people get it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import msgspec

from app.content.arbitrating import arbitrate
from app.content.choosing import Render, Taken, Verdict, choose, ranked
from app.content.drawing import FORMER, LEARNT, Former, Learnt
from app.content.logbook import written
from app.content.ranking import TRIED
from app.content.snapshot import Dish, Snapshot, plain
from app.content.trials import Trials
from app.domain.decision import Choice, encode_record
from app.domain.experiments import Holdout
from app.domain.history import History
from app.domain.item import Item
from app.domain.logged import Fate, Given, Logged
from app.domain.profile import Profile
from app.domain.request import Request
from app.domain.trace import changed
from app.errors import LogUnusable, RenderFailed

FATE = "fate"
"""Under which `Request.memo` holds what the log says of the placement that is decided."""


@dataclass(slots=True)
class Again:
    """What came out. Placements that the content does not have any more are missing."""

    request: Request
    choices: dict[str, Choice]
    verdicts: dict[str, Verdict]

    def record(self, snapshot: Snapshot, former: Logged) -> Logged:
        """As the log would hold it, had it been decided so."""
        assert former.given is not None
        given = former.given
        return written(
            snapshot, self.request, self.verdicts, self.choices, id=former.id, who=former.who, send=former.send, mail=former.mail,
            given=Given(
                given.history, given.tail, given.traits, given.consents, given.context,
                {id: self.request.memo["score", id] for id in snapshot.definitions.models if ("score", id) in self.request.memo},
                dict(sorted(self.request.variants.items())), given.known, given.shown, given.refused, given.before, given.items, given.exposed,
            ),
            degraded=[], micros=0,
        )


class Stage:
    """One version of the content, ready to make logged decisions again. `scored`: models are not run, what they said is taken from
    the log; for the content that made the records. For another, `made_by` gives by its version what made them, so that its bandits are known
    by what they had learnt."""

    def __init__(self, snapshot: Snapshot, *, scored: bool, made_by: Callable[[str], Snapshot] | None = None) -> None:
        self.snapshot = copy(snapshot)
        self.snapshot.trials = _AsLogged(snapshot.trials)  # pyright: ignore[reportAttributeAccessIssue]
        self._scored = scored
        self._made_by = made_by

    def request(self, record: Logged, history: History) -> Request:
        """The request as it was; `LogUnusable` where the person was erased since."""
        given = record.given
        if given is None:
            raise LogUnusable("the person was erased: what the decision was made of is gone")
        sends = {send: _record(at, offers, items) for send, at, offers, items in given.shown}
        own = _record(record.at, given.before, given.items) if given.before else None
        profile = Profile(f"u:{record.who.hex()}", history, given.traits, given.consents, record=own, sends=sends, known=given.known)
        context, _ = self.snapshot.coerce(given.context)
        r = Request(record.at, self.snapshot.consented(profile), context, self.snapshot.score, self.snapshot.trials.assign, record.send)
        r.refused = None if given.refused is None else frozenset(given.refused)
        r.memo["variants"] = given.variants
        r.variants.update(given.exposed)
        if self._scored:
            r.memo.update({("score", id): score for id, score in given.scores.items()})
        return r

    def completed(self, record: Logged, history: History) -> Logged:
        """The record with every offer judged, as the request would have done had it been asked for reasons; for the content that made it."""
        r, fates = self.request(record, history), dict(record.fates)
        for placement, fate in record.fates.items():
            r.memo[FATE] = fate
            if not fate.judged:
                fates[placement] = self._judged(r, placement, fate)
        features = {id: plain(r.features[id]) for id in sorted(r.features)}
        return msgspec.structs.replace(record, fates=fates, features={**features, **record.features})

    def _judged(self, r: Request, placement: str, fate: Fate) -> Fate:
        snapshot, judgement, later = self.snapshot, self.snapshot.judgements[placement], dict(fate.later)
        codes, live = judgement.judge(r)
        limited = snapshot.limits.at(placement)
        for i in live if limited is not None else ():
            if i not in later and i != fate.chosen and (by := limited.refusal(r, judgement.offers[i].id) if limited is not None else ""):
                later[i] = by
        scores, _ = ranked(snapshot.attributes, r, judgement, [i for i in live if i not in later])
        return msgspec.structs.replace(fate, judged=changed(codes, judgement.filed), later=list(later.items()), scores=sorted(scores.items()))

    def again(self, record: Logged, history: History, catalogue: Any, *, reasons: bool = True) -> Again:
        """The same placements, in the same order; with `reasons` every offer is judged."""
        r, snapshot, given = self.request(record, history), self.snapshot, record.given
        assert given is not None
        found = Again(r, {}, {})
        taken = Taken({offer or "" for offer in given.before.values()}, set(given.items))

        def turn(placement: str) -> None:
            fate = record.fates[placement]
            r.memo[FATE] = fate
            r.memo[TRIED] = {offer: i for i, offer in enumerate(self._tried(placement, fate))}
            r.memo[FORMER] = Former(fate.drawn, dict(fate.scores), r.memo[TRIED]) if self._scored and fate.drawn is not None else None
            r.memo[LEARNT] = self._learnt(record, placement, fate)

        def render(placement: str) -> Render | None:
            failed = [id for i, why in record.fates[placement].later if why == "render" and (id := self._offer(placement, i))]
            return _failing([snapshot.offers[id] for id in failed]) if failed else None

        decided = dict[str, tuple[Choice, Verdict]]()
        if record.mail in snapshot.arbitrated:
            together = [id for id in snapshot.definitions.mails[record.mail].placements if id in record.fates]
            decided = arbitrate(snapshot, r, record.mail, together, catalogue, taken, render, turn)
            for placement, (choice, _) in decided.items():
                choice.variants = snapshot.trials.exposed(r, placement)
        for placement in record.fates:
            if placement not in snapshot.fallbacks:
                continue
            if placement not in decided:
                turn(placement)
                decided[placement] = choose(snapshot, r, placement, catalogue, taken, render(placement), reasons=reasons)
            found.choices[placement], found.verdicts[placement] = decided[placement]
        return found

    def _learnt(self, record: Logged, placement: str, fate: Fate) -> Learnt | None:
        """What the draw tells; None where chance had no say, or where it is not known any more which offers it was between."""
        if fate.drawn is None or self._made_by is None:
            return None
        try:
            offers = self._made_by(record.content).judgements[placement].offers
        except LogUnusable:
            return None
        return Learnt(fate.drawn, {offers[i].id: share for i, share in fate.scores if share is not None}, fate.offer)

    def _tried(self, placement: str, fate: Fate) -> list[str]:
        """The offers that were looked at, in their order; only the content that made the record knows their numbers."""
        if not self._scored:
            return [fate.offer] if fate.offer else []
        numbers = [i for i, _ in fate.later] + ([fate.chosen] if fate.chosen is not None else [])
        return [self._offer(placement, i) for i in numbers]

    def _offer(self, placement: str, number: int) -> str:
        return self.snapshot.judgements[placement].offers[number].id if self._scored else ""


def _record(at: int, offers: Mapping[str, str | None], items: Sequence[str]) -> bytes:
    """A recorded decision as far as caps and exclusions look at it."""
    choices = {placement: Choice(placement, offer, "", "") for placement, offer in offers.items()}
    choices |= {"": Choice("", None, "", "", priced=[(id, None) for id in items])} if items else {}
    return encode_record(at, None, "", choices)


class _AsLogged:
    """`Trials` of people whom nobody knows: what the log says, else a draw by the pseudonym."""

    def __init__(self, trials: Trials) -> None:
        self._trials = trials
        self.exposed = trials.exposed
        self.touches = trials.touches

    def assign(self, r: Request, id: str) -> str | None:
        known: Mapping[str, str | None] = r.memo["variants"]
        return known[id] if id in known else self._trials.assign(r, id)

    def holdout(self, r: Request, placement: str) -> Holdout | None:
        fate: Fate = r.memo[FATE]
        found = {each.id: each for each in self._trials.holdouts(placement)}
        return found.get(fate.holdout)


def _failing(dishes: Sequence[Dish]) -> Render:
    """A rendering that fails for these, and draws nothing."""

    def render(dish: Dish, variables: Mapping[str, Any], items: Sequence[Item]) -> Any:
        if any(dish is each for each in dishes):
            raise RenderFailed("it failed when the decision was made")
        return None

    return render
