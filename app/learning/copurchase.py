"""What goes with what, learnt from baskets: cosine neighbours of items, former baskets to compare with, and how good that is at
completing later ones."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from app.content.matching import walk
from app.content.recommending import FORMAT, Neighbours
from app.errors import SettingsInvalid
from app.learning.libraries import library
from app.learning.parquet import pasts

BLEND = (2.0, 1.0, 0.5)
"""How much count: neighbours of the items, baskets like this one, having had it before. The best of 56 on the baskets of September 2011 of
Online Retail, completed from those before: 0.251 of 2,000 hidden items among the first ten, plain cosine 0.238, popularity 0.048."""
NEAR, LIKE = 200, 50
MET = 2
"""Baskets in which two items must have met to be neighbours at all."""
HOLDERS = 2_000
"""Baskets, the latest ones, that are looked through for an item."""
LEAST_BASKETS = 50
JUDGED = 2_000
HITS = 10


@dataclass(frozen=True, slots=True)
class Basket:
    who: str
    at: int
    items: tuple[str, ...]


def baskets(path: Path, event: str, inside: Sequence[str]) -> list[Basket]:
    """Every event that names items, the oldest first, each item once."""
    found: list[Basket] = []
    for past in pasts(path):
        for each in past.events:
            if each.name == event:
                ids = dict.fromkeys(id for id in walk(each.properties, tuple(inside)) if isinstance(id, str))
                if ids:
                    found.append(Basket(past.profile, each.at, tuple(ids)))
    return sorted(found, key=lambda basket: (basket.at, basket.who))


def learn(given: Sequence[Basket], described: Mapping[str, Any] | None = None) -> dict[str, np.ndarray]:
    """The arrays of a recommender. `SettingsInvalid` where there are too few baskets."""
    pairs = sum(len(basket.items) > 1 for basket in given)
    if pairs < LEAST_BASKETS:
        raise SettingsInvalid(f"{pairs:,} baskets hold two items or more; at least {LEAST_BASKETS} are needed: take in more time, or look at the property that baskets: names")
    number: dict[str, int] = {}
    for basket in given:
        for id in basket.items:
            number.setdefault(id, len(number))
    held = _matrix(given, number)
    near_at, near, weight = _nearest(held)
    holder_at, holder = _holders(held)
    often = np.asarray(held.sum(axis=0)).ravel()
    meta = {"format": FORMAT, "blend": BLEND, "like": LIKE, "baskets": len(given), **(described or {})}
    return {
        "meta": np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8), "items": np.array(list(number)), "near_at": near_at, "near": near, "near_weight": weight,
        "basket_at": held.indptr.astype(np.int64), "basket": held.indices.astype(np.int32), "holder_at": holder_at, "holder": holder,
        "rarity": np.log1p(len(given) / often).astype(np.float32),
    }


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """As the file that the server reads."""
    into = BytesIO()
    np.savez(into, allow_pickle=False, **dict(arrays))
    return into.getvalue()


def _matrix(given: Sequence[Basket], number: Mapping[str, int]) -> Any:
    """Baskets by items, 1 where a basket holds an item."""
    at = np.concatenate([[0], np.cumsum([len(basket.items) for basket in given])])
    columns = np.fromiter((number[id] for basket in given for id in basket.items), np.int32)
    return library("scipy.sparse").csr_matrix((np.ones(len(columns), np.float32), columns, at), shape=(len(given), len(number)))


def _nearest(held: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per item those that are most alike as the cosine of their baskets says, a slice of items at a time."""
    often = np.sqrt(np.asarray(held.sum(axis=0)).ravel())
    columns, starts, near, weights = held.T.tocsr(), [0], list[np.ndarray](), list[np.ndarray]()
    for start in range(0, held.shape[1], 512):
        together = (columns[start : start + 512] @ held).tocsr()
        for row in range(together.shape[0]):
            here = slice(together.indptr[row], together.indptr[row + 1])
            others, met = together.indices[here], together.data[here]
            kept = (others != start + row) & (met >= MET)
            others, cosine = others[kept], met[kept] / (often[others[kept]] * often[start + row])
            best = np.lexsort((others, -cosine))[:NEAR]
            near.append(others[best].astype(np.int32))
            weights.append(cosine[best].astype(np.float16))
            starts.append(starts[-1] + len(best))
    return np.array(starts, dtype=np.int64), np.concatenate(near), np.concatenate(weights)


def _holders(held: Any) -> tuple[np.ndarray, np.ndarray]:
    columns = held.T.tocsr()
    columns.sort_indices()
    lists = [columns.indices[columns.indptr[i] : columns.indptr[i + 1]][-HOLDERS:] for i in range(columns.shape[0])]
    return np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int64), np.concatenate(lists).astype(np.int32)


# -- how good it is ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """A later basket of a known customer without one of its items: which one was it?"""

    who: str
    others: tuple[str, ...]
    hidden: str


Recommend = Callable[[Question], Sequence[str]]


def questions(before: Sequence[Basket], later: Sequence[Basket], seed: int, most: int = JUDGED) -> list[Question]:
    """Of people and items that were known before; each item of a basket is hidden once, and so many are drawn of all that."""
    people, items = {basket.who for basket in before}, {id for basket in before for id in basket.items}
    whole = [(basket.who, known) for basket in later if basket.who in people and len(known := tuple(id for id in basket.items if id in items)) > 1]
    asked = [Question(who, known[:place] + known[place + 1 :], known[place]) for who, known in whole for place in range(len(known))]
    return [asked[i] for i in map(int, np.random.default_rng(seed).permutation(len(asked))[:most])]


def hit_rate(asked: Sequence[Question], recommend: Recommend) -> float:
    """The share of questions whose item is among the first ten."""
    return sum(question.hidden in recommend(question)[:HITS] for question in asked) / len(asked)


def bought_before(before: Sequence[Basket]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for basket in before:
        found[basket.who].update(basket.items)
    return found


def by_popularity(before: Sequence[Basket]) -> Recommend:
    """What most baskets hold, but for what is in the basket already."""
    best = [id for id, _ in Counter(id for basket in before for id in basket.items).most_common(1_000)]
    return lambda question: [id for id in best if id not in question.others][:HITS]


def by_cosine(before: Sequence[Basket]) -> Recommend:
    """Plain item to item: the sum of the cosines with the basket's items, none of them left out."""
    number = {id: i for i, id in enumerate(dict.fromkeys(id for basket in before for id in basket.items))}
    held, ids = _matrix(before, number), list(number)
    often = np.sqrt(np.asarray(held.sum(axis=0)).ravel())
    alike = (held.T @ held).toarray() / np.outer(often, often)
    np.fill_diagonal(alike, 0)

    def recommend(question: Question) -> Sequence[str]:
        scores = alike[[number[id] for id in question.others]].sum(axis=0)
        scores[[number[id] for id in question.others]] = -1
        return [ids[i] for i in map(int, np.argsort(-scores, kind="stable")[:HITS])]

    return recommend


def by_neighbours(neighbours: Neighbours, before: Sequence[Basket]) -> Recommend:
    """As the server does it."""
    had = bought_before(before)
    return lambda question: [found.id for found in neighbours.recommend(question.others, had.get(question.who, {}), HITS)]
