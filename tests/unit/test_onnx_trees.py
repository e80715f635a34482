"""Tree ensembles by tables give what the runtime gives."""

from __future__ import annotations


import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier

from app.adapters.onnx_model import OnnxModel, Watchdog
from app.adapters.onnx_trees import trees_of
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


def model(data: bytes, **fields) -> OnnxModel:
    found = OnnxModel(card(*COLUMNS, **fields), data, Watchdog())
    found.verify()
    return found


@pytest.mark.parametrize("data,fields", [(CLASSIFIER, {"output_name": "probabilities"}), (REGRESSOR, {})])
def test_fixed_columns_change_no_score(data, fields):
    whole = X[:30].copy()
    whole[:, [1, 2, 5]] = person = [0.5, -1.25, 3.0]

    scores = model(data, **fields).fixed(X[:30], [1, 2, 5])(person, None)

    assert scores == pytest.approx(model(data, **fields).score_rows(whole), abs=1e-6)


def test_some_rows_score_as_among_all():
    score = model(CLASSIFIER, output_name="probabilities").fixed(X[:30], [0])

    assert score([0.1], [7, 3]) == [score([0.1], None)[7], score([0.1], None)[3]]


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 3e38])
def test_extreme_values_take_the_runtimes_branches(value):
    whole = X[:5].copy()
    whole[:, 0] = np.float64(value).astype(np.float32)
    found = model(CLASSIFIER, output_name="probabilities")

    assert found.fixed(X[:5], [0])([value], None) == pytest.approx(found.score_rows(whole), abs=1e-6)


def test_a_value_that_is_no_number_is_left_to_the_runtime():
    whole = X[:5].copy()
    whole[:, 0] = np.nan
    found = model(CLASSIFIER, output_name="probabilities")

    assert found.fixed(X[:5], [0])([float("nan")], None) == found.score_rows(whole)


@pytest.mark.parametrize("data", [FOREST, DEEP, b"", b"\x00", CLASSIFIER[:500], b"x" * 99])
def test_what_the_tables_cannot_hold_is_left_to_the_runtime(data):
    assert trees_of(data, None) is None


def test_a_model_that_is_left_to_the_runtime_scores_fixed_columns_all_the_same():
    found = model(FOREST, output_name="probabilities", output_index=1)
    whole = X[:9].copy()
    whole[:, [2, 3, 5]] = 0.25

    assert found.fixed(X[:9], [2, 3, 5])([0.25, 0.25, 0.25], [0, 8]) == found.score_rows(whole[[0, 8]])
