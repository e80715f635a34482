"""What two samples say about each other, against published examples, closed forms and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import betaln

from app.reports.estimates import UNBOUNDED, Interval, Sample, adjusted, any_time, chances_to_be_highest, detectable_lift, goodness_of_fit, odds, one_look

FIRST_DRUG = (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0)
SECOND_DRUG = (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4)
"""Student's sleep data (1908), as in R."""
SEED, LOOKS, UNITS = 20_261_012, 40, 50


def rate(hits: int, n: int) -> Sample:
    return Sample("rate", n, hits, hits)


def mean_of(values: object) -> Sample:
    values = np.asarray(values, dtype=float)
    return Sample("mean", len(values), float(values.sum()), float((values * values).sum()))


def normal(n: int, mean: float, variance: float) -> Sample:
    return Sample("mean", n, n * mean, variance * (n - 1) + n * mean * mean)


def chance_that_b_is_higher(a: Sample, b: Sample) -> float:
    """A finite sum, after Evan Miller's "Formulas for Bayesian A/B testing" (2013)."""
    alpha_a, beta_a, alpha_b, beta_b = 1 + a.hits, 1 + a.n - a.hits, 1 + b.hits, 1 + b.n - b.hits
    return math.fsum(math.exp(betaln(alpha_a + i, beta_a + beta_b) - math.log(beta_b + i) - betaln(1 + i, beta_b) - betaln(alpha_a, beta_a)) for i in range(alpha_b))


def test_the_interval_of_a_rate_is_wilsons():
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    assert rate(81, 263).interval() == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_the_interval_of_two_rates_difference_is_newcombes():
    # Newcombe 1998, "Interval estimation for the difference between independent proportions", table II, (a), method 10.
    assert one_look(rate(48, 80), rate(56, 70)).difference == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_interval_of_two_rates_ratio_is_koopmans():
    # Koopman 1984, the example of 36 of 40 against 16 of 80.
    found = one_look(rate(16, 80), rate(36, 40)).lift

    assert found == pytest.approx((2.94 - 1, 7.15 - 1), abs=0.01)


def test_the_test_of_two_rates_is_pearsons():
    hits, misses = np.array([48, 56]), np.array([32, 14])
    shared = 104 / 150

    found = one_look(rate(48, 80), rate(56, 70)).p_value

    chi_square = float((((hits - np.array([80, 70]) * shared) ** 2) / (np.array([80, 70]) * shared) + ((misses - np.array([80, 70]) * (1 - shared)) ** 2) / (np.array([80, 70]) * (1 - shared))).sum())
    assert found == pytest.approx(math.erfc(math.sqrt(chi_square / 2)))


def test_two_means_are_compared_as_welch_does():
    found = one_look(mean_of(FIRST_DRUG), mean_of(SECOND_DRUG))

    assert found.p_value == pytest.approx(0.07939, abs=5e-6)
    assert found.difference == pytest.approx((-0.2054832, 3.3654832), abs=5e-7)


def test_the_lift_of_a_mean_holds_0_just_where_the_difference_does():
    nearly, shown = normal(400, 10.83, 36), normal(400, 10.84, 36)

    assert one_look(normal(400, 10, 36), nearly).lift.holds(0) and one_look(normal(400, 10, 36), nearly).difference.holds(0)
    assert one_look(normal(400, 10, 36), shown).lift.low > 0 and one_look(normal(400, 10, 36), shown).difference.low > 0


def test_a_mean_that_may_be_0_has_no_lift():
    assert one_look(mean_of(FIRST_DRUG), mean_of(SECOND_DRUG)).lift == UNBOUNDED


@pytest.mark.parametrize(("control", "variant"), [(rate(0, 10), rate(0, 20)), (rate(10, 10), rate(10, 10)), (rate(0, 0), rate(1, 1)), (rate(0, 100), rate(5, 100))])
def test_where_a_lift_cannot_be_told_it_has_no_bounds(control: Sample, variant: Sample):
    assert one_look(control, variant).lift == UNBOUNDED
    assert any_time(control, variant).lift == UNBOUNDED


@pytest.mark.parametrize(("a", "b"), [(rate(10, 100), rate(15, 100)), (rate(0, 20), rate(3, 20)), (rate(1612, 10647), rate(1702, 10648))])
def test_the_chance_of_a_higher_rate_is_the_closed_form(a: Sample, b: Sample):
    assert odds(a, b).higher == pytest.approx(chance_that_b_is_higher(a, b), abs=1e-6)


