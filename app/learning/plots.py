"""Pictures of how good a model is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from app.learning.judging import reliability
from app.learning.libraries import library
from app.learning.kinds import Trained

INK, ACCENT, PALE = "#1c1c1a", "#1f6f5c", "#c9c6bd"
INPUTS_SHOWN = 12


def draw(trained: Trained, path: Path) -> None:
    """Six panels as one PNG: ROC, precision and recall, calibration, lift, importance, scores."""
    figure, axes = canvas(2, 3, (12, 7))
    label, told = trained.test.label, trained.told
    _roc(axes[0, 0], label, told, trained.figures["auc"])
    _precision(axes[0, 1], label, told, trained.figures["average_precision"])
    _calibration(axes[0, 2], label, told)
    _lift(axes[1, 0], label, told)
    importances(axes[1, 1], trained, "area under ROC")
    _scores(axes[1, 2], label, told)
    save(figure, path)


def canvas(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    """A figure drawn without a screen, and its axes."""
    library("matplotlib").use("Agg")
    pyplot = library("matplotlib.pyplot")
    pyplot.rcParams.update({
        "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": INK, "axes.titlelocation": "left", "axes.titlesize": 10, "svg.hashsalt": "inlay",
    })
    return pyplot.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)


def save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90, metadata={"Software": None})
    library("matplotlib.pyplot").close(figure)


def importances(axis: Any, trained: Trained, lost: str) -> None:
    shown = list(trained.importance.items())[:INPUTS_SHOWN][::-1]
    axis.barh([name for name, _ in shown], [value for _, value in shown], color=ACCENT)
    axis.set(title="Importance", xlabel=f"{lost} lost without it")


def _roc(axis: Any, label: np.ndarray, told: np.ndarray, auc: float) -> None:
    wrong, right, _ = library("sklearn.metrics").roc_curve(label, told)
    axis.plot([0, 1], [0, 1], color=PALE)
    axis.plot(wrong, right, color=ACCENT)
    axis.set(title=f"ROC, area {auc:.3f}", xlabel="false positives", ylabel="true positives")


def _precision(axis: Any, label: np.ndarray, told: np.ndarray, area: float) -> None:
    precision, recall, _ = library("sklearn.metrics").precision_recall_curve(label, told)
    axis.axhline(label.mean(), color=PALE)
    axis.plot(recall, precision, color=ACCENT)
    axis.set(title=f"Precision and recall, average precision {area:.3f}", xlabel="recall", ylabel="precision", ylim=(0, 1.02))


def _calibration(axis: Any, label: np.ndarray, told: np.ndarray) -> None:
    rows = reliability(label, told)
    most = max(max(said, came) for said, came, _ in rows) * 1.05
    axis.plot([0, most], [0, most], color=PALE)
    axis.plot([said for said, _, _ in rows], [came for _, came, _ in rows], color=ACCENT, marker="o", markersize=4)
    axis.set(title="Calibration, by tenths", xlabel="foretold", ylabel="came true")


def _lift(axis: Any, label: np.ndarray, told: np.ndarray) -> None:
    came = label[np.argsort(-told, kind="stable")]
    share = np.arange(1, len(came) + 1) / len(came)
    axis.axhline(1, color=PALE)
    axis.plot(share, np.cumsum(came) / np.arange(1, len(came) + 1) / label.mean(), color=ACCENT)
    axis.set(title="Lift of the best", xlabel="share of people, the best first", ylabel="times the mean", xlim=(0, 1))


def _scores(axis: Any, label: np.ndarray, told: np.ndarray) -> None:
    edges = np.linspace(0, max(float(told.max()), 1e-6), 31)
    axis.hist(told[label == 0], edges, density=True, color=PALE, label="did not")
    axis.hist(told[label == 1], edges, density=True, histtype="step", color=ACCENT, label="did")
    axis.set(title="Scores", xlabel="score", ylabel="density")
    axis.legend(frameon=False)
