"""What another policy would have earned, estimated from a log of what this one showed, with what probability, and what came of it.

Every estimator here is a ratio of two sums over the rows of the log, so that one way of telling its interval serves all:

    value = sum(numerator) / sum(denominator)

Rows of one person depend on each other: `clusters` names, per row, who it is of, and intervals are made over those. Sources: inverse propensity
scores: Horvitz and Thompson 1952; self-normalised: Swaminathan and Joachims 2015; doubly robust: Dudík, Langford and Li 2011;
effective sample size: Kish 1965; the spread of a ratio by linearisation, over clusters: Liang and Zeger 1986.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.errors import LogUnusable

Column: TypeAlias = NDArray[np.float64]
RESAMPLES = 1_000
LEVEL = 0.95
_AT_ONCE = 4_000_000
"""Drawn numbers of a bootstrap that are held at a time."""


@dataclass(frozen=True, slots=True)
class Terms:
    """One estimator over one log: the two columns whose sums it divides, and the weights that it gave the rows."""

    numerator: Column
    denominator: Column
    weights: Column

    @property
    def value(self) -> float:
        total = float(self.denominator.sum())
        return float(self.numerator.sum()) / total if total else float("nan")

    @property
    def influence(self) -> Column:
        """How far each row moves the value, times the number of rows; sums to 0."""
        total, rows = float(self.denominator.sum()), self.denominator.size
        return (self.numerator - self.value * self.denominator) * (rows / total) if total else np.full_like(self.numerator, np.nan)


@dataclass(frozen=True, slots=True)
class Estimate:
    """`low` and `high` are the ends of the interval. `effective` is how many rows drawn from the policy itself would tell as much;
    `mean_weight` is near 1 where the log's propensities are right and the policy shows nothing that the log never showed."""

    value: float
    low: float
    high: float
    error: float
    rows: int
    effective: float
    mean_weight: float
    largest_weight: float

    def covers(self, value: float) -> bool:
        return self.low <= value <= self.high


# -- estimators --------------------------------------------------------------------------------------------------------


def importance(target: ArrayLike, logged: ArrayLike) -> Column:
    """How much more often the policy shows what was shown than the log's did: the first's probability of it over the logged one.
    `LogUnusable` where a probability is none, or where the log says that it showed what it never shows."""
    wanted, given = _column(target, "the policy's probabilities"), _column(logged, "the logged propensities")
    _same_length(wanted, given)
    if (bad := np.flatnonzero(~((wanted >= 0) & (wanted <= 1 + 1e-9)))).size:
        raise LogUnusable(f"row {bad[0]}: the policy's probability is {wanted[bad[0]]:g}; it has to lie between 0 and 1")
    if (bad := np.flatnonzero(~((given > 0) & (given <= 1 + 1e-9)))).size:
        raise LogUnusable(f"row {bad[0]}: the logged propensity is {given[bad[0]]:g}; it has to be above 0, and at most 1")
    return wanted / given


def clipped(weights: ArrayLike, most: float) -> Column:
    """Weights cut at `most`: less spread for some bias, towards what the log's rare choices did not earn."""
    return np.minimum(_column(weights, "weights"), most)


def mean(rewards: ArrayLike) -> Terms:
    """What the log's own policy earned."""
    column = _column(rewards, "rewards")
    return Terms(column, np.ones_like(column), np.ones_like(column))


def ips(rewards: ArrayLike, weights: ArrayLike) -> Terms:
    """Inverse propensity scores: unbiased where the log may show whatever the policy shows."""
    earned, by = _columns(rewards, weights)
    return Terms(by * earned, np.ones_like(earned), by)


def snips(rewards: ArrayLike, weights: ArrayLike) -> Terms:
    """Self-normalised: never outside the range of the rewards, a little biased, usually closer."""
    earned, by = _columns(rewards, weights)
    return Terms(by * earned, by, by)


def direct(expected: ArrayLike) -> Terms:
    """A model's word alone: `expected` is, per row, the reward that it foresees for what the policy would show."""
    column = _column(expected, "expected rewards")
    return Terms(column, np.ones_like(column), np.ones_like(column))


def doubly_robust(rewards: ArrayLike, weights: ArrayLike, foreseen: ArrayLike, expected: ArrayLike) -> Terms:
    """The model's word, put right by what it missed: right where either the propensities or the model are. `foreseen` is the reward
    that the model foresees for what was shown, `expected` for what the policy would show. The model has to be fitted on other rows."""
    earned, by = _columns(rewards, weights)
    seen, wanted = _columns(foreseen, expected)
    _same_length(earned, seen)
    return Terms(wanted + by * (earned - seen), np.ones_like(earned), by)


