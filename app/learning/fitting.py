"""Fitting one model to examples, calibrated, and turning it into ONNX. Trees are scikit-learn's histogram gradient boosting;
beside them a logistic regression and a small network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.learning import graphs
from app.learning.examples import Examples
from app.learning.libraries import library, threads
from app.learning.preparing import Preparation, order, ordered, scaled
from app.learning.spec import Method

Parameters = Mapping[str, Any]

USUAL: Mapping[Method, Parameters] = {
    "boosting": {"learning_rate": 0.04, "max_iter": 160, "max_leaf_nodes": 12, "min_samples_leaf": 30, "l2_regularization": 5.0, "max_features": 0.5},
    "logistic": {"C": 0.3},
    "network": {"width": 32, "alpha": 0.01, "learning_rate_init": 0.003},
}
"""Where nothing is searched for."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model with what prepares its inputs. Its probability is the logistic function of `slope` times its margin plus
    `shift` (Platt 1999): the calibration, learnt from rows that it was not fitted to."""

    method: Method
    parameters: Parameters
    preparation: Preparation
    model: Any
    slope: float = 1.0
    shift: float = 0.0

    def margins(self, examples: Examples) -> np.ndarray:
        matrix = self.preparation.matrix(examples)
        with threads(len(examples)):
            return self._margins(matrix)

    def _margins(self, matrix: np.ndarray) -> np.ndarray:
        if self.method == "network":
            chance = np.clip(self.model.predict_proba(matrix)[:, 1].astype(np.float64), 1e-12, 1 - 1e-12)
            return np.log(chance / (1 - chance))
        return self.model.decision_function(matrix).ravel()

    def probabilities(self, examples: Examples) -> np.ndarray:
        """By the library, not by ONNX."""
        return 1 / (1 + np.exp(-(self.slope * self.margins(examples) + self.shift)))

    def onnx(self) -> bytes:
        """The file: `probabilities` of both answers where trees tell them, else the one `probability`."""
        graph = graphs.Graph()
        matrix = graphs.read(graph, self.preparation)
        return graph.bytes(self._written(graph, matrix, "probabilities"), 2) if self.method == "boosting" else graph.bytes(self._written(graph, matrix, "probability"), 1)

    def into(self, graph: graphs.Graph, matrix: str) -> str:
        """The probability as one column, as a part of another graph."""
        found = self._written(graph, matrix, "")
        return graph.add("Gather", found, graph.constant([1], np.int64), axis=1) if self.method == "boosting" else found

    def _written(self, graph: graphs.Graph, matrix: str, out: str) -> str:
        match self.method:
            case "boosting":
                ensemble = [_tree(each[0].nodes) for each in self.model._predictors]
                return graphs.trees(graph, matrix, ensemble, float(self.model._baseline_prediction.item()), self.slope, self.shift, out)
            case "logistic":
                return graphs.layers(graph, matrix, [self.model.coef_.T], [self.model.intercept_], self.slope, self.shift, out)
            case "network":
                return graphs.layers(graph, matrix, self.model.coefs_, self.model.intercepts_, self.slope, self.shift, out)


def prepared(method: Method, examples: Examples) -> Preparation:
    """What becomes of the inputs before a model of this kind reads them."""
    return ordered(examples) if method == "boosting" else scaled(examples)


def fit(method: Method, parameters: Parameters, examples: Examples, seed: int, preparation: Preparation | None = None) -> Fitted:
    """Not calibrated yet. `preparation` is one that was made of more rows than these."""
    preparation = preparation or prepared(method, examples)
    model = _new(method, parameters, seed)
    weights = {} if examples.weight is None else {"sample_weight": examples.weight}
    with threads(len(examples)):
        model.fit(preparation.matrix(examples), examples.label.astype(int), **weights)
    return Fitted(method, parameters, preparation, model)


def _new(method: Method, parameters: Parameters, seed: int) -> Any:
    match method:
        case "boosting":
            return library("sklearn.ensemble").HistGradientBoostingClassifier(random_state=seed, early_stopping=False, **parameters)
        case "logistic":
            return library("sklearn.linear_model").LogisticRegression(max_iter=2_000, **parameters)
        case "network":
            given = {name: value for name, value in parameters.items() if name != "width"}
            width = int(parameters["width"])
            return library("sklearn.neural_network").MLPClassifier((width, width // 2), max_iter=60, early_stopping=True, n_iter_no_change=8, random_state=seed, **given)


def calibrated(fitted: Fitted, margins: np.ndarray, label: np.ndarray, weights: np.ndarray | None = None) -> Fitted:
    """With slope and shift from margins of rows that the model did not see. A slope that is not positive would turn the order of
    people round: then the margins stand as they are."""
    platt = library("sklearn.linear_model").LogisticRegression(C=1e6).fit(margins.reshape(-1, 1), label.astype(int), weights)
    slope, shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    if slope <= 0:
        return fitted
    return Fitted(fitted.method, fitted.parameters, fitted.preparation, fitted.model, slope, shift)


def _tree(nodes: Any) -> graphs.Tree:
    """One of the library's trees (`TreePredictor.nodes`)."""
    return graphs.Tree(nodes["feature_idx"], nodes["num_threshold"], nodes["left"], nodes["right"], nodes["is_leaf"], nodes["value"])


# -- asking the file ---------------------------------------------------------------------------------------------------


def feeds(preparation: Preparation, examples: Examples) -> dict[str, np.ndarray]:
    """The tensors that the server would fill for these rows."""
    columns, found = preparation.columns, dict[str, np.ndarray]()
    numbers = [i for i in order(columns) if not columns[i].text]
    if numbers:
        filled = [np.where(np.isnan(examples.values[i]), preparation.defaults[i], examples.values[i]) for i in numbers]
        found[graphs.NUMBERS] = np.column_stack(filled).astype(np.float32)
    for i in order(columns):
        if columns[i].text:
            found[str(columns[i].name)] = examples.values[i].reshape(-1, 1)
    return found


def scores(data: bytes, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """What the ONNX file gives: of two numbers a row the second."""
    runtime = library("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    found = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run(None, dict(tensors))[0]
    return found.reshape(len(found), -1)[:, -1].astype(np.float64)


