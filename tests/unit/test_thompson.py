"""Chances of being the best: right, between their bounds, in whole parts, and drawn the same by the same seed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from app.domain.bandits import NOTHING_LEARNT, Arm, Bandit, Normal, Posterior, Reward, Tally
from app.domain.beliefs import Weights, belief
from app.domain.conditions import Number
from app.domain.thompson import WHOLE, beta_shares, bounded, drawn, normal_shares, parts, warmed

SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=8).filter(lambda each: sum(each) > 0.01).map(lambda each: np.array(each) / sum(each))


def exact(alphas: list[float], betas: list[float]) -> list[float]:
    """The same by a hundred thousand even steps of each arm's own quantiles."""
    levels = (np.arange(100_000) + 0.5) / 100_000
    found = []
    for i, (a, b) in enumerate(zip(alphas, betas, strict=True)):
        rates = stats.beta.ppf(levels, a, b)
        others = [stats.beta.cdf(rates, alphas[j], betas[j]) for j in range(len(alphas)) if j != i]
        found.append(float(np.prod(others, axis=0).mean()))
    return found


@pytest.mark.parametrize("alphas, betas", [
    ([1, 1], [1, 1]), ([1, 2, 3], [5, 5, 5]), ([0.5, 0.05, 1], [0.5, 0.2, 1]), ([1, 1, 1, 500], [1, 30, 2000, 40000]),
    ([47, 8, 62, 142, 3], [12198, 3566, 15993, 35522, 2367]), ([20000, 20100, 300], [1e6, 1e6, 15000]),
])
def test_the_chance_of_a_rate_to_be_the_largest_is_right(alphas: list[float], betas: list[float]) -> None:
    assert beta_shares(alphas, betas).tolist() == pytest.approx(exact(alphas, betas), abs=2e-4)


def test_the_chance_of_a_normal_value_to_be_the_largest_is_right() -> None:
    means, spreads = np.array([0.02, 0.03, 0.1]), np.array([0.01, 0.02, 0.05])
    levels = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    wanted = [float(np.prod([stats.norm.cdf(m + s * levels, means[j], spreads[j]) for j in range(3) if j != i], axis=0).mean()) for i, (m, s) in enumerate(zip(means, spreads, strict=True))]
    assert normal_shares(means, spreads).tolist() == pytest.approx(wanted, abs=2e-4)


def test_of_two_normal_values_it_is_the_distribution_of_their_difference() -> None:
    assert normal_shares(np.array([0.0, 1.0]), np.array([3.0, 4.0]))[1] == pytest.approx(stats.norm.cdf(1 / 5), abs=3e-4)


@given(SHARES, st.data())
def test_bounds_hold_and_shares_stay_in_proportion_between_them(shares: np.ndarray, data: st.DataObject) -> None:
    size = len(shares)
    floors = data.draw(st.lists(st.floats(0, 0.9 / size), min_size=size, max_size=size))
    ceilings = data.draw(st.lists(st.floats(1.1 / size, 1), min_size=size, max_size=size))
    found = bounded(shares, floors, ceilings)
    free = [(i, share) for i, share in enumerate(found) if floors[i] + 1e-9 < share < ceilings[i] - 1e-9]
    factors = [share / max(shares[i], 1e-12) for i, share in free]
    assert found.sum() == pytest.approx(1)
    assert all(low - 1e-9 <= share <= high + 1e-9 for low, share, high in zip(floors, found, ceilings, strict=True))
    assert max(factors, default=1) == pytest.approx(min(factors, default=1), rel=1e-6)


def test_bounds_that_cannot_hold_are_stretched_in_proportion() -> None:
    assert bounded(np.array([0.5, 0.5]), [0.9, 0.6], [1, 1]).tolist() == pytest.approx([0.6, 0.4])
    assert bounded(np.array([0.5, 0.5]), [0, 0], [0.2, 0.3]).tolist() == pytest.approx([0.4, 0.6])


def test_arms_that_are_not_known_enough_get_an_even_share_each() -> None:
    assert warmed(np.array([0.9, 0.1, 0.0, 0.0]), [False, False, True, True]).tolist() == pytest.approx([0.45, 0.05, 0.25, 0.25])
    assert warmed(np.array([0.9, 0.1]), [True, True]).tolist() == [0.5, 0.5]
    assert warmed(np.array([0.9, 0.1]), [False, False]).tolist() == [0.9, 0.1]


@given(SHARES)
def test_parts_make_a_whole(shares: np.ndarray) -> None:
    found = parts(shares)
    assert sum(found) == WHOLE
    assert max(abs(part / WHOLE - share) for part, share in zip(found, shares, strict=True)) <= 1.01 / WHOLE


