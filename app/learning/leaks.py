"""Inputs that are too good to be true: what only became known with the answer tells the answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.learning.examples import Examples
from app.learning.libraries import library

SUSPECT = 0.97
"""Area under the ROC curve of one input alone from which on it is taken to know the answer."""
LEAST = 200


@dataclass(frozen=True, slots=True)
class Leak:
    name: str
    auc: float
    absent: bool
    """Whether it is its being there or not that tells."""

    def __str__(self) -> str:
        tells = f"whether {self.name} is there" if self.absent else self.name
        return f"{tells} alone tells the label (AUC {self.auc:.3f}): is it known before the instant, or only with the answer? Leave it out of inputs where it is not"


def leaks(examples: Examples) -> list[Leak]:
    """The inputs that tell the label alone."""
    if len(examples) < LEAST:
        return []
    auc, found = library("sklearn.metrics").roc_auc_score, list[Leak]()
    for column, values in zip(examples.columns, examples.values, strict=True):
        gone = values == "" if column.text else np.isnan(values)
        sides = {True: gone.astype(float), False: _ordered(values, examples.label) if column.text else np.where(gone, -np.inf, values)}
        for absent, told in sides.items():
            ranks = np.unique(told, return_inverse=True)[1]
            area = auc(examples.label, ranks) if ranks.any() else 0.5
            if max(area, 1 - area) >= SUSPECT:
                found.append(Leak(str(column.name), float(max(area, 1 - area)), absent))
                break
    return found


def _ordered(values: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Texts as how often the label holds with them, told from the other half of the rows: with many rare texts it would tell
    itself."""
    half, found = np.arange(len(values)) % 2 == 0, np.full(len(values), label.mean())
    for mine, others in ((half, ~half), (~half, half)):
        texts, codes = np.unique(values[others].astype(str), return_inverse=True)
        means = dict(zip(texts.tolist(), np.bincount(codes, label[others]) / np.bincount(codes), strict=True))
        found[mine] = [means.get(text, label.mean()) for text in values[mine]]
    return found


def constants(examples: Examples) -> list[str]:
    """The inputs that are the same in every row."""
    return [str(column.name) for column, values in zip(examples.columns, examples.values, strict=True) if len(set(values.tolist())) <= 1 or (not column.text and np.isnan(values).all())]
