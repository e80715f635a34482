"""What goes with what, as a recommender holds it in memory: neighbours of each item, and former baskets to find like ones among;
and how both are weighed with what the person had before.

A few arrays of numbers, read from one file that `inlay train` writes; `recommend` is a handful of numpy calls over the neighbours
of the seeds alone, whatever the size of the catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from app.content.ideas import Found, Ideas, Told, popular

FORMAT = 2
ARRAYS = ("meta", "items", "near_at", "near", "together", "beside", "popular", "basket_at", "basket", "holder_at", "holder", "rarity")
PARTS = ("together", "beside", "next", "again", "like")
"""What an item's score is made of: how it goes with the seeds together, how often it stood beside them, how often beside the one
that it stood beside most, how often the person had it, and how much of like baskets hold it."""
MOST_SEEDS = 500
POPULAR = 1_000
NONE = np.zeros(0, dtype=np.int64)
NO_LIKENESS = np.zeros(0, dtype=np.float32)


class Around(NamedTuple):
    """All that one question meets, an item perhaps several times: neighbours of the seeds, items of like baskets, what the person
    had, the seeds. Each item has one `place` among them, the last. `together` and `beside` are the neighbours' weights, so many of
    each seed as `sizes` says; `likeness` is how like each item's basket is, `times` the root of how often the person had each."""

    numbers: np.ndarray
    place: np.ndarray
    sizes: np.ndarray
    together: np.ndarray
    beside: np.ndarray
    likeness: np.ndarray
    times: np.ndarray


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
        self._baskets = len(self._basket_at) - 1
        self._near_size, self._holder_size, self._basket_size = (np.diff(at) for at in (self._near_at, self._holder_at, self._basket_at))
        self._basket_root = np.sqrt(np.maximum(self._basket_size, 0), dtype=np.float32)
        self.weights = np.array([self.meta["weights"][part] for part in PARTS], dtype=np.float32)
        self._like: int = self.meta["like"]
        self._weighing = [(part, float(weight)) for part, weight in zip(PARTS, self.weights, strict=True) if weight]
        self.counts_had = any(part == "again" for part, _ in self._weighing)
        """Whether it matters how often a person had an item, not only that they did."""
        self._place = np.zeros(len(self.items), dtype=np.int32)
        self._basket_place = np.zeros(self._baskets, dtype=np.int32)
        self.bytes = sum(each.nbytes for each in arrays.values())

    def fits(self) -> bool:
        """Whether the parts fit together."""
        items, baskets = len(self.items), self._baskets
        parts = [(self._near_at, self._near, items, items)]
        if baskets:
            parts += [(self._basket_at, self._basket, baskets, items), (self._holder_at, self._holder, items, baskets)]
        lengths = len(self._together) == len(self._beside) == len(self._near) and len(self.number) == items and (not baskets or len(self._rarity) == items)
        finite = all(bool(np.isfinite(each).all()) for each in (self.weights, self._together, self._beside, self._rarity))
        return lengths and finite and _inside(self._popular, items) and all(
            len(at) == count + 1 and at[0] == 0 and int(at[-1]) == len(of) and bool((np.diff(at) >= 0).all()) and _inside(of, below) for at, of, count, below in parts
        )

    def recommend(self, seeds: Sequence[str], had: Mapping[str, int], most: int) -> Ideas:
        """The items that go with the seeds best, seeds left out, the best first; what is popular of late where there is nothing to
        start from. `had` says how often the person had which items: they come again the likelier. A score is the chance that the
        item is the next one, as learnt: between 0 and 1."""
        known, number = self._numbers(seeds), self.number
        mine = {number[id]: times for id, times in had.items() if id in number} if self.counts_had else {}
        around = self._around(known, mine)
        logits = self._logits(around)
        count = int(np.count_nonzero(logits > 0))
        if not count:
            return self.usual(most)
        best = _best_first(logits, around.numbers)[: min(count, most)]
        raised = np.exp(logits - (highest := logits[best[0]]))
        whole = float(raised.sum()) + (len(self.items) - len(logits)) * float(np.exp(-highest))
        speaking, items = self._speaking(around, known), self.items

        def tell(start: int, stop: int) -> Told:
            some = best[start:stop]
            return (raised.take(some) / whole).tolist(), speaking.take(some).tolist()

        return Ideas(around.numbers.take(best), tell, lambda id, chance, speaks: Found(id, chance, id if id in had else items[speaks]))

    def __len__(self) -> int:
        return len(self.items)

    def parts(self, known: np.ndarray, mine: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of all items that anything speaks for but the `known` ones, and of each the `PARTS`, a column each. What is
        learnt is learnt from these."""
        around = self._around(known, mine)
        kept = (around.place == np.arange(len(around.place)))[: len(around.place) - len(known)].nonzero()[0]
        return around.numbers[kept], np.stack([self._part(name, around)[kept] for name in PARTS], axis=1).astype(np.float32)

    def _numbers(self, ids: Sequence[str]) -> np.ndarray:
        number = self.number
        return np.array(list(dict.fromkeys([number[id] for id in ids if id in number])), dtype=np.int64)

    def _around(self, known: np.ndarray, mine: Mapping[int, int]) -> Around:
        sizes = self._near_size.take(known)
        at = _places(self._near_at.take(known), sizes)
        alike, likeness = self._likest(known)
        had, times = (np.fromiter(mine, np.int64, len(mine)), np.sqrt(np.fromiter(mine.values(), np.float32, len(mine)))) if mine else (NONE, NO_LIKENESS)
        numbers = np.concatenate([self._near.take(at), alike, had, known])
        self._place[numbers] = np.arange(len(numbers), dtype=np.int32)
        return Around(numbers, self._place.take(numbers), sizes, self._together.take(at), self._beside.take(at), likeness, times)

    def _logits(self, around: Around) -> np.ndarray:
        """At the place of each item what all that weighs adds up to; 0 at the others, and for the seeds."""
        found = np.zeros(len(around.numbers))
        for part, weight in self._weighing:
            found += weight * self._part(part, around)
        found[len(found) - len(around.sizes) :] = 0
        return found.astype(np.float32)

    def _part(self, name: str, around: Around) -> np.ndarray:
        """At the place of each item one of the `PARTS`; 0 at the others."""
        place, near, count = around.place, len(around.together), len(around.place)
        alike = near + len(around.likeness)
        if name == "together":
            return np.bincount(place[:near], around.together, count)
        if name == "beside":
            return np.bincount(place[:near], around.beside, count)
        if name == "like":
            found = np.bincount(place[near:alike], around.likeness, count)
            found[count - len(around.sizes) :] = 0
            return found / max(float(found.max(initial=0)), 1e-9)
        found = np.zeros(count, dtype=np.float32)
        if name == "next":
            np.maximum.at(found, place[:near], around.beside)
        else:
            found[place[alike : alike + len(around.times)]] = around.times
        return found

    def _likest(self, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Items of the baskets most like the seeds, and how much each of those speaks for them: nearest neighbours among sessions,
        weighted by how much they have in common (V-SKNN: Ludewig and Jannach 2018), rare items counting more."""
        if not self._baskets:
            return NONE, NO_LIKENESS
        sizes = self._holder_size.take(known)
        holders, place = self._holder.take(_places(self._holder_at.take(known), sizes)), self._basket_place
        place[holders] = np.arange(len(holders), dtype=np.int32)
        common = np.bincount(place.take(holders), self._rarity.take(known).repeat(sizes), len(holders))
        once = common.nonzero()[0]
        found = holders.take(once)
        likeness = common.take(once).astype(np.float32) / self._basket_root.take(found)
        if self._like < len(found):
            best = (-likeness).argpartition(self._like)[: self._like]
            found, likeness = found.take(best), likeness.take(best)
        sizes = self._basket_size.take(found)
        return self._basket.take(_places(self._basket_at.take(found), sizes)), likeness.repeat(sizes)

    def _speaking(self, around: Around, known: np.ndarray) -> np.ndarray:
        """At the place of each item the number of the seed that speaks for it most; -1 without seeds."""
        near, found = len(around.together), np.full(len(around.place), known[-1] if len(known) else -1)
        weight = around.together * self.weights[0] + around.beside * (self.weights[1] + self.weights[2])
        rising = weight.argsort(kind="stable")
        found[around.place[:near].take(rising)] = known.repeat(around.sizes).take(rising)
        return found

    def id(self, number: int) -> str:
        return self.items[number]

    def knows(self, id: str) -> bool:
        return id in self.number

    def usual(self, most: int = POPULAR) -> Ideas:
        """What sells best of late."""
        return popular(self._popular[:most], len(self))


def _places(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """That many places from each start on, one after the other."""
    ends = sizes.cumsum()
    return (starts - ends + sizes).repeat(sizes) + np.arange(ends[-1] if len(ends) else 0)


def _best_first(logits: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The order from the highest, equal ones by their number: the bits of floats that are not negative rise as they do."""
    return (numbers - (logits.view(np.int32).astype(np.int64) << 32)).argsort()


def _inside(numbers: np.ndarray, below: int) -> bool:
    return not len(numbers) or (int(numbers.min()) >= 0 and int(numbers.max()) < below)
