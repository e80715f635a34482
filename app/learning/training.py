"""From examples to a model that the server loads: hyper-parameters within a budget, calibration, the file, and how good it is on
rows that nothing was learnt from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.errors import SettingsInvalid
from app.learning.examples import Examples
from app.learning.fitting import USUAL, Fitted, Parameters, calibrated, feeds, fit, scores
from app.learning.judging import Baseline, baseline, figures
from app.learning.leaks import constants, leaks
from app.learning.libraries import library
from app.learning.preparing import Preparation
from app.learning.spec import Method, Search, Spec
from app.learning.splits import Split, split

SAME = 1e-5
"""How far the ONNX file may be from the library on any row of the test set."""
MOST_PERMUTED = 20_000
Moved = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """`data` is the ONNX file, `test` the rows that it is judged by, `told` its scores of them, `difference` the largest one from
    the library's. `notes` are what somebody should look at."""

    fitted: Fitted
    data: bytes
    test: Examples
    told: np.ndarray
    difference: float
    figures: Mapping[str, float]
    importance: Mapping[str, float]
    baselines: Mapping[str, Baseline]
    rows: int
    trials: int
    notes: tuple[str, ...]


def train(spec: Spec, examples: Examples, moved: Moved = lambda _: None) -> Trained:
    """`SettingsInvalid` where the examples do not allow it, with what to do."""
    parts = split(examples, spec.label.horizon if spec.label is not None else 0, spec.seed)
    notes = [str(leak) for leak in leaks(examples)]
    if dead := constants(examples):
        notes.append(f"{', '.join(dead)}: the same in every row, and left out; take it out of inputs, or look at its window")
        examples = examples.without(dead)
    if not examples.columns:
        raise SettingsInvalid("every input is the same in every row: there is nothing to learn from; name other inputs")
    moved(f"looking for parameters of {spec.method}")
    parameters, trials = searched(spec.method, spec.search, examples, parts, spec.seed, moved)
    moved(f"fitting {len(parts.train):,} rows")
    fitted = fit_calibrated(spec.method, parameters, examples, parts, spec.seed)
    data, test = fitted.onnx(), examples.take(parts.test)
    told = scores(data, feeds(fitted.preparation, test))
    difference = float(np.max(np.abs(told - fitted.probabilities(test))))
    if difference > SAME:
        raise SettingsInvalid(f"the ONNX file differs from the library by {difference:.2g}, more than {SAME:g}: it is not written. Report this with the spec")
    moved("asking which inputs matter")
    found = figures(test.label, told)
    learnt = examples.take(parts.train)
    baselines = {str(column.name): baseline(values, text=column.text) for column, values in zip(learnt.columns, learnt.values, strict=True)}
    baselines["score"] = baseline(scores(data, feeds(fitted.preparation, learnt)), text=False)
    return Trained(fitted, data, test, told, difference, found, importance(data, fitted, test, spec.seed), baselines, len(parts.train), trials, tuple(notes))


def fit_calibrated(method: Method, parameters: Parameters, examples: Examples, parts: Split, seed: int, preparation: Preparation | None = None) -> Fitted:
    """Fitted to all of `train`; calibrated by models that were fitted to a part of it, on the rows that they did not see."""
    margins, seen = list[np.ndarray](), list[np.ndarray]()
    for learn, validate in parts.folds:
        margins.append(fit(method, parameters, examples.take(learn), seed, preparation).margins(examples.take(validate)))
        seen.append(validate)
    rows = examples.take(np.concatenate(seen))
    return calibrated(fit(method, parameters, examples.take(parts.train), seed, preparation), np.concatenate(margins), rows.label, rows.weight)


def searched(method: Method, search: Search, examples: Examples, parts: Split, seed: int, moved: Moved) -> tuple[Parameters, int]:
    """(the parameters with the least log loss over the folds, trials that it took): Optuna's TPE, the usual ones first."""
    if not search.trials and not search.seconds:
        return USUAL[method], 0
    optuna = library("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    begun = time.monotonic()

    def loss(trial: Any) -> float:
        parameters = suggested(method, trial)
        found: list[float] = []
        for learn, validate in parts.folds:
            margins = fit(method, parameters, examples.take(learn), seed).margins(examples.take(validate))
            signs = 2 * examples.label[validate] - 1
            found.append(float(np.mean(np.logaddexp(0, -signs * margins))))
        moved(f"{method}: trial {trial.number + 1}, {time.monotonic() - begun:.0f} s")
        return float(np.mean(found))

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial(dict(USUAL[method]))
    study.optimize(loss, n_trials=search.trials or None, timeout=search.seconds or None)
    return dict(study.best_params), len(study.trials)


def suggested(method: Method, trial: Any) -> Parameters:
    number, whole = trial.suggest_float, trial.suggest_int
    match method:
        case "boosting":
            return {
                "learning_rate": number("learning_rate", 0.01, 0.2, log=True), "max_iter": whole("max_iter", 40, 400), "max_leaf_nodes": whole("max_leaf_nodes", 4, 31),
                "min_samples_leaf": whole("min_samples_leaf", 5, 200, log=True), "l2_regularization": number("l2_regularization", 1e-3, 30, log=True),
                "max_features": number("max_features", 0.2, 1.0),
            }
        case "logistic":
            return {"C": number("C", 1e-3, 100, log=True)}
        case "network":
            return {"width": whole("width", 8, 64), "alpha": number("alpha", 1e-5, 1, log=True), "learning_rate_init": number("learning_rate_init", 5e-4, 0.02, log=True)}


def importance(data: bytes, fitted: Fitted, test: Examples, seed: int) -> dict[str, float]:
    """How much the area under the ROC curve falls where a column's values are dealt out anew (Breiman 2001), the most important
    first; measured on the file."""
    draw, auc = np.random.default_rng(seed), library("sklearn.metrics").roc_auc_score
    some = test.take(np.sort(draw.permutation(len(test))[:MOST_PERMUTED]))
    whole, found = auc(some.label, scores(data, feeds(fitted.preparation, some))), dict[str, float]()
    for i, column in enumerate(some.columns):
        dealt = tuple(values[draw.permutation(len(values))] if at == i else values for at, values in enumerate(some.values))
        found[str(column.name)] = float(whole - auc(some.label, scores(data, feeds(fitted.preparation, Examples(some.columns, dealt, some.label)))))
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))
