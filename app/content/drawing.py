"""Bandits at work: which of the offers left a placement shows, drawn by what was learnt, the same for the same (profile, send)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

import numpy as np

from app.content.program import Program
from app.domain.bandits import NOTHING_LEARNT, NOTHING_SHOWN, Bandit, Drawn, Posterior, packed_features
from app.domain.bandits import features_of as unpacked
from app.domain.beliefs import Belief, belief
from app.domain.conditions import Arithmetic, Call, Condition, Expression, Name, Negative, Number
from app.domain.definitions import Definitions, Offer
from app.domain.request import Request
from app.domain.thompson import WHOLE, bounded, drawn, parts, warmed

KEPT = 1_024
"""Sets of offers of which the shares are remembered until the next posterior."""
DRAWN = "drawn"
"""Under (this, bandit) `Request.memo` holds the offer that is to come first where no send stands behind the question: a test says so."""
FORMER = "former"
"""Under this `Request.memo` holds the `Former` draw of a decision that is made again."""
LEARNT = "learnt"
"""Under this `Request.memo` holds the `Learnt` of a decision that is made again by other rules."""
FARTHEST = 1e6
"""How large a feature may be; beyond, one person would outweigh all others."""


@dataclass(frozen=True, slots=True)
class Former:
    """A draw as it was recorded: how it came up, the shares by number of offer, and the offers that were looked at, each with its place."""

    drawn: Drawn
    scores: Mapping[int, float | None]
    tried: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a logged draw tells of what was known then: the share that each offer had, by its id, and the one that was drawn."""

    drawn: Drawn
    shares: Mapping[str, float]
    offer: str | None


def rankings(definitions: Definitions, program: Program, posteriors: Mapping[str, Posterior]) -> dict[str, Ranking]:
    """placement -> what ranks its offers, where that is a bandit. `posteriors` is looked into at each draw, by `Bandit.state`."""
    made = {id: Ranking(each, program, posteriors) for id, each in definitions.bandits.items()}
    return {id: made[each.bandit] for id, each in definitions.placements.items() if each.bandit}


