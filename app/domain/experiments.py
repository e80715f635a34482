"""Experiments and holdouts: who gets which variant, by a hash alone.

The hash, the ranges and the namespaces are GrowthBook's, so that its SDKs elsewhere put the same people into the same
variants: 32-bit FNV-1a over UTF-16 code units; version 2 hashes twice, which keeps neighbouring experiments apart.
Source: GrowthBook, "Build your own SDK" (specification 0.8), checked against its published cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.domain.conditions import NOWHERE, Condition, Place

Unit: TypeAlias = Literal["profile", "account", "send"]
HashVersion: TypeAlias = Literal[1, 2]
Range: TypeAlias = tuple[float, float]
_OFFSET, _PRIME, _MASK = 0x811C9DC5, 0x01000193, 0xFFFFFFFF
SEEDED = "\0"
CLOSE = 0.01
"""How far weights may be from a sum of 1."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A stretch `[start, end)` of people that experiments of one name share out among themselves."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Measure:
    """What counts of each unit within `within` ms after it was first shown a variant: whether `event` came, or the sum of its values
    (`total`). A guardrail may get worse by `margin`, a share of the control's, at most."""

    name: str
    event: str
    total: bool = False
    within: int = 7 * 86_400_000
    good: Literal["up", "down"] = "up"
    guardrail: bool = False
    margin: float = 0.05


USUAL_MEASURES = (
    Measure("clicked", "email_clicked"), Measure("bought", "order_completed"), Measure("revenue", "order_completed", total=True),
    Measure("unsubscribed", "email_unsubscribed", good="down", guardrail=True), Measure("complained", "email_complained", good="down", guardrail=True),
)
"""What is reported where an experiment names nothing."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """`variants` are names with their weights; `coverage` is the share of people that takes part. `placement` empty: it
    counts as seen wherever one of its variants is asked for. The first of `measures` decides what it showed. With `sticky` a person who saw a variant keeps it, whatever becomes of
    weights, coverage, namespace and condition, until the variant or the seed goes."""

    id: str
    variants: tuple[tuple[str, float], ...]
    placement: str = ""
    unit: Unit = "profile"
    coverage: float = 1.0
    seed: str = ""
    hash: HashVersion = 2
    namespace: Namespace | None = None
    when: Condition | None = None
    measures: tuple[Measure, ...] = ()
    sticky: bool = False
    place: Place = NOWHERE

    def variant(self, unit: str) -> str | None:
        """The variant of one unit; None where it takes no part. An empty unit takes none."""
        if not unit or (self.namespace is not None and not in_namespace(unit, self.namespace)):
            return None
        weights = [weight for _, weight in self.variants]
        chosen = choose_variation(bucket(self.seed or self.id, unit, self.hash), bucket_ranges(len(weights), self.coverage, weights))
        return self.variants[chosen][0] if chosen >= 0 else None


    def kept(self, stored: str | None) -> str | None:
        """The variant that was stored of a person; None where none was, or where it counts no more."""
        variant, _, seed = (stored or "").partition(SEEDED)
        return variant if seed == self.seed and any(variant == name for name, _ in self.variants) else None

    def stored(self, variant: str) -> str:
        """A variant as it is stored of a person: with the seed, where the experiment names one."""
        return f"{variant}{SEEDED}{self.seed}" if self.seed else variant


@dataclass(frozen=True, slots=True)
class Holdout:
    """A share of people, 0 to 1, who get the control for a long time. `placements` empty: all of them. `control` is an offer;
    empty: the placement's fallback."""

    id: str
    share: float
    salt: str = ""
    placements: tuple[str, ...] = ()
    control: str = ""
    place: Place = NOWHERE

    def holds(self, unit: str) -> bool:
        return bool(unit) and bucket(self.salt or self.id, unit, 2) < self.share


def account_of(traits: Mapping[str, object]) -> str:
    """The account of a person: `profile.account_id`, else `profile.group_id`; empty where there is none."""
    value = traits.get("account_id", traits.get("group_id"))
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def fnv32a(text: str) -> int:
    """FNV-1a of the UTF-16 code units, as JavaScript's `charCodeAt` gives them."""
    value = _OFFSET
    if text.isascii():
        for unit in text.encode():
            value = ((value ^ unit) * _PRIME) & _MASK
        return value
    units = text.encode("utf-16-le", "surrogatepass")
    for at in range(0, len(units), 2):
        value = ((value ^ (units[at] | units[at + 1] << 8)) * _PRIME) & _MASK
    return value


def bucket(seed: str, unit: str, version: int) -> float:
    """Where in [0, 1) a unit falls: in thousandths by version 1, in ten thousandths by version 2."""
    if version == 1:
        return fnv32a(unit + seed) % 1_000 / 1_000
    return fnv32a(str(fnv32a(seed + unit))) % 10_000 / 10_000


def equal_weights(count: int) -> list[float]:
    return [1 / count] * count if count > 0 else []


def bucket_ranges(count: int, coverage: float = 1.0, weights: Sequence[float] | None = None) -> list[Range]:
    """The stretch of [0, 1) of each variation; with less coverage each keeps its start, so that more of it moves nobody."""
    coverage = min(max(coverage, 0.0), 1.0)
    if weights is None or len(weights) != count or not 1 - CLOSE <= sum(weights) <= 1 + CLOSE:
        weights = equal_weights(count)
    found: list[Range] = []
    start = 0.0
    for weight in weights:
        found.append((start, start + coverage * weight))
        start += weight
    return found


def choose_variation(at: float, ranges: Sequence[Range]) -> int:
    """The number of the variation whose stretch holds a bucket; -1 where none does."""
    return next((i for i, (start, end) in enumerate(ranges) if start <= at < end), -1)


def in_namespace(unit: str, namespace: Namespace) -> bool:
    return namespace.start <= bucket(f"__{namespace.name}", unit, 1) < namespace.end
