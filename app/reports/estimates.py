"""What two samples say about each other, three ways: for one look at the planned end, as odds, and for looking whenever one likes.

- Rates, one look: Wilson's interval for each, Newcombe's for the difference (1998, method 10), Koopman's score interval for the ratio (1984)
  and the score test, which all hold where counts are small. Means: Welch's t test; Fieller's interval (1954) for the ratio.
- Odds: Beta(1, 1) before the data for a rate, a flat prior for a mean; integrals by quadrature, so that the answer has no chance in it.
- Whenever one likes: the asymptotic confidence sequence of Waudby-Smith et al. 2021 (arXiv:2103.06476), which is the mixture sequential
  probability ratio test of Johari et al. 2017 for means. Its p-value may be looked at daily and only ever be believed.

An interval's end is infinite where the data do not bound it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

stats: Any = import_module("scipy.stats")  # neither has types
proportion: Any = import_module("statsmodels.stats.proportion")
Kind: TypeAlias = Literal["rate", "mean"]
ALPHA = 0.05
POWER = 0.8
TUNED_FOR = 5_000
"""Units at which the sequence is tightest unless told otherwise; GrowthBook's default. To be fixed before the data are seen."""
NODES, POINTS = 256, 512
"""Of the quadrature, and of the grid of two means: errors are far below what is shown."""


class Interval(NamedTuple):
    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def _interval(ends: Any) -> Interval:
    return Interval(float(ends[0]), float(ends[1]))


