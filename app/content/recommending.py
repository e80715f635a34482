"""What goes with what, as a recommender holds it in memory: neighbours of each item, and former baskets to find like ones among;
and what it thinks of for a person.

A few arrays of numbers, read from one file that `inlay train` writes; `recommend` is a handful of numpy calls over them.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.content.matching import walk
from app.domain.definitions import Definitions, Recommender
from app.domain.item import Item
from app.domain.request import Request
from app.errors import ContentInvalid, Problem

FORMAT = 1
ARRAYS = ("meta", "items", "near_at", "near", "near_weight", "basket_at", "basket", "holder_at", "holder", "rarity")
MOST_SEEDS = 50
CANDIDATES = 400
"""Items that a recommender hands on to filters and rank, the best first."""
SEEDS = "seeds"
"""The key of the request's memo under which a caller says what to start from, in place of the person's events."""
_REASONS = "reasons"


@dataclass(frozen=True, slots=True)
class Found:
    """An item, its score, and the item that speaks for it most: itself, where the person had it before."""

    id: str
    score: float
    because: str


class Neighbours:
    """`near[near_at[i]:near_at[i + 1]]` are the items nearest to item `i`, with `near_weight`; `basket` holds the items of former
    baskets, the oldest first, `holder` for each item the baskets that hold it; `rarity` is an item's weight when baskets are
    compared. All that `meta` says was learnt beside them."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.meta: dict[str, Any] = json.loads(bytes(arrays["meta"]))
        self.items = [str(each) for each in arrays["items"].tolist()]
        self.number = {id: i for i, id in enumerate(self.items)}
        self._near_at, self._near, self._weight = arrays["near_at"], arrays["near"], arrays["near_weight"].astype(np.float32)
        self._basket_at, self._basket = arrays["basket_at"], arrays["basket"]
        self._holder_at, self._holder, self._rarity = arrays["holder_at"], arrays["holder"], arrays["rarity"]
        self._root = np.sqrt(np.maximum(np.diff(self._basket_at), 1)).astype(np.float32)
        self._blend: tuple[float, float, float] = tuple(self.meta["blend"])
        self._like: int = self.meta["like"]
        self.bytes = sum(each.nbytes for each in arrays.values())

    @staticmethod
    def read(path: Path) -> Neighbours:
        """`ContentInvalid` where the file is no such file, or its parts do not fit together."""
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in ARRAYS}
            found = Neighbours(arrays)
            whole = found.meta["format"] == FORMAT and found._fits()
        except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
            raise _broken(path, f"{type(error).__name__}: {str(error)[:120]}") from error
        if not whole:
            raise _broken(path, "its parts do not fit together")
        return found

    def _fits(self) -> bool:
        items, baskets = len(self.items), len(self._basket_at) - 1
        parts = ((self._near_at, self._near, items, items), (self._basket_at, self._basket, baskets, items), (self._holder_at, self._holder, items, baskets))
        return len(self._rarity) == items and len(self._weight) == len(self._near) and len(self.number) == items and all(
            len(at) == count + 1 and at[0] == 0 and int(at[-1]) == len(of) and bool((np.diff(at) >= 0).all()) and (not len(of) or (int(of.min()) >= 0 and int(of.max()) < below))
            for at, of, count, below in parts
        )

    def recommend(self, seeds: Sequence[str], had: Mapping[str, int], most: int) -> list[Found]:
        """The items that go with the seeds best, seeds left out, the best first. `had` says how often the person had which items:
        they come again the likelier. A score is between 0 and 1."""
        known = list(dict.fromkeys(self.number[id] for id in seeds if id in self.number))[-MOST_SEEDS:]
        mine = {self.number[id]: times for id, times in had.items() if id in self.number}
        if not known and not mine:
            return []
        near, like, again = self._blend
        scores = near * _scaled(self._nearest(known)) + like * _scaled(self._likest(known))
        if mine:
            scores[list(mine)] += again * np.sqrt(np.fromiter(mine.values(), np.float32, len(mine)))
        scores[known] = 0
        best = np.argpartition(-scores, min(most, len(scores) - 1))[:most]
        best = best[np.lexsort((best, -scores[best]))]
        total = near + like + again
        return [Found(self.items[i], float(scores[i]) / total, self._because(i, known, mine)) for i in map(int, best) if scores[i] > 0]

    def _nearest(self, known: Sequence[int]) -> np.ndarray:
        """Per item how near it is to the seeds together."""
        scores = np.zeros(len(self.items), dtype=np.float32)
        for i in known:
            here = slice(self._near_at[i], self._near_at[i + 1])
            scores[self._near[here]] += self._weight[here]
        return scores

    def _likest(self, known: Sequence[int]) -> np.ndarray:
        """Per item how much of the baskets most like the seeds hold it: nearest neighbours among sessions, weighted by how much
        they have in common (V-SKNN: Ludewig and Jannach 2018), rare items counting more."""
        scores = np.zeros(len(self.items), dtype=np.float32)
        if not known or not len(self._root):
            return scores
        holders = [self._holder[self._holder_at[i] : self._holder_at[i + 1]] for i in known]
        weights = np.repeat(self._rarity[known], [len(each) for each in holders])
        likeness = np.bincount(np.concatenate(holders), weights, len(self._root)).astype(np.float32) / self._root
        best = np.argpartition(-likeness, min(self._like, len(likeness) - 1))[: self._like]
        for basket in best[likeness[best] > 0].tolist():
            scores[self._basket[self._basket_at[basket] : self._basket_at[basket + 1]]] += likeness[basket]
        return scores

    def _because(self, item: int, known: Sequence[int], mine: Mapping[int, int]) -> str:
        if item in mine:
            return self.items[item]
        best, found = 0.0, known[-1] if known else item
        for i in known:
            here = slice(self._near_at[i], self._near_at[i + 1])
            at = np.flatnonzero(self._near[here] == item)
            if len(at) and (weight := float(self._weight[here][at[0]])) > best:
                best, found = weight, i
        return self.items[found]


