"""What a recommender makes of its arrays, beside the same by the book: one item after the other, in plain Python."""

from __future__ import annotations

import json
from collections import defaultdict
from math import exp, sqrt
from random import Random
from typing import Any

import numpy as np
import pytest

from app.content.ideas import Ideas
from app.content.neighbours import Neighbours
from tests.told import told

ITEMS, BASKETS = 60, 200
ALIKE = BASKETS  # fewer of them, and which of equal ones count is anybody's guess


def made(draw: Random, weights: dict[str, float]) -> dict[str, np.ndarray]:
    """Arrays of items that nobody bought, of which some are near to others and stand in baskets with others."""
    near = [draw.sample([j for j in range(ITEMS) if j != i], draw.randint(1, 12)) for i in range(ITEMS)]
    baskets = [sorted(draw.sample(range(ITEMS), draw.randint(1, 6))) for _ in range(BASKETS)]
    holders = [[number for number, basket in enumerate(baskets) if i in basket] for i in range(ITEMS)]
    near_at, at = rows(near)
    basket_at, basket = rows(baskets)
    holder_at, holder = rows(holders)
    weighed = {name: np.array([draw.random() for _ in at], dtype=np.float16) for name in ("together", "beside")}
    return {
        "meta": np.frombuffer(json.dumps({"weights": weights, "like": ALIKE}).encode(), dtype=np.uint8), "items": np.array([f"i{i}" for i in range(ITEMS)]),
        "near_at": near_at, "near": at, **weighed, "popular": np.arange(9, dtype=np.int32), "basket_at": basket_at, "basket": basket, "holder_at": holder_at, "holder": holder,
        "rarity": np.array([draw.uniform(1, 5) for _ in range(ITEMS)], dtype=np.float32),
    }


def rows(lists: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """(where each begins, and all of them)."""
    return np.cumsum([0, *map(len, lists)]), np.array([each for row in lists for each in row], dtype=np.int32)


def by_the_book(arrays: dict[str, np.ndarray], seeds: list[str], had: dict[str, int]) -> dict[str, tuple[float, set[str]]]:
    """Of each item its chance to be the next one, and the seeds that may speak for it."""
    rows: dict[str, Any] = {name: array.tolist() for name, array in arrays.items() if name != "meta"}
    weights, items = json.loads(bytes(arrays["meta"]))["weights"], rows["items"]
    parts: dict[str, dict[str, float]] = {part: defaultdict(float) for part in weights}
    speaks: dict[str, dict[str, float]] = defaultdict(dict)
    for seed in seeds:
        i = items.index(seed)
        for at in range(rows["near_at"][i], rows["near_at"][i + 1]):
            near, together, beside = items[rows["near"][at]], rows["together"][at], rows["beside"][at]
            parts["together"][near] += together
            parts["beside"][near] += beside
            parts["next"][near] = max(parts["next"][near], beside)
            speaks[near][seed] = together * weights["together"] + beside * (weights["beside"] + weights["next"])
    parts["again"] |= {id: sqrt(times) for id, times in had.items()}
    for id, like in alike(rows, seeds).items():
        parts["like"][id] += like
    scores = {id: sum(weight * parts[part].get(id, 0.0) for part, weight in weights.items()) for id in items}
    shown = {id: score for id, score in scores.items() if score > 0 and id not in seeds}
    whole = sum(exp(score) for score in shown.values()) + ITEMS - len(shown)
    return {id: (exp(score) / whole, {seed for seed in seeds if speaks[id].get(seed, 0.0) >= max(speaks[id].values(), default=0.0) - 1e-6}) for id, score in shown.items()}


def alike(rows: dict[str, Any], seeds: list[str]) -> dict[str, float]:
    """How much the baskets most like the seeds speak for each item, 1 for the most."""
    found: dict[str, float] = defaultdict(float)
    likeness: dict[int, float] = {}
    numbers = [rows["items"].index(seed) for seed in seeds]
    for basket, start in enumerate(rows["basket_at"][:-1]):
        held = rows["basket"][start : rows["basket_at"][basket + 1]]
        if common := sum(rows["rarity"][number] for number in numbers if number in held):
            likeness[basket] = common / sqrt(len(held))
    for basket in sorted(likeness, key=likeness.__getitem__, reverse=True)[:ALIKE]:
        for number in rows["basket"][rows["basket_at"][basket] : rows["basket_at"][basket + 1]]:
            if number not in numbers:
                found[rows["items"][number]] += likeness[basket]
    most = max(found.values(), default=1.0)
    return {id: value / most for id, value in found.items()}


WEIGHTS = {
    "all": {"together": 2.5, "beside": 1.0, "next": 2.8, "again": 0.7, "like": 1.9}, "no likeness": {"together": 6.0, "beside": 0.0, "next": 4.0, "again": 0.0, "like": 0.0},
}


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("weights", WEIGHTS)
def test_chances_and_reasons_are_those_that_their_definition_gives(number, weights):
    draw = Random(number)
    arrays = made(draw, WEIGHTS[weights])
    seeds = [f"i{each}" for each in draw.sample(range(ITEMS), draw.randint(1, 8))]
    had = {f"i{each}": draw.randint(1, 9) for each in draw.sample(range(ITEMS), draw.randint(0, 10))}

    found, wanted = told(Neighbours(arrays), seeds, had, 400), by_the_book(arrays, seeds, had)

    assert {each.id: each.score for each in found} == pytest.approx({id: score for id, (score, _) in wanted.items()}, rel=1e-3)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert [each.because for each in found if each.because != each.id and each.because not in wanted[each.id][1]] == []
    assert {each.id for each in found if each.because == each.id} == had.keys() & wanted.keys()


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("like", [ALIKE, 7])
def test_many_questions_together_get_what_each_alone_gets(weights, like):
    draw = Random(like)
    arrays = made(draw, WEIGHTS[weights])
    arrays["meta"] = np.frombuffer(json.dumps({"weights": WEIGHTS[weights], "like": like}).encode(), dtype=np.uint8)
    learnt = Neighbours(arrays)
    asked = [
        ([f"i{each}" for each in draw.sample(range(ITEMS + 5), draw.randint(0, 8))], {f"i{each}": draw.randint(1, 9) for each in draw.sample(range(ITEMS), draw.choice([0, 3]))})
        for _ in range(150)
    ]

    every = [answers(learnt, ideas) for ideas in learnt.recommend(asked, 20)]

    assert len({str(each) for each in every}) > 100
    for question, found in zip(asked, every, strict=True):
        (alone,) = learnt.recommend([question], 20)
        assert answers(learnt, alone) == found


def answers(learnt: Neighbours, ideas: Ideas) -> list[tuple[str, str | None, float]]:
    """What an answer tells of each idea; chances as exactly as they are shown."""
    told = [ideas.found(learnt.id(number), score, speaks) for stride in ideas.strides() for number, score, speaks in zip(*stride, strict=True)]
    return [(each.id, each.because, round(each.score, 9)) for each in told]
