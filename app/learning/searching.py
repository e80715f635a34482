"""Hyper-parameters within a budget, and fitting that is calibrated on rows that were not fitted to."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from app.learning.examples import Examples
from app.learning.fitting import USUAL, Fitted, Parameters, calibrated, fit
from app.learning.libraries import library
from app.learning.preparing import Preparation
from app.learning.spec import Method, Search
from app.learning.splits import Split

Moved = Callable[[str], None]


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
