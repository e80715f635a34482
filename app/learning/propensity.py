"""Models of whether somebody will do something: to open, to click, to buy, to leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from app.learning.examples import Examples
from app.learning.judging import figures
from app.learning.kinds import Compared, Finding, Kind, Learnt
from app.learning.leaks import leaks
from app.learning.libraries import library
from app.learning.plots import draw
from app.learning.searching import Moved, fit_calibrated, searched
from app.learning.spec import Spec
from app.learning.splits import Split, check

TOLERATED = 0.01
"""Area under the ROC curve that a version may lose without being called worse: figures of a few thousand rows sway by as much."""
Z = 1.96


def _looked(examples: Examples, parts: Split) -> list[str]:
    return [str(leak) for leak in leaks(examples)]


def _learn(spec: Spec, examples: Examples, parts: Split, moved: Moved) -> Learnt:
    moved(f"looking for parameters of {spec.method}")
    parameters, trials = searched(spec.method, spec.search, examples, parts, spec.seed, moved)
    moved(f"fitting {len(parts.train):,} rows")
    fitted = fit_calibrated(spec.method, parameters, examples, parts, spec.seed)
    return Learnt(fitted.preparation, parameters, trials, fitted.onnx(), fitted.probabilities)


def _auc(rows: Examples, told: np.ndarray) -> float:
    return float(library("sklearn.metrics").roc_auc_score(rows.label, told))


def _output(spec: Spec) -> Mapping[str, Any]:
    return {"index": 1, "range": [0, 1]} if spec.method == "boosting" else {"range": [0, 1]}


def _compared(rows: Examples, first: np.ndarray, second: np.ndarray, seed: int) -> Compared:
    """Worse is who has more log loss beyond chance, or less area than is tolerated; better who has less log loss beyond chance."""
    losses = _losses(rows.label, second) - _losses(rows.label, first)
    mean, error = float(losses.mean()), _error(losses, rows.who)
    low, high, area = mean - Z * error, mean + Z * error, _auc(rows, second) - _auc(rows, first)
    finding: Finding = "worse" if low > 0 or area < -TOLERATED else "better" if high < 0 else "as good"
    return Compared(finding, "log loss", mean, low, high, {"area under ROC": area})


def _losses(label: np.ndarray, told: np.ndarray) -> np.ndarray:
    told = np.clip(told, 1e-7, 1 - 1e-7)
    return -(label * np.log(told) + (1 - label) * np.log(1 - told))


def _error(losses: np.ndarray, who: np.ndarray | None) -> float:
    """The standard error of their mean, over whole people where they are known (Liang and Zeger 1986)."""
    centred = losses - losses.mean()
    sums = centred if who is None else np.bincount(np.unique(who.astype(str), return_inverse=True)[1], centred)
    return float(np.sqrt((sums**2).sum() * len(sums) / max(len(sums) - 1, 1))) / len(losses)


PROPENSITY = Kind(
    looked=_looked, learn=_learn, judged=lambda rows, told, seed: figures(rows.label, told), measure=_auc, lost="area under ROC", draw=draw,
    enough=check, compared=_compared, shown=("auc", "average_precision", "log_loss", "brier", "calibration_error", "lift_of_best_tenth"),
    drawn="ROC, precision and recall, calibration, lift, importance and scores", purpose="what {} foretells", method=lambda spec: spec.method, output=_output,
    fallback="base_rate", foretells=True, verdict=lambda trained: "",
    limits=(
        "It foretells for people like those that it learnt from, in times like those: the card's `baseline` says what they looked like.",
        "A score is a probability for groups: of people with a score of 0.2, two in ten. It does not say what a message changes.",
        "Where the model cannot be used, the server takes the fallback score {fallback:g}, the mean of the label.",
    ),
)
