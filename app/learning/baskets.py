"""Baskets out of a history, and questions about them: which item is missing?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.content.matching import walk
from app.learning.libraries import library
from app.learning.histories import Events, pasts

JUDGED = 2_000


@dataclass(frozen=True, slots=True)
class Basket:
    who: str
    at: int
    items: tuple[str, ...]


def baskets(path: Events, event: str, inside: Sequence[str]) -> list[Basket]:
    """Every event that names items, the oldest first, each item once."""
    found: list[Basket] = []
    for past in pasts(path):
        for each in past.events:
            if each.name == event:
                ids = dict.fromkeys(id for id in walk(each.properties, tuple(inside)) if isinstance(id, str))
                if ids:
                    found.append(Basket(past.profile, each.at, tuple(ids)))
    return sorted(found, key=lambda basket: (basket.at, basket.who))


@dataclass(frozen=True, slots=True)
class Question:
    """A later basket of a known customer without one of its items: which one was it?"""

    who: str
    others: tuple[str, ...]
    hidden: str


def questions(before: Sequence[Basket], later: Sequence[Basket], seed: int, most: int = JUDGED) -> list[Question]:
    """Of people and items that were known before; each item of a basket is hidden once, and so many are drawn of all that."""
    people, items = {basket.who for basket in before}, {id for basket in before for id in basket.items}
    whole = [(basket.who, known) for basket in later if basket.who in people and len(known := tuple(id for id in basket.items if id in items)) > 1]
    asked = [Question(who, known[:place] + known[place + 1 :], known[place]) for who, known in whole for place in range(len(known))]
    return [asked[i] for i in map(int, np.random.default_rng(seed).permutation(len(asked))[:most])]


def bought_before(before: Sequence[Basket]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for basket in before:
        found[basket.who].update(basket.items)
    return found


def matrix(given: Sequence[Basket], number: Mapping[str, int]) -> Any:
    """Baskets by items, 1 where a basket holds an item."""
    at = np.concatenate([[0], np.cumsum([len(basket.items) for basket in given])])
    columns = np.fromiter((number[id] for basket in given for id in basket.items), np.int32)
    return library("scipy.sparse").csr_matrix((np.ones(len(columns), np.float32), columns, at), shape=(len(given), len(number)))
