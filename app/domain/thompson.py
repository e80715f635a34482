"""Thompson sampling with probabilities that are known: how likely each arm is to be the best, kept between bounds, and drawn by a seed.

Drawing from every arm's posterior and taking the largest is the same as taking each arm with the probability that it is the largest. So these
probabilities are worked out first, by quadrature, bounded, and rounded to millionths; what is drawn is drawn from those. The propensity that
is recorded is therefore the very number that the draw was made with, and a decision comes out alike on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Column: TypeAlias = NDArray[np.float64]
WHOLE = 1_000_000
"""A share is a whole number of these parts."""
_STEPS = np.sinh(np.linspace(-3.6, 3.6, 145)) * (1 / np.sinh(0.15))
"""Where a posterior is looked at, in units of its spread: close in the middle, sparse far out, where only small `alpha` have any mass."""
_NEAR = np.linspace(-6.0, 6.0, 73)
"""The same of a normal distribution, which has no such tails."""
_TINY = 1e-12


def beta_shares(alphas: Sequence[float], betas: Sequence[float]) -> Column:
    """The probability of each arm to have the largest rate, rates being Beta distributed. Within 1e-4.

    Integrated over the log odds, where a Beta density is smooth and falls on both sides whatever its parameters are."""
    a, b = np.asarray(alphas, np.float64)[:, None], np.asarray(betas, np.float64)[:, None]
    middle = np.log(a) - np.log(b)
    spread = np.sqrt(1 / a + 1 / (2 * a * a) + 1 / b + 1 / (2 * b * b))
    grid = np.unique(np.clip(middle + spread * _STEPS / _STEPS[-1] * 30, -700, 700))
    height = a * grid - (a + b) * np.logaddexp(0.0, grid)
    return _best(grid, np.exp(height - height.max(axis=1, keepdims=True)))


def normal_shares(means: Column, spreads: Column) -> Column:
    """The same of values that are normally distributed, `spreads` being standard deviations above 0."""
    grid = np.sort((means[:, None] + spreads[:, None] * _NEAR).ravel())
    return _best(grid, np.exp(-0.5 * ((grid - means[:, None]) / spreads[:, None]) ** 2))


def _best(grid: Column, density: Column) -> Column:
    """The probability of each row to be the largest, from densities over one grid, to scale or not."""
    mass = (density[:, 1:] + density[:, :-1]) * np.diff(grid)
    mass /= mass.sum(axis=1, keepdims=True)
    below = np.zeros_like(density)
    np.cumsum(mass, axis=1, out=below[:, 1:])
    count = len(below)
    others = np.ones_like(below)
    before = after = np.ones_like(grid)
    for i in range(1, count):
        before = before * below[i - 1]
        others[i] *= before
        after = after * below[count - i]
        others[count - 1 - i] *= after
    shares = (mass * (others[:, 1:] + others[:, :-1])).sum(axis=1)
    return shares / shares.sum()


def bounded(shares: Column, floors: Sequence[float], ceilings: Sequence[float]) -> Column:
    """The shares, each between its floor and its ceiling, in proportion to each other where neither holds them. Ceilings that leave something
    over, as where few arms are left, are raised in proportion; floors that ask for too much are lowered so."""
    wanted = [max(share, _TINY) for share in shares.tolist()]
    rows = list(zip(wanted, floors, ceilings, strict=True))
    if all(low <= share <= high for share, low, high in rows):
        return shares
    if (total := sum(floors)) >= 1:
        return np.array(floors) / total
    if (total := sum(ceilings)) <= 1:
        return np.array(ceilings) / total
    least = most = 0.0
    for most in sorted({bound / share for share, low, high in rows for bound in (low, high)}):
        if sum([min(max(share * most, low), high) for share, low, high in rows]) >= 1:
            break
        least = most
    moves = [low / share <= least and most <= high / share for share, low, high in rows]
    held = sum([min(max(row[0] * least, row[1]), row[2]) for row, free in zip(rows, moves, strict=True) if not free])
    factor = (1 - held) / sum([row[0] for row, free in zip(rows, moves, strict=True) if free]) if any(moves) else most
    found = np.array([min(max(share * factor, low), high) for share, low, high in rows])
    return found / found.sum()


def warmed(shares: Column, cold: Sequence[bool]) -> Column:
    """An even share for every arm that is not known enough yet; the others divide the rest as before."""
    apart = np.asarray(cold, np.bool_)
    if not apart.any():
        return shares
    found = np.full(len(shares), 1 / len(shares))
    if not apart.all():
        known = np.maximum(shares[~apart], _TINY)
        found[~apart] = known / known.sum() * (1 - apart.sum() / len(shares))
    return found


def parts(shares: Column) -> list[int]:
    """The shares in millionths that sum to one whole; of what rounding leaves over the largest remainders get one each."""
    exact = shares * WHOLE
    found = np.floor(exact).astype(np.int64)
    order = np.lexsort((np.arange(len(shares)), -np.round(exact - found, 6)))
    found[order[: WHOLE - int(found.sum())]] += 1
    return found.tolist()


def drawn(shares: Sequence[int], seed: bytes) -> Iterator[tuple[int, float]]:
    """(place, probability with which it was drawn) of one arm after the other, as long as any is left that has a share. Each is drawn from
    those that were not drawn before; the same seed draws the same."""
    left = list(range(len(shares)))
    for turn in range(len(shares)):
        total = sum([shares[i] for i in left])
        if not total:
            return
        at = int.from_bytes(blake2b(seed, digest_size=8, salt=turn.to_bytes(2, "big")).digest()) % total
        for i in left:
            at -= shares[i]
            if at < 0:
                break
        else:  # pragma: no cover (at is below the total)
            return
        yield i, round(shares[i] / total, 6)
        left.remove(i)