class Ranking:
    """One bandit, compiled."""

    def __init__(self, bandit: Bandit, program: Program, posteriors: Mapping[str, Posterior]) -> None:
        self.bandit = bandit
        self._state = bandit.state
        self._posteriors = posteriors
        self._features = [_feature(program, each) for _, each in bandit.features]
        self._posterior = NOTHING_LEARNT
        self._belief: Belief = belief(bandit, NOTHING_LEARNT)
        self._shares: dict[tuple[str, ...], list[int]] = {}

    def draw(self, r: Request, placement: str, offers: Sequence[Offer], live: Sequence[int], taken: Collection[str]) -> Draw:
        """The offers left, in the order in which they are drawn: those of the highest priority first. Those that are `taken` are drawn by nobody,
        and come before all others, to be passed over."""
        posterior = self._posteriors.get(self._state, NOTHING_LEARNT)
        if posterior is not self._posterior:
            self._posterior, self._belief, self._shares = posterior, belief(self.bandit, posterior), {}
        free = [i for i in live if offers[i].id not in taken]
        groups = [list(group) for _, group in groupby(sorted(free, key=lambda i: -offers[i].priority), key=lambda i: offers[i].priority)]
        known = self._known(r)
        learnt: Learnt | None = r.memo.get(LEARNT)
        if learnt is not None and learnt.drawn.state == self._state:
            return self._redrawn(learnt, offers, groups, [i for i in live if offers[i].id in taken])
        shares = [self._shared([offers[i].id for i in group], known) for group in groups]
        scores: dict[int, float | None] = {
            i: share / WHOLE for group, each in zip(groups, shares, strict=True) for i, share in zip(group, each, strict=True)
        }
        passed = [(i, None) for i in live if offers[i].id in taken]
        former: Former | None = r.memo.get(FORMER)
        if former is not None:
            again = sorted(free, key=lambda i: former.tried.get(offers[i].id, len(former.tried)))
            return Draw({i: former.scores.get(i, share) for i, share in scores.items()}, [*passed, *((i, former.drawn) for i in again)])
        if not r.profile.key or not r.send:
            told = r.memo.get((DRAWN, self.bandit.id))
            likeliest = [i for group in groups for i in sorted(group, key=lambda i: (offers[i].id != told, -(scores[i] or 0.0)))]
            return Draw(scores, [*passed, *((i, None) for i in likeliest)])
        seed = f"{self.bandit.id}\0{placement}\0{r.profile.key}\0{r.send}".encode()
        return Draw(scores, chain(passed, _drawn(Drawn(self._state, posterior.version, 0.0, known), groups, shares, seed)))

    def _redrawn(self, learnt: Learnt, offers: Sequence[Offer], groups: Sequence[Sequence[int]], taken: Sequence[int]) -> Draw:
        """By what was learnt then and the bounds of now: what was drawn stays first where it may be drawn still."""
        scores = dict[int, float | None]()
        order: list[tuple[int, Drawn | None]] = [(i, None) for i in taken]
        for group in groups:
            for i, share in zip(group, self._rebounded(learnt, [offers[i].id for i in group]), strict=True):
                scores[i] = share / WHOLE
            ranked = sorted(group, key=lambda i: (offers[i].id != learnt.offer or not scores[i], -(scores[i] or 0.0)))
            order += [(i, Drawn(self._state, learnt.drawn.version, scores[i] or 0.0, learnt.drawn.features)) for i in ranked]
        return Draw(scores, order)

    def _rebounded(self, learnt: Learnt, offers: Sequence[str]) -> list[int]:
        """Offers that were not among those drawn from then get an even share, the others divide the rest as they did."""
        before = np.array([learnt.shares.get(offer, 1 / len(offers)) for offer in offers])
        limits = [self.bandit.arm(offer) for offer in offers]
        total = float(before.sum())
        shares = before / total if total else np.full(len(offers), 1 / len(offers))
        return parts(bounded(shares, [each.floor for each in limits], [each.ceiling for each in limits]))

    def _known(self, r: Request) -> bytes:
        """The features of the person, the constant first, as they are computed with and recorded."""
        if not self._features:
            return b""
        key = ("bandit", self._state)
        if key not in r.memo:
            r.memo[key] = packed_features([1.0, *(feature(r) for feature in self._features)])
        return r.memo[key]

    def _shared(self, offers: list[str], known: bytes) -> list[int]:
        if known:
            return self._worked_out(offers, unpacked(known))
        key = tuple(offers)
        if key not in self._shares:
            if len(self._shares) >= KEPT:
                self._shares.pop(next(iter(self._shares)))
            self._shares[key] = self._worked_out(offers, ())
        return self._shares[key]

    def _worked_out(self, offers: list[str], known: Sequence[float]) -> list[int]:
        if len(offers) == 1:
            return [WHOLE]
        bandit, arms = self.bandit, self._posterior.arms
        shares = self._belief.shares(offers, known)
        if bandit.warm_up:
            shares = warmed(shares, [arms.get(offer, NOTHING_SHOWN).shown < bandit.warm_up for offer in offers])
        limits = [bandit.arm(offer) for offer in offers]
        return parts(bounded(shares, [each.floor for each in limits], [each.ceiling for each in limits]))


class Draw:
    """Iterates over the offers' numbers. `drawn` tells how the latest one came up, None where no send stands behind it: then nothing is
    learnt from it, and the likeliest is shown. `scores` are the shares of the first draw."""

    def __init__(self, scores: Mapping[int, float | None], order: Iterable[tuple[int, Drawn | None]]) -> None:
        self.scores = scores
        self.drawn: Drawn | None = None
        self._order = order

    def __iter__(self) -> Iterator[int]:
        for i, what in self._order:
            self.drawn = what
            yield i


def _drawn(what: Drawn, groups: Sequence[Sequence[int]], shares: Sequence[Sequence[int]], seed: bytes) -> Iterator[tuple[int, Drawn]]:
    for group, each in zip(groups, shares, strict=True):
        for place, propensity in drawn(each, seed):
            yield group[place], Drawn(what.state, what.version, propensity, what.features)


def _feature(program: Program, what: Expression | Condition) -> Callable[[Request], float]:
    """A number of the person: 1 or 0 of a condition; 0 of an expression where anything is missing."""
    if isinstance(what, (Number, Name, Arithmetic, Negative, Call)):
        compute = program.expression(what)
        return lambda r: min(max(compute(r) or 0.0, -FARTHEST), FARTHEST)
    holds = program.condition(what)
    return lambda r: float(holds(r))
