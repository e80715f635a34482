"""Recency, frequency and money as one number: the file gives what the words say, of everybody."""

from __future__ import annotations

import numpy as np
import pytest

from app.errors import SettingsInvalid
from app.learning.fitting import scores
from app.learning.rfm import described, edges_of, onnx, scored


def people(count: int = 2_000) -> np.ndarray:
    draw = np.random.default_rng(4)
    orders = draw.poisson(2, count)
    return np.column_stack([draw.gamma(2, 1e6, count), orders, orders * draw.gamma(2, 30, count)]).astype(np.float32)


@pytest.mark.parametrize("parts", [2, 5, 9])
def test_the_file_scores_everybody_as_the_formula_does(parts):
    rows = people()
    edges = edges_of(rows, parts)

    assert (scores(onnx(edges), {"inputs": rows}) == scored(edges, rows)).all()


def test_who_bought_lately_often_and_much_has_the_most_and_who_never_did_has_nothing():
    edges = edges_of(people(), 5)

    told = scored(edges, np.array([[0, 100, 1e6], [1e9, 1, 1], [1e9, 0, 0]]))

    assert told.tolist() == [555, 111, 0]


def test_each_part_of_money_holds_as_many_customers():
    rows = people()
    money = scored(edges_of(rows, 5), rows)[rows[:, 1] > 0] % 10

    assert np.ptp(np.bincount(money.astype(int))[1:]) <= 2


def test_groups_are_named():
    assert [name for _, name in described(np.array([555.0, 511.0, 111.0, 155.0, 0.0, 333.0]), 5)] == [
        "best: lately, often and much", "new: lately, once or seldom", "lost: long ago, seldom and little", "lapsing: often or much, and long ago", "never ordered", "others",
    ]


def test_too_few_customers_are_refused_with_what_to_do():
    with pytest.raises(SettingsInvalid) as refused:
        edges_of(people(20), 5)

    assert "take in more time" in refused.value.message
