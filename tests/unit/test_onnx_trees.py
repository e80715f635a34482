"""Tree ensembles by tables give what the runtime gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier

from app.adapters.onnx_model import OnnxModel
from app.adapters.onnx_runtime import sound
from app.adapters.onnx_trees import trees_of
from app.adapters.tree_model import TreeModel
from app.adapters.watchdog import Watchdog
from app.errors import ModelUnavailable
from tests.made_models import card

COLUMNS = tuple("abcdef")
DRAW = np.random.default_rng(3)
X = DRAW.normal(size=(400, len(COLUMNS))).astype(np.float32)
Y = X[:, 0] * X[:, 3] + X[:, 1]


def made(estimator, labels, **options) -> bytes:
    fitted = estimator.fit(X, labels)
    return to_onnx(fitted, X[:1], options={id(fitted): options} if options else None).SerializeToString()


CLASSIFIER = made(GradientBoostingClassifier(n_estimators=20, max_depth=4, random_state=0), Y > 0, zipmap=False)
REGRESSOR = made(GradientBoostingRegressor(n_estimators=20, max_depth=4, random_state=0), Y)
FOREST = made(RandomForestClassifier(n_estimators=5, max_depth=4, random_state=0), Y > 0, zipmap=False)
DEEP = made(GradientBoostingClassifier(n_estimators=2, max_depth=12, min_samples_leaf=1, random_state=0), DRAW.random(400) > 0.5, zipmap=False)


def runtime(data: bytes, **fields: Any) -> OnnxModel:
    """ONNX Runtime's model of the file."""
    return OnnxModel(card(*COLUMNS, **fields), data, Watchdog())


def tables(data: bytes, **fields: Any) -> TreeModel:
    """The tables of the file, which the runtime vouches for."""
    found = sound(card(*COLUMNS, **fields), data, Watchdog())
    assert isinstance(found, TreeModel)
    return found


PROBABILITY = {"output_name": "probabilities"}


@pytest.mark.parametrize("data,fields", [(CLASSIFIER, PROBABILITY), (REGRESSOR, {})])
def test_tables_score_as_the_runtime_does(data: bytes, fields: Any) -> None:
    assert tables(data, **fields).score_table(X[:200].tolist()) == pytest.approx(runtime(data, **fields).score_rows(X[:200]), abs=1e-6)


@pytest.mark.parametrize("data,fields", [(CLASSIFIER, PROBABILITY), (REGRESSOR, {})])
def test_one_row_scores_as_among_many(data: bytes, fields: Any) -> None:
    found = tables(data, **fields)

    assert found.score(X[3].tolist()) == found.score_rows(X[:9])[3]


@pytest.mark.parametrize("data,fields", [(CLASSIFIER, PROBABILITY), (REGRESSOR, {})])
def test_fixed_columns_change_no_score(data: bytes, fields: Any) -> None:
    whole = X[:30].copy()
    whole[:, [1, 2, 5]] = person = [0.5, -1.25, 3.0]

    scores = tables(data, **fields).fixed(X[:30], [1, 2, 5])(person, None)

    assert scores == pytest.approx(runtime(data, **fields).score_rows(whole), abs=1e-6)


def test_some_rows_score_as_among_all() -> None:
    score = tables(CLASSIFIER, **PROBABILITY).fixed(X[:30], [0])

    assert score([0.1], [7, 3]) == [score([0.1], None)[7], score([0.1], None)[3]]


@pytest.mark.parametrize("data,fields", [(CLASSIFIER, PROBABILITY), (REGRESSOR, {})])
def test_a_ranking_orders_rows_as_their_scores_do(data: bytes, fields: Any) -> None:
    found = tables(data, **fields)

    ranked = found.fixed(X[:30], [0], ranking=True)([0.1], None)

    assert np.argsort(ranked).tolist() == np.argsort(found.fixed(X[:30], [0])([0.1], None)).tolist()


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 3e38, float("nan")])
def test_extreme_values_take_the_runtimes_branches(value: float) -> None:
    whole = X[:5].copy()
    whole[:, 0] = np.float64(value).astype(np.float32)

    scores = tables(CLASSIFIER, **PROBABILITY).fixed(X[:5], [0])([value], None)

    assert scores == pytest.approx(runtime(CLASSIFIER, **PROBABILITY).score_rows(whole), abs=1e-6)


def test_a_row_that_no_tensor_holds_is_refused() -> None:
    with pytest.raises(ModelUnavailable, match="cannot hold"):
        tables(CLASSIFIER, **PROBABILITY).score(["red", 1, 2, 3, 4, 5])


def test_a_score_outside_the_cards_range_is_refused() -> None:
    with pytest.raises(ModelUnavailable, match="outside"):
        tables(REGRESSOR, output_range=(100.0, 101.0)).score([0.0] * 6)


@pytest.mark.parametrize("data", [FOREST, DEEP, b"", b"\x00", CLASSIFIER[:500], b"x" * 99])
def test_what_the_tables_cannot_hold_is_left_to_the_runtime(data):
    assert trees_of(data, None) is None


def test_a_model_that_is_left_to_the_runtime_scores_fixed_columns_all_the_same() -> None:
    found = sound(card(*COLUMNS, output_name="probabilities", output_index=1), FOREST, Watchdog())
    whole = X[:9].copy()
    whole[:, [2, 3, 5]] = 0.25

    assert isinstance(found, OnnxModel)
    assert found.fixed(X[:9], [2, 3, 5])([0.25, 0.25, 0.25], [0, 8]) == found.score_rows(whole[[0, 8]])
