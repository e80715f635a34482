"""How the parts of a recommender's score weigh: learnt by completing baskets (conditional logit)."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from app.content.neighbours import PARTS, Neighbours
from app.learning.baskets import Basket, Question, bought_before
from app.learning.libraries import library

USUAL = {"together": 6.0, "beside": 2.0, "next": 4.0, "again": 0.7, "like": 0.0}
"""What the parts of a score weigh where there is too little to learn it from."""
LEAST_QUESTIONS = 200
MATTERS = 1.03
"""How many times as many hidden items like baskets have to find among the first ten, to be kept."""
WEIGHED = 300
"""Items of a question that are compared with the hidden one."""
HITS = 10


def weighed(neighbours: Neighbours, before: Sequence[Basket], asked: Sequence[Question]) -> dict[str, float]:
    """How the parts of a score weigh: those with which the hidden items are likeliest among their rivals (conditional logit), none
    negative. Like baskets weigh nothing where they do not find more of what half of the people hid: then they need not be kept."""
    rivals = _rivals(neighbours, before, asked)
    half = [crc32(question.who.encode()) & 1 for question in asked]
    train, test = ([each for each, part in zip(rivals, half, strict=True) if part == which and each is not None] for which in (0, 1))
    if not train or not test:
        return dict(USUAL)
    every = list(range(len(PARTS)))
    columns = every if _found(test, _fit(train, every)) > MATTERS * _found(test, _fit(train, every[:-1])) else every[:-1]
    return dict(zip(PARTS, map(float, np.round(_fit([*train, *test], columns), 4)), strict=True))


def _rivals(neighbours: Neighbours, before: Sequence[Basket], asked: Sequence[Question]) -> list[np.ndarray | None]:
    """Per question the parts of the hidden item, first, and of the best others; None where nothing speaks for it."""
    had, found = bought_before(before), list[np.ndarray | None]()
    for question in asked:
        mine = {neighbours.number[id]: times for id, times in had[question.who].items()}
        items, parts = neighbours.parts([neighbours.number[id] for id in question.others], mine)
        at = np.flatnonzero(items == neighbours.number[question.hidden])
        best = np.argsort(-(parts @ neighbours.weights), kind="stable")[:WEIGHED]
        found.append(np.concatenate([parts[at], parts[best[best != at[0]]]]) if len(at) else None)
    return found


def _fit(rivals: Sequence[np.ndarray], columns: Sequence[int]) -> np.ndarray:
    parts, at = np.concatenate(rivals)[:, columns].astype(np.float64), np.cumsum([0, *map(len, rivals)])[:-1]
    scale, of = parts.std(axis=0) + 1e-9, np.repeat(np.arange(len(at)), np.diff([*at, len(parts)]))
    parts /= scale

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = parts @ weights
        most = np.maximum.reduceat(logits, at)
        raised = np.exp(logits - most[of])
        whole = np.add.reduceat(raised, at)
        slope = parts.T @ (raised / whole[of]) - parts[at].sum(axis=0)
        return float((most + np.log(whole) - logits[at]).sum() + 0.5 * weights @ weights) / len(at), (slope + weights) / len(at)

    found = library("scipy.optimize").minimize(loss, np.zeros(len(columns)), jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(columns))
    weights = np.zeros(len(PARTS))
    weights[list(columns)] = found.x / scale
    return weights


def _found(rivals: Sequence[np.ndarray], weights: np.ndarray) -> int:
    """How many hidden items are among the first ten."""
    return sum(int((each @ weights > each[0] @ weights).sum() < HITS) for each in rivals)
