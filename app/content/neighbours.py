"""What goes with what, as a recommender holds it in memory: neighbours of each item, and former baskets to find like ones among;
and how both are weighed with what the person had before.

A few arrays of numbers, read from one file that `inlay train` writes; `recommend` is some numpy calls over the neighbours of the
seeds alone, whatever the size of the catalogue. They cost more than the numbers that they look at, so several questions are answered by
the same calls: what is met is then known by whose question met it and its number, in one integer (`bench/`: of 16 questions
together each costs a third).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

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


Question: TypeAlias = tuple[Sequence[str], Mapping[str, int]]
"""The items to start from, and how often the person had which ones."""
MOST_ASKED = 32
"""Questions that are answered together."""
NUMBER_BITS, PLACE_BITS = 32, 26
NUMBER, PLACE = (1 << NUMBER_BITS) - 1, (1 << PLACE_BITS) - 1


class Around(NamedTuple):
    """All that some questions meet. `items` are those of each, once: the question above, the item's number in the lower 32 bits,
    rising; `whose` are their questions. `near`, `alike`, `had` and `seeds` say of the neighbours of seeds, the items of like baskets,
    what the people had and the seeds which of `items` they are. `together` and `beside` are the neighbours' weights, and `speaker`
    the number of each's seed; `likeness` is how like each item's basket is, `times` the root of how often the person had each."""

    items: np.ndarray
    whose: np.ndarray
    near: np.ndarray
    together: np.ndarray
    beside: np.ndarray
    speaker: np.ndarray
    alike: np.ndarray
    likeness: np.ndarray
    had: np.ndarray
    times: np.ndarray
    seeds: np.ndarray


class Neighbours:
    """`near[near_at[i]:near_at[i + 1]]` are the items nearest to item `i`, with weights of two kinds; `popular` are numbers of items,
    what sells best of late first; `basket` holds the items of former baskets, the oldest first, `holder` for each item the baskets
    that hold it (all empty where like baskets add nothing); `rarity` is an item's weight when baskets are compared. All that `meta`
    says was learnt beside them."""

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

    def recommend(self, asked: Sequence[Question], most: int) -> list[Ideas]:
        """To each question the items that go with the seeds best, seeds left out, the best first; what is popular of late where there
        is nothing to start from. What the person had comes again the likelier. A score is the chance that the item is the next one,
        as learnt: between 0 and 1."""
        number, count = self.number, len(asked)
        if count > MOST_ASKED:
            return [*self.recommend(asked[:MOST_ASKED], most), *self.recommend(asked[MOST_ASKED:], most)]
        mine = [{number[id]: times for id, times in had.items() if id in number} if self.counts_had else {} for _, had in asked]
        around = self._around([self._numbers(seeds) for seeds, _ in asked], mine)
        logits, whose = self._logits(around), around.whose
        meant = (logits > 0).nonzero()[0]
        askers = whose.take(meant)
        best = meant.take(_best_first(askers, logits.take(meant)))
        counts = np.bincount(askers, minlength=count)
        ends = counts.cumsum()
        highest = np.zeros(count, dtype=np.float32)
        some = counts.nonzero()[0]
        highest[some] = logits.take(best.take((ends - counts).take(some)))
        raised = np.exp(logits - highest.take(whose))
        whole = np.bincount(whose, raised, count) + (len(self.items) - np.bincount(whose, minlength=count)) * np.exp(-highest)
        chances, speaking = raised.take(best) / whole.take(askers), self._speaking(around).take(best)
        numbers = around.items.take(best) & NUMBER
        found, start = list[Ideas](), 0
        for (_, had), end in zip(asked, ends.tolist(), strict=True):
            one = slice(start, min(end, start + most))
            found.append(self._ideas(had, numbers[one], chances[one], speaking[one]) if end > start else self.usual(most))
            start = end
        return found

    def _ideas(self, had: Mapping[str, int], numbers: np.ndarray, chances: np.ndarray, speaking: np.ndarray) -> Ideas:
        items = self.items

        def tell(start: int, stop: int) -> Told:
            return chances[start:stop].tolist(), speaking[start:stop].tolist()

        return Ideas(numbers, tell, lambda id, chance, speaks: Found(id, chance, id if id in had else items[speaks]))

    def __len__(self) -> int:
        return len(self.items)

    def parts(self, known: Sequence[int], mine: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of all items that anything speaks for but the `known` ones, and of each the `PARTS`, a column each. What is
        learnt is learnt from these."""
        around = self._around([known], [mine])
        kept = np.ones(len(around.items), dtype=bool)
        kept[around.seeds] = False
        return around.items[kept], np.stack([self._part(name, around)[kept] for name in PARTS], axis=1).astype(np.float32)

    def _numbers(self, ids: Sequence[str]) -> list[int]:
        number = self.number
        return list(dict.fromkeys([number[id] for id in ids if id in number]))

    def _around(self, known: Sequence[Sequence[int]], mine: Sequence[Mapping[int, int]]) -> Around:
        seeds = np.array([*chain.from_iterable(known)], dtype=np.int64)
        askers = np.arange(len(known)).repeat([*map(len, known)]) << NUMBER_BITS
        sizes = self._near_size.take(seeds)
        at = _places(self._near_at.take(seeds), sizes)
        near = self._near.take(at) + askers.repeat(sizes)
        alike, likeness = self._likest(seeds, askers)
        had, times = NONE, NO_LIKENESS
        if any(mine):
            had = np.array([i << NUMBER_BITS | item for i, each in enumerate(mine) for item in each], dtype=np.int64)
            times = np.sqrt(np.array([often for each in mine for often in each.values()], dtype=np.float32))
        items, place = _distinct(np.concatenate([near, alike, had, askers + seeds]))
        a, b, c = len(near), len(near) + len(alike), len(near) + len(alike) + len(had)
        return Around(
            items, items >> NUMBER_BITS, place[:a], self._together.take(at), self._beside.take(at), seeds.repeat(sizes), place[a:b], likeness, place[b:c], times, place[c:],
        )

    def _logits(self, around: Around) -> np.ndarray:
        """Of each item what all that weighs adds up to; 0 for the seeds."""
        found = np.zeros(len(around.items))
        for part, weight in self._weighing:
            found += weight * self._part(part, around)
        found[around.seeds] = 0
        return found.astype(np.float32)

    def _part(self, name: str, around: Around) -> np.ndarray:
        """Of each item one of the `PARTS`."""
        count = len(around.items)
        if name == "together":
            return np.bincount(around.near, around.together, count)
        if name == "beside":
            return np.bincount(around.near, around.beside, count)
        found = np.zeros(count, dtype=np.float32)
        if name == "next":
            np.maximum.at(found, around.near, around.beside)
        elif name == "again":
            found[around.had] = around.times
        else:
            found = np.bincount(around.alike, around.likeness, count).astype(np.float64)
            found[around.seeds] = 0
            most = np.full(int(around.whose[-1]) + 1 if count else 0, 1e-9)
            np.maximum.at(most, around.whose, found)
            found /= most.take(around.whose)
        return found

    def _likest(self, seeds: np.ndarray, askers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Items of the baskets most like each question's seeds, with the question in their upper bits as `askers` has it, and how much
        each of those speaks for them: nearest neighbours among sessions, weighted by how much they have in common (V-SKNN: Ludewig
        and Jannach 2018), rare items counting more; of equal ones the latest count."""
        if not self._baskets or not len(seeds):
            return NONE, NO_LIKENESS
        sizes = self._holder_size.take(seeds)
        baskets, place = _distinct(self._holder.take(_places(self._holder_at.take(seeds), sizes)) + askers.repeat(sizes))
        common = np.bincount(place, self._rarity.take(seeds).repeat(sizes), len(baskets))
        found, whose = baskets & NUMBER, baskets >> NUMBER_BITS
        likeness = common.astype(np.float32) / self._basket_root.take(found)
        counts = np.bincount(whose)
        if int(counts.max(initial=0)) > self._like:
            latest = len(found) - 1 - _best_first(whose[::-1], likeness[::-1])
            best = latest[np.arange(len(found)) - (counts.cumsum() - counts).repeat(counts) < self._like]
            found, whose, likeness = found.take(best), whose.take(best), likeness.take(best)
        sizes = self._basket_size.take(found)
        return self._basket.take(_places(self._basket_at.take(found), sizes)) + (whose << NUMBER_BITS).repeat(sizes), likeness.repeat(sizes)

    def _speaking(self, around: Around) -> np.ndarray:
        """Of each item the number of the seed that speaks for it most, the last of equal ones; of one for which none does, the
        last seed of all. 0 where a question has none."""
        weight = around.together * self.weights[0] + around.beside * (self.weights[1] + self.weights[2])
        heaviest = np.full(len(around.items), -1)
        np.maximum.at(heaviest, around.near, (weight.view(np.int32).astype(np.int64) << NUMBER_BITS) + np.arange(len(weight)))
        last = np.zeros(int(around.whose[-1]) + 1 if len(around.whose) else 0, dtype=np.int64)
        known = around.items.take(around.seeds)
        last[known >> NUMBER_BITS] = known & NUMBER
        found = last.take(around.whose)
        spoken_for = (heaviest >= 0).nonzero()[0]
        found[spoken_for] = around.speaker.take(heaviest.take(spoken_for) & NUMBER)
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


def _best_first(askers: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The order from each asker's highest score on, one asker after the other, equal ones as they stand: the bits of floats that are not
    negative rise as they do."""
    return _rising((askers << 31) - scores.view(np.int32)) & PLACE


def _distinct(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each key once, rising, and which of them each is."""
    sorted_keys = _rising(keys)
    rising, first, place = sorted_keys >> PLACE_BITS, np.ones(len(keys), dtype=bool), np.empty(len(keys), dtype=np.int64)
    np.not_equal(rising[1:], rising[:-1], out=first[1:])
    place[sorted_keys & PLACE] = first.cumsum() - 1
    return rising[first], place


def _rising(keys: np.ndarray) -> np.ndarray:
    """The keys, below 2^37, in order, with the place of each in its lower bits: such a sort takes a third of what it takes to find the order."""
    found = (keys << PLACE_BITS) + np.arange(len(keys))
    found.sort()
    return found


def _inside(numbers: np.ndarray, below: int) -> bool:
    return not len(numbers) or (int(numbers.min()) >= 0 and int(numbers.max()) < below)