UNBOUNDED = Interval(-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Sample:
    """`n` units with the sum of their values and of the squares of these. A rate's values are 0 and 1."""

    kind: Kind
    n: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.n if self.n else math.nan

    @property
    def variance(self) -> float:
        """Of a unit's value: unbiased; of a rate with one more hit and one more miss, so that no hits are not certainty."""
        if self.kind == "rate":
            share = (self.total + 1) / (self.n + 2)
            return share * (1 - share)
        return max((self.squares - self.total * self.total / self.n) / (self.n - 1), 0.0) if self.n > 1 else math.inf

    @property
    def hits(self) -> int:
        return round(self.total)

    def interval(self, alpha: float = ALPHA) -> Interval:
        """Where the mean lies: Wilson's for a rate, Student's for a mean."""
        if self.n < (1 if self.kind == "rate" else 2):
            return UNBOUNDED
        if self.kind == "rate":
            return _interval(proportion.proportion_confint(self.hits, self.n, alpha, "wilson"))
        half = float(stats.t.ppf(1 - alpha / 2, self.n - 1)) * math.sqrt(self.variance / self.n)
        return Interval(self.mean - half, self.mean + half)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The difference of two means, the lift (the difference as a share of the control's mean), and how surprising it would be of equals."""

    difference: Interval
    lift: Interval
    p_value: float


@dataclass(frozen=True, slots=True)
class Odds:
    """How probably the variant has the higher mean, where its lift lies with 95 %, and what is lost on average by taking it (by keeping
    the control) where that is the wrong choice."""

    higher: float
    lift: Interval
    loss: float
    loss_of_control: float


def one_look(control: Sample, variant: Sample, alpha: float = ALPHA) -> Estimate:
    """What the samples say where this is the only look at them."""
    if min(control.n, variant.n) < 2:
        return Estimate(UNBOUNDED, UNBOUNDED, 1.0)
    return _rates(control, variant, alpha) if control.kind == "rate" else _means(control, variant, alpha)


def _rates(control: Sample, variant: Sample, alpha: float) -> Estimate:
    counts = (variant.hits, variant.n, control.hits, control.n)
    difference = _interval(proportion.confint_proportions_2indep(*counts, "newcomb", "diff", alpha))
    if control.hits + variant.hits in (0, control.n + variant.n):
        return Estimate(difference, UNBOUNDED, 1.0)
    with np.errstate(all="ignore"):
        tested = proportion.test_proportions_2indep(*counts, method="score", compare="diff", correction=False)
        low, high = proportion.confint_proportions_2indep(*counts, "score", "ratio", alpha, correction=False)
    lift = Interval(max(float(low), 0.0) - 1, float(high) - 1) if control.hits else UNBOUNDED
    return Estimate(difference, lift, float(tested.pvalue))


def _means(control: Sample, variant: Sample, alpha: float) -> Estimate:
    a, b = control.variance / control.n, variant.variance / variant.n
    difference, error = variant.mean - control.mean, math.sqrt(a + b)
    if error == 0:
        return Estimate(Interval(difference, difference), _fieller(control, variant, 0.0), float(difference == 0))
    freedom = (a + b) ** 2 / (a * a / (control.n - 1) + b * b / (variant.n - 1))
    critical = float(stats.t.isf(alpha / 2, freedom))
    around = Interval(difference - critical * error, difference + critical * error)
    return Estimate(around, _fieller(control, variant, critical), 2 * float(stats.t.sf(abs(difference) / error, freedom)))


def _fieller(control: Sample, variant: Sample, critical: float) -> Interval:
    """All lifts `r - 1` for which `variant - r * control` is no further from 0 than `critical` of its standard errors."""
    a, b = control.mean, variant.mean
    squared = critical * critical
    bend, product = a * a - squared * control.variance / control.n, a * b
    inside = product * product - bend * (b * b - squared * variant.variance / variant.n)
    if not (bend > 0 and inside >= 0):
        return UNBOUNDED
    ends = sorted(((product - math.sqrt(inside)) / bend - 1, (product + math.sqrt(inside)) / bend - 1))
    return Interval(ends[0], ends[1])


def any_time(control: Sample, variant: Sample, alpha: float = ALPHA, tuned_for: int = TUNED_FOR) -> Estimate:
    """What the samples say however often they were looked at: the intervals hold at all times at once."""
    n = control.n + variant.n
    variance = control.variance / control.n + variant.variance / variant.n if min(control.n, variant.n) > 1 else math.inf
    if not 0 < variance < math.inf:
        return Estimate(UNBOUNDED, UNBOUNDED, 1.0)
    mixture = n * (-2 * math.log(ALPHA) + math.log(1 - 2 * math.log(ALPHA))) / tuned_for
    difference, error = variant.mean - control.mean, math.sqrt(variance)
    critical = math.sqrt(2 * (mixture + 1) / mixture * math.log(math.sqrt(mixture + 1) / alpha))
    surprise = 0.5 * math.log1p(mixture) - mixture / (mixture + 1) * (difference / error) ** 2 / 2
    around = Interval(difference - critical * error, difference + critical * error)
    return Estimate(around, _fieller(control, variant, critical), math.exp(min(surprise, 0.0)))


def odds(control: Sample, variant: Sample, alpha: float = ALPHA) -> Odds:
    """What one may believe of the two, having believed nothing before."""
    if min(control.n, variant.n) < 2:
        return Odds(0.5, UNBOUNDED, math.inf, math.inf)
    a, b = _posterior(control), _posterior(variant)
    higher = chances_to_be_highest((control, variant))[1]
    at = (np.arange(POINTS) + 0.5) / POINTS
    a_values, b_values = a.ppf(at)[:, None], b.ppf(at)[None, :]
    gap = b_values - a_values
    # A share of nothing is nothing that can be told: where the control may well be 0 or below, the lift has no bounds.
    certain = control.kind == "rate" or float(a.cdf(0)) < alpha / 100
    lift = _interval(np.quantile(gap / a_values, (alpha / 2, 1 - alpha / 2))) if certain else UNBOUNDED
    return Odds(higher, lift, float(np.maximum(-gap, 0).mean()), float(np.maximum(gap, 0).mean()))


def chances_to_be_highest(samples: Sequence[Sample]) -> list[float]:
    """How probably each has the highest mean of all."""
    nodes, weights = _nodes()
    believed = [_posterior(each) for each in samples]
    found: list[float] = []
    for i, each in enumerate(believed):
        at = each.ppf(nodes)
        below = [other.cdf(at) for j, other in enumerate(believed) if j != i]
        found.append(float(weights @ np.prod(below, axis=0)))
    return [each / sum(found) for each in found]


def _posterior(sample: Sample) -> Any:
    """What is believed of a mean, as a frozen distribution of scipy."""
    if sample.kind == "rate":
        return stats.beta(1 + sample.hits, 1 + sample.n - sample.hits)
    return stats.norm(sample.mean, max(math.sqrt(sample.variance / sample.n), sys.float_info.min))


@cache
def _nodes() -> tuple[Any, Any]:
    """Gauss and Legendre's nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1) / 2, weights / 2


def detectable_lift(control: Sample, variant: Sample, alpha: float = ALPHA) -> float | None:
    """The least lift, up or down, that as many units would have shown at one look four times in five; None without a control's mean."""
    if min(control.n, variant.n) < 2 or control.mean <= 0:
        return None
    error = math.sqrt(control.variance * (1 / control.n + 1 / variant.n))
    return float(stats.norm.isf(alpha / 2) + stats.norm.ppf(POWER)) * error / control.mean


def goodness_of_fit(counts: Sequence[int], shares: Sequence[float]) -> tuple[float, float]:
    """(chi-square, p-value) of counts that should fall in these shares."""
    total, whole = sum(counts), math.fsum(shares)
    tested = stats.chisquare(counts, [total * share / whole for share in shares])
    return float(tested.statistic), float(tested.pvalue)


def adjusted(p_values: Sequence[float]) -> list[float]:
    """The p-values of several variants against one control, by Holm (1979): any of them at most `ALPHA` is as rare as one alone.

    That of statsmodels has Python look through all of its memory for garbage each time, which takes longer than all the rest of a report."""
    order = np.argsort(p_values)
    raised = np.maximum.accumulate(np.take(p_values, order) * np.arange(len(order), 0, -1))
    found = np.empty_like(raised)
    found[order] = np.minimum(raised, 1.0)
    return found.tolist()
