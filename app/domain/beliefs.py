"""What a bandit believes of its arms, from its priors and what was published: each arm's chance to be the best, in general or for one person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from app.domain.bandits import NOTHING_SHOWN, Bandit, Beta, Normal, Posterior
from app.domain.thompson import Column, beta_shares, normal_shares


class Belief(Protocol):
    def shares(self, offers: Sequence[str], features: Sequence[float]) -> Column:
        """The chance of each offer to earn the most for somebody with these features."""
        ...


def belief(bandit: Bandit, posterior: Posterior) -> Belief:
    return Weights(bandit, posterior) if bandit.features else Rates(bandit, posterior)


class Rates:
    """Of each arm, a Beta distribution of its rate: the same for everybody. What was shown and is not rewarded yet counts as what never will be:
    counting it only once its time is over would let the first rewards decide, since they come before the first failures."""

    def __init__(self, bandit: Bandit, posterior: Posterior) -> None:
        self._bandit = bandit
        self._posterior = posterior

    def of(self, offer: str) -> tuple[float, float]:
        """(alpha, beta)"""
        prior, tally = self._bandit.arm(offer).prior, self._posterior.arms.get(offer, NOTHING_SHOWN)
        assert isinstance(prior, Beta)
        return prior.alpha + tally.rewards, prior.beta + max(tally.shown - tally.rewards, 0.0)

    def shares(self, offers: Sequence[str], features: Sequence[float] = ()) -> Column:
        alphas, betas = zip(*[self.of(offer) for offer in offers], strict=True)
        return beta_shares(alphas, betas)


class Weights:
    """Of each arm, a normal distribution of what each feature adds to the reward (Bayesian linear regression with known noise). Arms know nothing
    of each other, so what they earn for one person is normal and independent."""

    def __init__(self, bandit: Bandit, posterior: Posterior) -> None:
        self._bandit = bandit
        self._posterior = posterior
        self._size = len(bandit.features) + 1
        self._known: dict[str, tuple[Column, Column]] = {}

    def of(self, offer: str) -> tuple[Column, Column]:
        """(means, covariances) of the weights."""
        found = self._known.get(offer)
        if found is None:
            found = self._known[offer] = self._solved(offer)
        return found

    def _solved(self, offer: str) -> tuple[Column, Column]:
        prior, tally = self._bandit.arm(offer).prior, self._posterior.arms.get(offer, NOTHING_SHOWN)
        assert isinstance(prior, Normal)
        size = self._size
        precision = np.eye(size) / prior.variance
        pull = np.zeros(size)
        pull[0] = prior.mean / prior.variance
        if len(tally.moments) == size:
            rows, columns = np.triu_indices(size)
            products = np.zeros((size, size))
            products[rows, columns] = products[columns, rows] = tally.products
            precision = precision + products / prior.noise**2
            pull = pull + np.array(tally.moments) / prior.noise**2
        covariance = np.linalg.inv(precision).astype(np.float64)
        return covariance @ pull, covariance

    def shares(self, offers: Sequence[str], features: Sequence[float]) -> Column:
        known = np.array(features)
        several = [self.of(offer) for offer in offers]
        means = np.array([mean @ known for mean, _ in several])
        variances = np.array([known @ covariance @ known for _, covariance in several])
        return normal_shares(means, np.sqrt(np.maximum(variances, 1e-18)))
