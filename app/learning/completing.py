"""How good a recommender is at completing later baskets, beside what is plain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from app.content.recommending import Learnt
from app.learning.baskets import Basket, Question, bought_before, matrix

HITS = 10
Recommend = Callable[[Question], Sequence[str]]


def hit_rate(asked: Sequence[Question], recommend: Recommend) -> float:
    """The share of questions whose item is among the first ten."""
    return sum(question.hidden in recommend(question)[:HITS] for question in asked) / len(asked)


def by_popularity(before: Sequence[Basket]) -> Recommend:
    """What most baskets hold, but for what is in the basket already."""
    best = [id for id, _ in Counter(id for basket in before for id in basket.items).most_common(1_000)]
    return lambda question: [id for id in best if id not in question.others][:HITS]


def by_cosine(before: Sequence[Basket]) -> Recommend:
    """Plain item to item: the sum of the cosines with the basket's items, none of them left out."""
    number = {id: i for i, id in enumerate(dict.fromkeys(id for basket in before for id in basket.items))}
    held, ids = matrix(before, number), list(number)
    often = np.sqrt(np.asarray(held.sum(axis=0)).ravel())
    alike = (held.T @ held).toarray() / np.outer(often, often)
    np.fill_diagonal(alike, 0)

    def recommend(question: Question) -> Sequence[str]:
        scores = alike[[number[id] for id in question.others]].sum(axis=0)
        scores[[number[id] for id in question.others]] = -1
        return [ids[i] for i in map(int, np.argsort(-scores, kind="stable")[:HITS])]

    return recommend


def by_learnt(learnt: Learnt, before: Sequence[Basket]) -> Recommend:
    """As the server does it."""
    had = bought_before(before)
    return lambda question: [learnt.id(number) for number in learnt.recommend([(question.others, had.get(question.who, {}))], HITS)[0].numbers.tolist()]
