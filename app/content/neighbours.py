"""What goes with what, as a recommender holds it in memory: neighbours of each item, and former baskets to find like ones among;
and how both are weighed with what the person had before.

A few arrays of numbers, read from one file that `inlay train` writes; `recommend` is a handful of numpy calls over the neighbours
of the seeds alone, whatever the size of the catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

FORMAT = 2
ARRAYS = ("meta", "items", "near_at", "near", "together", "beside", "popular", "basket_at", "basket", "holder_at", "holder", "rarity")
PARTS = ("together", "beside", "next", "again", "like")
"""What an item's score is made of: how it goes with the seeds together, how often it stood beside them, how often beside the one
that it stood beside most, how often the person had it, and how much of like baskets hold it."""
MOST_SEEDS = 500
POPULAR = 1_000
AT_ONCE = 16
FEW = 8
"""Spans up to which it is quicker to take one after the other."""
NONE = np.zeros(0, dtype=np.int64)


class Found(NamedTuple):
    """An item, its score, and the item that speaks for it most: itself, where the person had it before; none, where it is what
    everybody buys (`why` is `popular`), or too new to be known (`new`)."""

    id: str
    score: float
    because: str | None
    why: str = ""


class Neighbours:
    """`near[near_at[i]:near_at[i + 1]]` are the items nearest to item `i`, with weights of two kinds; `popular` are numbers of items,
    what sells best of late first; `basket` holds the items of former baskets, the oldest first, `holder` for each item the baskets
    that hold it (all empty where like baskets add nothing); `rarity` is an item's weight when baskets are compared. All that `meta`
    says was learnt beside them. For one thread: a question writes into arrays that the next one uses again."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.meta: dict[str, Any] = json.loads(bytes(arrays["meta"]))
        self.items = [str(each) for each in arrays["items"].tolist()]
        self.number = {id: i for i, id in enumerate(self.items)}
        self._near_at, self._near = arrays["near_at"], arrays["near"]
        self._together, self._beside = arrays["together"].astype(np.float32), arrays["beside"].astype(np.float32)
        self._popular = arrays["popular"]
        self._basket_at, self._basket = arrays["basket_at"], arrays["basket"]
        self._holder_at, self._holder, self._rarity = arrays["holder_at"], arrays["holder"], arrays["rarity"]
        self._root = np.sqrt(np.maximum(np.diff(self._basket_at), 1)).astype(np.float32)
        self.weights = np.array([self.meta["weights"][part] for part in PARTS], dtype=np.float32)
        self._like: int = self.meta["like"]
        self._place = np.zeros(len(self.items), dtype=np.int64)
        self._basket_place = np.zeros(len(self._root), dtype=np.int64)
        self.bytes = sum(each.nbytes for each in arrays.values())

    def fits(self) -> bool:
        """Whether the parts fit together."""
        items, baskets = len(self.items), len(self._basket_at) - 1
        parts = [(self._near_at, self._near, items, items)]
        if baskets:
            parts += [(self._basket_at, self._basket, baskets, items), (self._holder_at, self._holder, items, baskets)]
        lengths = len(self._together) == len(self._beside) == len(self._near) and len(self.number) == items and (not baskets or len(self._rarity) == items)
        finite = all(bool(np.isfinite(each).all()) for each in (self.weights, self._together, self._beside, self._rarity))
        return lengths and finite and _inside(self._popular, items) and all(
            len(at) == count + 1 and at[0] == 0 and int(at[-1]) == len(of) and bool((np.diff(at) >= 0).all()) and _inside(of, below) for at, of, count, below in parts
        )

    def recommend(self, seeds: Sequence[str], had: Mapping[str, int], most: int) -> Iterator[Found]:
        """The items that go with the seeds best, seeds left out, the best first; what is popular of late where there is nothing to
        start from. `had` says how often the person had which items: they come again the likelier. A score is the chance that the
        item is the next one, as learnt: between 0 and 1. Worked out as far as it is asked for."""
        known = self._numbers(seeds)
        mine = {self.number[id]: times for id, times in had.items() if id in self.number}
        items, parts = self.parts(known, mine)
        if not len(items):
            return islice(self.usual(), most)
        logits = parts @ self.weights
        best = np.argpartition(-logits, most)[:most] if most < len(logits) else np.arange(len(logits))
        best = best[np.lexsort((items[best], -logits[best]))]
        best = best[logits[best] > 0]
        if not len(best):
            return islice(self.usual(), most)
        highest = max(float(logits.max(initial=0)), 0.0)
        whole = float(np.exp(logits - highest).sum()) + (len(self.items) - len(items)) * float(np.exp(-highest))
        return self._told(items[best], np.exp(logits[best] - highest) / whole, known, mine)

    def _told(self, items: np.ndarray, chances: np.ndarray, known: np.ndarray, mine: Mapping[int, int]) -> Iterator[Found]:
        for start in range(0, len(items), AT_ONCE):
            some = items[start : start + AT_ONCE]
            numbers: list[int] = some.tolist()
            for i, chance, why in zip(numbers, chances[start : start + AT_ONCE].tolist(), self._reasons(some, known, mine), strict=True):
                yield Found(self.items[i], chance, self.items[why])

    def __len__(self) -> int:
        return len(self.items)

    def parts(self, known: np.ndarray, mine: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of all items that anything speaks for but the `known` ones, and of each the `PARTS`, a column each. What is
        learnt is learnt from these."""
        at = _spans(self._near_at, known)
        near, holders = self._near[at], self._likest(known)
        everyone = np.concatenate([near, np.fromiter(mine, np.int64, len(mine)), holders[0]])
        items = self._once(everyone, known)
        place = self._place
        found = np.zeros((len(PARTS), len(items)), dtype=np.float32)
        here = place[near]
        kept = here >= 0
        here, together, beside = here[kept], self._together[at][kept], self._beside[at][kept]
        found[0] = np.bincount(here, together, len(items))
        found[1] = np.bincount(here, beside, len(items))
        np.maximum.at(found[2], here, beside)
        if mine:
            again = place[np.fromiter(mine, np.int64, len(mine))]
            times = np.sqrt(np.fromiter(mine.values(), np.float32, len(mine)))
            found[3, again[again >= 0]] = times[again >= 0]
        if len(holders[0]):
            like = place[holders[0]]
            found[4] = np.bincount(like[like >= 0], holders[1][like >= 0], len(items))
            found[4] /= max(float(found[4].max(initial=0)), 1e-9)
        return items, found.T

    def _numbers(self, ids: Sequence[str]) -> np.ndarray:
        return np.array(list(dict.fromkeys(self.number[id] for id in ids if id in self.number)), dtype=np.int64)

    def _once(self, numbers: np.ndarray, without: np.ndarray) -> np.ndarray:
        """Each number once, without some; `_place` of each number given is its place among them then, or -1."""
        place, order = self._place, np.arange(len(numbers))
        place[numbers] = order
        first = place[numbers] == order
        place[without] = -1
        kept = numbers[first & (place[numbers] >= 0)].astype(np.int64)
        place[kept] = np.arange(len(kept))
        return kept

    def _likest(self, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Items of the baskets most like the seeds, and how much each of those speaks for them: nearest neighbours among sessions,
        weighted by how much they have in common (V-SKNN: Ludewig and Jannach 2018), rare items counting more."""
        if not len(known) or not len(self._root):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        holders = self._holder[_spans(self._holder_at, known)]
        weights = np.repeat(self._rarity[known], self._holder_at[known + 1] - self._holder_at[known])
        order, place = np.arange(len(holders)), self._basket_place
        place[holders] = order
        some = holders[place[holders] == order]
        place[some] = np.arange(len(some))
        likeness = np.bincount(place[holders], weights, len(some)).astype(np.float32) / self._root[some]
        best = np.argpartition(-likeness, self._like)[: self._like] if self._like < len(some) else np.arange(len(some))
        best, likeness = some[best], likeness[best]
        return self._basket[_spans(self._basket_at, best)].astype(np.int64), np.repeat(likeness, self._basket_at[best + 1] - self._basket_at[best])

    def knows(self, id: str) -> bool:
        return id in self.number

    def usual(self) -> Iterator[Found]:
        """What sells best of late."""
        numbers: list[int] = self._popular.tolist()
        return (Found(self.items[i], 1 / (place + len(self.items)), None, "popular") for place, i in enumerate(numbers, 1))

    def _reasons(self, items: np.ndarray, known: np.ndarray, mine: Mapping[int, int]) -> list[int]:
        """Of each item the one that speaks for it most."""
        if not len(known):
            return items.tolist()
        at = _spans(self._near_at, known)
        rank = self._place
        near = self._near[at]
        rank[near] = -1
        rank[items] = np.arange(len(items))
        here = rank[near]
        kept = np.flatnonzero(here >= 0)
        weight = self._together[at][kept] * self.weights[0] + self._beside[at][kept] * (self.weights[1] + self.weights[2])
        seed = np.repeat(known, self._near_at[known + 1] - self._near_at[known])[kept]
        order = np.argsort(weight, kind="stable")
        best = np.full(len(items), int(known[-1]))
        best[here[kept][order]] = seed[order]
        return [item if item in mine else why for item, why in zip(items.tolist(), best.tolist(), strict=True)]


def _spans(at: np.ndarray, of: np.ndarray) -> np.ndarray:
    """The places `at[i]` to `at[i + 1]` of each `i`, one after the other."""
    starts, stops = at[of], at[of + 1]
    if len(of) <= FEW:
        return np.concatenate([*map(np.arange, starts.tolist(), stops.tolist()), NONE])
    ends = np.cumsum(stops - starts)
    return np.arange(int(ends[-1])) + np.repeat(stops - ends, stops - starts)


def _inside(numbers: np.ndarray, below: int) -> bool:
    return not len(numbers) or (int(numbers.min()) >= 0 and int(numbers.max()) < below)