def test_the_odds_of_a_lift_are_those_of_a_long_simulation():
    drawn = np.random.default_rng(SEED)
    a, b = drawn.beta(91, 911, 2_000_000), drawn.beta(121, 881, 2_000_000)

    found = odds(rate(90, 1_000), rate(120, 1_000))

    assert found.lift == pytest.approx(tuple(np.quantile(b / a - 1, (0.025, 0.975))), abs=3e-3)
    assert found.loss == pytest.approx(np.maximum(a - b, 0).mean(), abs=2e-5)
    assert found.loss_of_control == pytest.approx(np.maximum(b - a, 0).mean(), abs=1e-4)


def test_equals_are_as_likely_the_highest():
    assert chances_to_be_highest([rate(20, 100)] * 3) == pytest.approx([1 / 3] * 3)


def test_the_sequence_gives_its_p_value_where_its_interval_begins_to_hold_0():
    control, variant = normal(3_000, 10, 36), normal(3_000, 10.5, 36)

    p = any_time(control, variant).p_value

    assert any_time(control, variant, alpha=p).difference.low == pytest.approx(0, abs=1e-9)


def test_the_sequence_is_wider_than_one_look():
    control, variant = rate(1612, 10647), rate(1702, 10648)

    assert any_time(control, variant).lift.low < one_look(control, variant).lift.low
    assert any_time(control, variant).lift.high > one_look(control, variant).lift.high


def test_whoever_looks_all_the_time_is_wrong_once_in_twenty_at_most_by_the_sequence_and_far_more_often_by_the_test():
    drawn = np.random.default_rng(SEED)
    runs = [(drawn.normal(1, 1, (LOOKS, UNITS)), drawn.normal(1, 1, (LOOKS, UNITS))) for _ in range(300)]
    looks = [[(mean_of(a[:k].ravel()), mean_of(b[:k].ravel())) for k in range(1, LOOKS + 1)] for a, b in runs]

    always = np.mean([any(any_time(*each).p_value <= 0.05 for each in run) for run in looks])
    fixed = np.mean([any(one_look(*each).p_value <= 0.05 for each in run) for run in looks])

    assert always <= 0.05
    assert fixed > 0.2


def test_the_intervals_of_one_look_hold_the_truth_19_times_in_20():
    drawn = np.random.default_rng(SEED)
    found = [one_look(rate(int(a), 400), rate(int(b), 400)) for a, b in zip(drawn.binomial(400, 0.05, 1_500), drawn.binomial(400, 0.08, 1_500), strict=True)]

    assert np.mean([each.difference.holds(0.03) for each in found]) == pytest.approx(0.95, abs=0.015)
    assert np.mean([each.lift.holds(0.6) for each in found]) == pytest.approx(0.95, abs=0.015)


def test_the_intervals_of_means_hold_the_truth_19_times_in_20():
    drawn = np.random.default_rng(SEED)
    found = [one_look(mean_of(drawn.gamma(2, 5, 300)), mean_of(drawn.gamma(2, 6, 300))) for _ in range(1_500)]

    assert np.mean([each.difference.holds(2) for each in found]) == pytest.approx(0.95, abs=0.015)
    assert np.mean([each.lift.holds(0.2) for each in found]) == pytest.approx(0.95, abs=0.015)


def test_a_real_case_of_a_wrong_sample_ratio_is_found():
    # Kohavi, Tang and Xu 2020, "Trustworthy Online Controlled Experiments", chapter 3: 821,588 against 815,482, p = 1.8E-6.
    _, p = goodness_of_fit((821_588, 815_482), (0.5, 0.5))

    assert p == pytest.approx(1.8e-6, abs=5e-8)


def test_p_values_of_several_variants_are_adjusted_by_holm():
    assert adjusted((0.01, 0.04, 0.03, 0.005)) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_the_lift_that_would_have_shown_is_the_textbooks():
    # d = (z of 97.5 % + z of 80 %) * sqrt(2 p (1 - p) / n), as a share of p.
    found = detectable_lift(rate(640, 6_400), rate(640, 6_400))

    assert found == pytest.approx(math.sqrt(2 * 2.8016**2 * 0.09 / 6_400) / 0.1, rel=2e-3)


def test_an_interval_holds_its_ends():
    assert Interval(0.1, 0.2).holds(0.2) and not Interval(0.1, 0.2).holds(0.21)