# -- how sure it is ----------------------------------------------------------------------------------------------------


def estimate(terms: Terms, clusters: Sequence[object] | None = None, *, level: float = LEVEL) -> Estimate:
    """With an interval by the normal distribution. Nobody's rows, or those of one person, give an endless one."""
    return _told(terms, terms.value, _error(terms.influence, clusters), level)


def difference(terms: Terms, base: Terms, clusters: Sequence[object] | None = None, *, level: float = LEVEL) -> Estimate:
    """How much more one earns than the other, both estimated from the same rows: what they share does not widen the interval."""
    _same_length(terms.numerator, base.numerator)
    return _told(terms, terms.value - base.value, _error(terms.influence - base.influence, clusters), level)


def bootstrap(
    terms: Terms, seed: int, clusters: Sequence[object] | None = None, *, base: Terms | None = None, level: float = LEVEL, resamples: int = RESAMPLES,
) -> Estimate:
    """With an interval of percentiles over logs drawn again from this one, whole clusters at a time: for few or lopsided rewards. With a
    `base`, of the difference. The same seed gives the same interval."""
    several = (terms,) if base is None else (terms, base)
    for each in several:
        _same_length(each.numerator, terms.numerator)
    value = terms.value - (base.value if base is not None else 0.0)
    sums = np.stack([column for each in several for column in (_summed(each.numerator, clusters), _summed(each.denominator, clusters))])
    drawn = _redrawn(sums, seed, resamples)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = drawn[:, 0] / drawn[:, 1] - (drawn[:, 2] / drawn[:, 3] if base is not None else 0.0)
    values = values[np.isfinite(values)]
    if sums.shape[1] < 2 or not values.size:
        return _told(terms, value, float("inf"), level)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    found = _told(terms, value, float(values.std()), level)
    return Estimate(value, float(low), float(high), found.error, found.rows, found.effective, found.mean_weight, found.largest_weight)


def effective_size(weights: ArrayLike) -> float:
    """Rows of equal weight that would tell as much; 0 where no row has any."""
    column = _column(weights, "weights")
    squares = float((column**2).sum())
    return float(column.sum()) ** 2 / squares if squares else 0.0


def _told(terms: Terms, value: float, error: float, level: float) -> Estimate:
    width = NormalDist().inv_cdf((1 + level) / 2) * error
    by = terms.weights
    return Estimate(value, value - width, value + width, error, by.size, effective_size(by), float(by.mean()) if by.size else 0.0, float(by.max(initial=0.0)))


def _error(influence: Column, clusters: Sequence[object] | None) -> float:
    """The standard error of a value whose rows move it so."""
    sums = _summed(influence, clusters)
    if sums.size < 2:
        return float("inf")
    return float(np.sqrt((sums**2).sum() * sums.size / (sums.size - 1))) / influence.size


def _summed(column: Column, clusters: Sequence[object] | None) -> Column:
    """One number per cluster; per row where there are none."""
    if clusters is None:
        return column
    _, numbers = np.unique(np.asarray(clusters), return_inverse=True)
    if numbers.size != column.size:
        raise LogUnusable(f"there are {column.size} rows, and clusters of {numbers.size}")
    return np.bincount(numbers, column).astype(np.float64)


def _redrawn(sums: Column, seed: int, resamples: int) -> Column:
    """[resamples, columns]: totals of as many clusters as there are, drawn with replacement."""
    rng, size = np.random.default_rng(seed), sums.shape[1]
    found = np.zeros((resamples, sums.shape[0]))
    step = max(1, _AT_ONCE // max(size, 1))
    for start in range(0, resamples if size else 0, step):
        drawn = rng.integers(size, size=(min(step, resamples - start), size))
        for number, column in enumerate(sums):
            found[start : start + step, number] = column[drawn].sum(axis=1)
    return found


def _columns(first: ArrayLike, second: ArrayLike) -> tuple[Column, Column]:
    one, other = _column(first, "rewards"), _column(second, "weights")
    _same_length(one, other)
    return one, other


def _column(values: ArrayLike, what: str) -> Column:
    column = np.asarray(values, np.float64)
    if column.ndim != 1:
        raise LogUnusable(f"{what}: one number per row is wanted, and there are {column.ndim} dimensions")
    if (bad := np.flatnonzero(~np.isfinite(column))).size:
        raise LogUnusable(f"{what}: row {bad[0]} holds no number")
    return column


def _same_length(one: Column, other: Column) -> None:
    if one.size != other.size:
        raise LogUnusable(f"there are {one.size} rows on the one side, and {other.size} on the other")
