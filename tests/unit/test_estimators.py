"""What another policy would have earned: right on logs whose truth is known, and honest about how sure that is."""

from __future__ import annotations

import numpy as np
import pytest

from app.errors import LogUnusable
from app.learning import estimators as e

RNG = np.random.default_rng(7)
ROWS = 20_000
RATES = np.array([0.1, 0.3, 0.5])
LOGGED = np.array([0.6, 0.3, 0.1])
WANTED = np.array([0.1, 0.2, 0.7])
TRUTH = float(RATES @ WANTED)
SHOWN = RNG.choice(3, ROWS, p=LOGGED)
REWARDS = (RNG.random(ROWS) < RATES[SHOWN]).astype(float)
WEIGHTS = e.importance(WANTED[SHOWN], LOGGED[SHOWN])
WRONG = np.array([0.5, 0.1, 0.2])


@pytest.mark.parametrize("terms", [
    e.ips(REWARDS, WEIGHTS), e.snips(REWARDS, WEIGHTS), e.direct(np.full(ROWS, TRUTH)),
    e.doubly_robust(REWARDS, WEIGHTS, RATES[SHOWN], np.full(ROWS, RATES @ WANTED)),
    e.doubly_robust(REWARDS, WEIGHTS, WRONG[SHOWN], np.full(ROWS, WRONG @ WANTED)),
    e.doubly_robust(REWARDS, np.ones(ROWS), RATES[SHOWN], np.full(ROWS, RATES @ WANTED)),
], ids=["ips", "snips", "direct", "dr", "dr with a wrong model", "dr with wrong weights"])
def test_every_estimator_finds_what_the_policy_earns(terms: e.Terms) -> None:
    assert terms.value == pytest.approx(TRUTH, abs=0.03)


def test_a_good_model_makes_the_interval_narrower() -> None:
    plain = e.estimate(e.ips(REWARDS, WEIGHTS))
    robust = e.estimate(e.doubly_robust(REWARDS, WEIGHTS, RATES[SHOWN], np.full(ROWS, RATES @ WANTED)))
    assert robust.error < plain.error


def covered(times: int, rows: int, draw: np.random.Generator) -> float:
    """How often the interval of small logs covers the truth."""
    hits = 0
    for _ in range(times):
        shown = draw.choice(3, rows, p=LOGGED)
        rewards = draw.random(rows) < RATES[shown]
        hits += e.estimate(e.snips(rewards, e.importance(WANTED[shown], LOGGED[shown]))).covers(TRUTH)
    return hits / times


def test_intervals_cover_as_often_as_they_say() -> None:
    assert covered(600, 800, np.random.default_rng(3)) == pytest.approx(0.95, abs=0.025)


def test_the_bootstrap_agrees_with_the_normal_interval_where_there_is_plenty() -> None:
    terms = e.snips(REWARDS, WEIGHTS)
    normal, drawn = e.estimate(terms), e.bootstrap(terms, seed=5)
    assert [drawn.low, drawn.high] == pytest.approx([normal.low, normal.high], abs=0.002)


def test_the_bootstrap_gives_the_same_for_the_same_seed() -> None:
    terms = e.ips(REWARDS[:500], WEIGHTS[:500])
    assert e.bootstrap(terms, seed=5) == e.bootstrap(terms, seed=5)


def test_rows_told_ten_times_are_no_surer_than_told_once() -> None:
    once = e.estimate(e.ips(REWARDS[:1000], WEIGHTS[:1000]))
    often = e.estimate(e.ips(np.tile(REWARDS[:1000], 10), np.tile(WEIGHTS[:1000], 10)), np.tile(np.arange(1000), 10).tolist())
    assert (often.value, often.error) == (pytest.approx(once.value), pytest.approx(once.error))


def test_a_policy_gains_nothing_over_itself_for_certain() -> None:
    terms = e.snips(REWARDS, WEIGHTS)
    found = e.difference(terms, terms)
    assert (found.low, found.value, found.high) == (0, 0, 0)


def test_a_gain_is_told_with_its_interval() -> None:
    found = e.difference(e.snips(REWARDS, WEIGHTS), e.mean(REWARDS), level=0.999)
    assert found.covers(TRUTH - float(RATES @ LOGGED))
    assert found.low > 0


def test_the_bootstrap_tells_a_gain_too() -> None:
    terms, base = e.snips(REWARDS[:5000], WEIGHTS[:5000]), e.mean(REWARDS[:5000])
    normal, drawn = e.difference(terms, base), e.bootstrap(terms, 5, base=base)
    assert (drawn.value, drawn.low) == (pytest.approx(normal.value), pytest.approx(normal.low, abs=0.01))


def test_equal_weights_count_every_row() -> None:
    assert e.effective_size(np.full(80, 0.25)) == pytest.approx(80)


def test_one_heavy_row_counts_for_little_more_than_one() -> None:
    assert e.effective_size([1000.0, *[1.0] * 99]) < 1.3


def test_cut_weights_are_at_most_what_was_said() -> None:
    assert e.clipped([0.5, 3.0, 40.0], 10).tolist() == [0.5, 3.0, 10.0]


def test_an_empty_log_is_sure_of_nothing() -> None:
    found = e.estimate(e.snips([], []))
    assert (found.rows, found.effective, found.error) == (0, 0, float("inf"))


def test_a_single_row_is_sure_of_nothing() -> None:
    assert e.bootstrap(e.ips([1.0], [2.0]), 1).high == float("inf")


def test_a_policy_that_shows_nothing_of_the_log_has_no_self_normalised_value() -> None:
    assert np.isnan(e.snips([1.0, 0.0], [0.0, 0.0]).value)


@pytest.mark.parametrize("target, logged, said", [
    ([0.5, 0.5], [0.5, 0.0], "row 1: the logged propensity is 0"),
    ([0.5, 1.5], [0.5, 0.5], "row 1: the policy's probability is 1.5"),
    ([0.5, float("nan")], [0.5, 0.5], "row 1 holds no number"),
    ([0.5], [0.5, 0.5], "1 rows on the one side, and 2 on the other"),
    ([[0.5]], [0.5], "one number per row"),
])
def test_a_log_that_cannot_be_right_is_refused_with_its_row(target: list[float], logged: list[float], said: str) -> None:
    with pytest.raises(LogUnusable, match=said):
        e.importance(target, logged)


def test_clusters_have_to_name_every_row() -> None:
    with pytest.raises(LogUnusable, match="2 rows, and clusters of 1"):
        e.estimate(e.ips([1, 0], [1, 1]), ["u1"])