def test_every_arm_comes_up_as_often_as_its_share_says() -> None:
    counts = Counter(next(drawn([200_000, 500_000, 300_000, 0], f"u{i}".encode())) for i in range(20_000))
    assert {key: count / 20_000 for key, count in counts.items()} == pytest.approx({(0, 0.2): 0.2, (1, 0.5): 0.5, (2, 0.3): 0.3}, abs=0.012)


def test_the_next_is_drawn_from_those_that_are_left_and_says_with_which_chance() -> None:
    after = Counter(second for first, second in ([*drawn([200_000, 500_000, 300_000], f"u{i}".encode())][:2] for i in range(20_000)) if first[0] == 1)
    whole = sum(after.values())
    assert {key: count / whole for key, count in after.items()} == pytest.approx({(0, 0.4): 0.4, (2, 0.6): 0.6}, abs=0.02)


def test_the_same_seed_draws_the_same() -> None:
    assert [*drawn([1, 2, 3, 4], b"u1")] == [*drawn([1, 2, 3, 4], b"u1")]


def bandit(*features: str, **more: object) -> Bandit:
    usual = Arm(prior=Normal(noise=0.3)) if features else Arm()
    return Bandit("hero", Reward("email_clicked", 1), tuple((name, Number(0)) for name in features), usual, **more)  # type: ignore[arg-type]


def test_what_was_learnt_moves_the_shares() -> None:
    known = Posterior(3, {"a": Tally(1000, 1000, 50.0), "b": Tally(1000, 1000, 20.0)})
    assert belief(bandit(), NOTHING_LEARNT).shares(["a", "b"], ()).tolist() == pytest.approx([0.5, 0.5])
    assert belief(bandit(), known).shares(["a", "b", "new"], ())[2] > 0.9
    assert belief(bandit(), known).shares(["a", "b"], ())[0] > 0.99


def test_the_first_rewards_do_not_decide_before_the_first_failures_are_settled() -> None:
    early = Posterior(1, {"a": Tally(100, 3, 3.0), "b": Tally(100, 2, 2.0)})
    late = Posterior(1, {"a": Tally(100, 100, 3.0), "b": Tally(100, 100, 2.0)})
    assert belief(bandit(), early).shares(["a", "b"], ()).tolist() == belief(bandit(), late).shares(["a", "b"], ()).tolist()


def test_a_linear_bandit_learns_whom_an_offer_is_for() -> None:
    draws = np.random.default_rng(5)
    people = np.column_stack([np.ones(400), draws.integers(0, 2, 400)])
    arms = {}
    for offer, weights in {"a": (0.1, 0.5), "b": (0.4, -0.3)}.items():
        rewards = draws.random(400) < people @ weights
        products = people.T @ people
        arms[offer] = Tally(400, 400, float(rewards.sum()), tuple(products[np.triu_indices(2)]), tuple(people.T @ rewards))
    known = belief(bandit("woman"), Posterior(1, arms))
    assert known.shares(["a", "b"], (1.0, 1.0))[0] > 0.99
    assert known.shares(["a", "b"], (1.0, 0.0))[1] > 0.99


def test_the_weights_are_those_of_bayesian_regression() -> None:
    people, rewards = np.array([[1.0, 2.0], [1.0, -1.0], [1.0, 0.5]]), np.array([1.0, 0.0, 1.0])
    tally = Tally(3, 3, 2.0, tuple((people.T @ people)[np.triu_indices(2)]), tuple(people.T @ rewards))
    means, covariances = Weights(bandit("x"), Posterior(1, {"a": tally})).of("a")
    wanted = np.linalg.inv(np.eye(2) + people.T @ people / 0.09)
    assert covariances == pytest.approx(wanted)
    assert means == pytest.approx(wanted @ people.T @ rewards / 0.09)


def test_what_was_learnt_with_other_features_is_not_used() -> None:
    means, _ = Weights(bandit("x", "y"), Posterior(1, {"a": Tally(1, 1, 1.0, (1.0, 1.0, 1.0), (1.0, 1.0))})).of("a")
    assert means.tolist() == [0, 0, 0]


def test_features_of_other_names_are_learnt_anew() -> None:
    names = {bandit().state, bandit("x").state, bandit("y").state, bandit("x", "y").state}
    assert len(names) == 4
    assert {name.partition("@")[0] for name in names} == {"hero"}


@pytest.mark.parametrize("given, worth", [({"total": 50}, 0.25), ({"total": 900.0}, 1.0), ({"total": -3}, 0.0), ({}, 0.0), ({"total": "50"}, 0.0), ({"total": True}, 0.0)])
def test_a_reward_is_worth_what_the_event_says(given: dict[str, object], worth: float) -> None:
    assert Reward("order_completed", 1, ("total",), 200).of(given) == worth
    assert Reward("email_clicked", 1).of(given) == 1.0
