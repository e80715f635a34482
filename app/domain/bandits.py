"""Bandits: which of several offers earns the most, learnt while they are shown.

A bandit knows, for each of its arms (offers), how often it was shown and what came of it. A draw that was recorded with a decision counts as one
without a reward from then on, and as one with it once it comes, if it does in time. What is learnt is published as a posterior with a version;
choices are made by what was published.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from app.domain.conditions import NOWHERE, Condition, Expression, Path, Place
from app.domain.event import empty
from app.domain.json import is_object

Outcome: TypeAlias = Literal["counted", "duplicate", "late", "unknown", "reset"]
"""What became of a reward: `unknown` names no decision that is kept, or none that a bandit had a hand in; `late` came after its window;
`reset` is of a decision from before what was learnt was dropped."""


@dataclass(frozen=True, slots=True)
class Reward:
    """The event that is hoped for within so many ms of the decision. `value` is where it says how much it is worth, which counts as a share of
    `most`, at most 1; without it each is worth 1."""

    event: str
    within: int
    value: Path = ()
    most: float = 1.0

    def of(self, properties: Mapping[str, Any]) -> float:
        """What an event is worth, 0 to 1; 0 where it does not say."""
        if not self.value:
            return 1.0
        found: Any = properties
        for name in self.value:
            found = found.get(name) if is_object(found) else None
        return min(max(float(found) / self.most, 0.0), 1.0) if isinstance(found, (int, float)) and not isinstance(found, bool) else 0.0


@dataclass(frozen=True, slots=True)
class Beta:
    """What is believed of an arm's rate before anything is known."""

    alpha: float = 1.0
    beta: float = 1.0


@dataclass(frozen=True, slots=True)
class Normal:
    """What is believed of every weight of a linear arm: they are around 0, that of the constant around `mean`, with this `variance`; a reward is
    what they add up to, with a standard deviation of `noise`."""

    mean: float = 0.0
    variance: float = 1.0
    noise: float = 0.5


Prior: TypeAlias = "Beta | Normal"


@dataclass(frozen=True, slots=True)
class Arm:
    """`floor` and `ceiling` bound the share of draws that an offer gets."""

    floor: float = 0.0
    ceiling: float = 1.0
    prior: Prior = field(default_factory=Beta)


@dataclass(frozen=True, slots=True)
class Bandit:
    """`features` make it linear: name -> an expression, or a condition that is 1 where it holds. `usual` is what holds for offers that `arms` does
    not name. Until an arm was shown `warm_up` times it gets an even share. Every `every` ms what was learnt is published."""

    id: str
    reward: Reward
    features: tuple[tuple[str, Expression | Condition], ...] = ()
    usual: Arm = field(default_factory=Arm)
    arms: Mapping[str, Arm] = field(default_factory=empty)
    warm_up: int = 0
    every: int = 60_000
    place: Place = NOWHERE

    def arm(self, offer: str) -> Arm:
        return self.arms.get(offer, self.usual)

    @property
    def state(self) -> str:
        """The name under which it is learnt: features of other names begin anew."""
        if not self.features:
            return self.id
        named = "\0".join([name for name, _ in self.features])
        return f"{self.id}@{blake2b(named.encode(), digest_size=4).hexdigest()}"


class Drawn(Struct, frozen=True, array_like=True, omit_defaults=True):
    """How a bandit came to show an offer: by which posterior (0: none yet), with what probability among the offers that were left, and, where it is
    linear, what it knew of the person, as little-endian float32."""

    state: str
    version: int
    propensity: float
    features: bytes = b""

    @property
    def bandit(self) -> str:
        return self.state.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Showing:
    """A draw that was recorded: for whom, in which send and placement, which offer. Its reward may come until `due`."""

    key: str
    send: str
    placement: str
    offer: str
    drawn: Drawn
    due: int

    @property
    def mark(self) -> bytes:
        """12 bytes that stand for the decision's placement."""
        return blake2b("\0".join((self.key, self.send, self.placement)).encode(), digest_size=12).digest()


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known of an arm: how often it was shown, for how many of these it is settled what came of it, the sum of the rewards; and, of a
    linear one, the upper half of the sum of the features' products over all that was shown, row by row, and the sums of features times reward."""

    shown: int = 0
    settled: int = 0
    rewards: float = 0.0
    products: tuple[float, ...] = ()
    moments: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Posterior:
    """What was published. `frozen`: nothing is any more, until it is thawed."""

    version: int = 0
    arms: Mapping[str, Tally] = field(default_factory=empty)
    frozen: bool = False


NOTHING_LEARNT = Posterior()
NOTHING_SHOWN = Tally()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a bandit stands: what was published and what is known beyond that, draws that are pending, and rewards by what became of them."""

    published: Posterior
    known: Mapping[str, Tally]
    pending: int
    outcomes: Mapping[str, int]


def features_of(data: bytes) -> tuple[float, ...]:
    """The features of a draw."""
    return tuple(array("f", data))


def packed_features(values: Sequence[float]) -> bytes:
    return array("f", values).tobytes()


def added(tally: Tally, features: Sequence[float], *, shown: bool = False, settled: bool = False, reward: float = 0.0) -> Tally:
    """The tally with one more draw shown, or one settled, or a reward of one, or several of these."""
    products, moments = tally.products, tally.moments
    if features:
        products = products or (0.0,) * (len(features) * (len(features) + 1) // 2)
        moments = moments or (0.0,) * len(features)
        if shown:
            pairs = [a * b for i, a in enumerate(features) for b in features[i:]]
            products = tuple([old + new for old, new in zip(products, pairs, strict=True)])
        moments = tuple([old + reward * each for old, each in zip(moments, features, strict=True)])
    return Tally(tally.shown + shown, tally.settled + settled, tally.rewards + reward, products, moments)
