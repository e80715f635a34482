"""Which examples are learnt from and which are kept to judge by: by time where it is known, so that nothing is judged by what
came before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.errors import SettingsInvalid
from app.learning.examples import Examples
from app.learning.libraries import library

TEST = 0.2
FOLDS = 4
LEAST = 50
"""Rows, and of each answer a tenth of that, without which there is nothing to learn or to judge by."""


@dataclass(frozen=True, slots=True)
class Split:
    """Numbers of rows. `folds` are pairs (learn from, validate on) within `train`; no validation row precedes its learning
    rows, nor do windows of their labels overlap."""

    train: np.ndarray
    test: np.ndarray
    folds: tuple[tuple[np.ndarray, np.ndarray], ...]


def split(examples: Examples, horizon: int, seed: int) -> Split:
    """`horizon` is how long after an instant its label looks, ms. `SettingsInvalid` where there is too little of something."""
    check(examples, np.arange(len(examples)), "the training set")
    if examples.instant is None:
        return _at_random(examples, seed)
    rest, test = _later(examples.instant, np.arange(len(examples)), TEST, horizon)
    check(examples, test, "the last fifth of the time, which is kept to judge by,")
    folds = [(learn, validate) for share in (0.45, 0.3, 0.15) if _enough(examples, *(both := _later(examples.instant, rest, share, horizon, 0.15))) for learn, validate in (both,)]
    check(examples, rest, "what lies before the last fifth of the time and one window of the label")
    if not folds:
        raise SettingsInvalid("the history is too short to validate by time: make rows more often (every:), begin earlier (from:), or shorten the label's window")
    return Split(rest, test, tuple(folds))


def _later(at: np.ndarray, rows: np.ndarray, share: float, horizon: int, width: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """(rows that ended before, rows of the last `share` of the rows by time, or the first `width` of it)."""
    instants = np.sort(at[rows])
    start = instants[int(len(instants) * (1 - share))]
    stop = instants[min(len(instants) - 1, int(len(instants) * (1 - share + width)))] if width < 1 else instants[-1]
    return rows[(at[rows] + horizon <= start) & (at[rows] < start)], rows[(at[rows] >= start) & (at[rows] <= stop)]


def _enough(examples: Examples, learn: np.ndarray, validate: np.ndarray) -> bool:
    return all(len(rows) >= LEAST and min(examples.label[rows].sum(), len(rows) - examples.label[rows].sum()) >= LEAST / 10 for rows in (learn, validate))


def _at_random(examples: Examples, seed: int) -> Split:
    select = library("sklearn.model_selection")
    train, test = select.train_test_split(np.arange(len(examples)), test_size=TEST, random_state=seed, stratify=examples.label)
    return Split(train, test, folds_at_random(examples, train, seed))


def folds_at_random(examples: Examples, rows: np.ndarray, seed: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Each row validates once; the answers are shared out evenly."""
    folds = library("sklearn.model_selection").StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return tuple((rows[learn], rows[validate]) for learn, validate in folds.split(rows, examples.label[rows]))


def check(examples: Examples, rows: np.ndarray, what: str) -> None:
    """Whether there are enough of both answers."""
    yes, no = int(examples.label[rows].sum()), int(len(rows) - examples.label[rows].sum())
    if not yes or not no:
        raise SettingsInvalid(f"{what} has {len(rows):,} rows, and the label is {'always' if yes else 'never'} true in them: there is nothing to tell apart. Look at the label's event and window, or take in more time")
    if len(rows) < LEAST or min(yes, no) < LEAST / 10:
        raise SettingsInvalid(f"{what} has {yes:,} rows with the label and {no:,} without: too few. Take in more people or more time")
