"""A grid arbitrated: which of the items that may be shown stand in it together.

Items come best first, the k-th best is worth 1/k, as offers are in a mail. One place after the other is filled with the item that is
worth most there; what is like something that stands there already is worth less (maximal marginal relevance: Carbonell & Goldstein, 1998).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from app.domain.arbitration import Arbitration, Option

POOL = 120
"""Items that are considered at least, the best first; more where quotas and minimum shares need them."""


@dataclass(frozen=True, slots=True)
class Grid:
    """`rules` count places of the grid, and pin nothing themselves: `pins` are items that stand first where they may be shown."""

    rules: Arbitration
    pins: tuple[str, ...] = ()


def filled(grid: Grid, ranked: Iterable[Option], places: int, beside: Sequence[Option] = ()) -> list[Option]:
    """At most so many of the options, which come best first, in their places. `beside` are those that stand there already, beyond the
    `places`. Pins may exceed a quota, nothing else; where a minimum share cannot be met, as much of it as can be is."""
    return _Filling(grid, places, beside).filled(ranked)


class _Filling:
    def __init__(self, grid: Grid, places: int, beside: Sequence[Option]) -> None:
        self._rules, self._pins = grid.rules, grid.pins
        self._places = places
        whole = places + len(beside)
        self._quota: Callable[[str | None], float] = lambda category: self._rules.quota(category, whole)
        self._shares = self._rules.shares(whole)
        self._beside = beside
        self._counts = Counter(each.category for each in beside)

    def filled(self, ranked: Iterable[Option]) -> list[Option]:
        pool = self._pool(ranked)
        alike = [self._nearest(each, self._beside) for each in pool]
        found: list[Option] = []
        for each in sorted((each for each in pool if each.offer in self._pins), key=lambda each: self._pins.index(each.offer)):
            if len(found) < self._places:
                self._take(pool.index(each), pool, alike, found)
        while len(found) < self._places and (at := self._next(pool, alike, found)) is not None:
            self._take(at, pool, alike, found)
        return found

    def _pool(self, ranked: Iterable[Option]) -> list[Option]:
        """As many of the best as can matter."""
        found: list[Option] = []
        counts = Counter[str | None]()
        pins = set(self._pins)
        for each in ranked:
            most = min(self._quota(each.category) - self._counts[each.category], self._places)
            if each.offer not in pins and counts[each.category] >= most and len(found) >= POOL:
                continue
            found.append(each)
            counts[each.category] += 1
            pins.discard(each.offer)
            if len(found) >= POOL and not pins and self._enough(counts):
                break
        return found

    def _enough(self, counts: Counter[str | None]) -> bool:
        fitting = sum(max(0, min(number, self._quota(category) - self._counts[category])) for category, number in counts.items())
        return fitting >= self._places and all(counts[category] + self._counts[category] >= least for category, least in self._shares.items())

    def _next(self, pool: Sequence[Option], alike: Sequence[float], found: Sequence[Option]) -> int | None:
        """The place in the pool of the next one."""
        taken, strength = {each.offer for each in found}, self._rules.diversity
        open_ = [i for i, each in enumerate(pool) if each.offer not in taken and self._counts[each.category] < self._quota(each.category)]
        lacking = self._lacking(pool[i].category for i in open_)
        if sum(lacking.values()) >= self._places - len(found) and lacking:
            open_ = [i for i in open_ if pool[i].category in lacking]
        return max(open_, key=lambda i: ((1 - strength) / (i + 1) - strength * alike[i], -i), default=None)

    def _lacking(self, left: Iterable[str | None]) -> dict[str, int]:
        """How many of each category its minimum share lacks, as far as there are any left."""
        if not self._shares:
            return {}
        there = Counter(left)
        lacking = {category: min(least - self._counts[category], there[category]) for category, least in self._shares.items()}
        return {category: number for category, number in lacking.items() if number > 0}

    def _take(self, at: int, pool: Sequence[Option], alike: list[float], found: list[Option]) -> None:
        found.append(pool[at])
        self._counts[pool[at].category] += 1
        if self._rules.diversity:
            for i, each in enumerate(pool):
                alike[i] = max(alike[i], each.likeness(pool[at]))

    def _nearest(self, option: Option, others: Sequence[Option]) -> float:
        return max((option.likeness(each) for each in others), default=0.0) if self._rules.diversity else 0.0
