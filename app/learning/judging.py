"""How good scores are: figures, and the curves behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.learning.libraries import library

BINS = 10
"""Of calibration, lift and the baseline of drift: as many rows in each."""


def figures(label: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Area under ROC and precision-recall curves, Brier score, log loss, expected calibration error, the share of the label, and
    how many times that share the best tenth has."""
    metrics = library("sklearn.metrics")
    share = float(label.mean())
    best = np.argsort(-scores, kind="stable")[: max(1, len(scores) // 10)]
    return {
        "auc": float(metrics.roc_auc_score(label, scores)), "average_precision": float(metrics.average_precision_score(label, scores)),
        "brier": float(np.mean((scores - label) ** 2)), "log_loss": float(metrics.log_loss(label, np.clip(scores, 1e-7, 1 - 1e-7))),
        "calibration_error": calibration_error(label, scores), "base_rate": share, "lift_of_best_tenth": float(label[best].mean() / share),
    }


def calibration_error(label: np.ndarray, scores: np.ndarray) -> float:
    """The mean distance of what is foretold from what comes true, over bins of equally many rows."""
    return float(sum(abs(said - came) * share for said, came, share in reliability(label, scores)))


def reliability(label: np.ndarray, scores: np.ndarray) -> list[tuple[float, float, float]]:
    """Per bin, from the lowest scores on: (mean score, share of the label, share of the rows)."""
    bins = [rows for rows in np.array_split(np.argsort(scores, kind="stable"), BINS) if len(rows)]
    return [(float(scores[rows].mean()), float(label[rows].mean()), len(rows) / len(label)) for rows in bins]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a column looked like in training: the edges of bins and the share of each (as many rows in each, where values differ), or the shares
    of texts; and the share of rows in which it was absent. Drift is measured against it."""

    edges: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    texts: Mapping[str, float] | None = None
    absent: float = 0.0

    def plain(self) -> dict[str, object]:
        return {"texts": dict(self.texts), "absent": self.absent} if self.texts is not None else {"edges": list(self.edges), "shares": list(self.shares), "absent": self.absent}


def baseline(values: np.ndarray, *, text: bool) -> Baseline:
    if text:
        texts, counts = np.unique(values[values != ""].astype(str), return_counts=True)
        top = np.argsort(-counts, kind="stable")[:20]
        shares = {str(texts[i]): round(float(counts[i] / len(values)), 4) for i in top}
        return Baseline(texts=shares, absent=round(float((values == "").mean()), 4))
    there = values[~np.isnan(values)]
    edges = np.unique([float(f"{edge:.6g}") for edge in np.quantile(there, np.linspace(0.1, 0.9, BINS - 1))]) if len(there) else np.array([])
    counts = np.bincount(np.searchsorted(edges, there, side="right"), minlength=len(edges) + 1)
    shares = tuple(round(float(count / len(there)), 4) for count in counts) if len(there) else ()
    return Baseline(tuple(edges.tolist()), shares, absent=round(float(np.isnan(values).mean()), 4))