class Adviser:
    """A recommender as rules use it: what to start from, and how often the person had what, come from the events of the person."""

    def __init__(self, definition: Recommender, neighbours: Neighbours) -> None:
        self.definition = definition
        self.neighbours = neighbours

    def items(self, r: Request, catalogue: Any) -> list[Item]:
        """The best first, as the catalogue has them now. What speaks for each is kept in the request's memo (`reasons`)."""
        given = r.memo.get(SEEDS)
        found = self.neighbours.recommend(self._seeds(r) if given is None else given, self._had(r), CANDIDATES)
        reasons(r).update({each.id: each for each in found})
        return [item for each in found if (item := catalogue.get(each.id)) is not None]

    def _seeds(self, r: Request) -> list[str]:
        asked, found = self.definition, list[str]()
        for place in reversed(r.places(asked.event)):
            found += [id for id in walk(r.history.properties(place), asked.path) if isinstance(id, str)]
            if found and (not asked.recent or len(found) >= MOST_SEEDS):
                break
        return found[:MOST_SEEDS]

    def _had(self, r: Request) -> Counter[str]:
        found = Counter[str]()
        if self.definition.bought is not None:
            event, path = self.definition.bought
            for place in r.places(event):
                found.update({id for id in walk(r.history.properties(place), path) if isinstance(id, str)})
        return found


def reasons(r: Request) -> dict[str, Found]:
    """By item what spoke for it in this request."""
    return r.memo.setdefault(_REASONS, {})


def advisers(definitions: Definitions, models: Path) -> dict[str, Adviser]:
    """All recommenders of the content, from the files in its folder `models/`."""
    return {id: Adviser(each, Neighbours.read(models / each.file)) for id, each in definitions.recommenders.items()}


def _scaled(scores: np.ndarray) -> np.ndarray:
    most = scores.max(initial=0)
    return scores / most if most > 0 else scores


def _broken(path: Path, why: str) -> ContentInvalid:
    return ContentInvalid((Problem(str(path), 1, "recommender", f"cannot be read: {why}", "write it anew with `inlay train`"),), path.name)
