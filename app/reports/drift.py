"""How far the values that a model sees have moved from those that it learnt from: the population stability index (PSI)."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log as ln
from typing import Any, Literal

from app.domain.json import is_list, is_object

MOVED, DRIFTED = 0.1, 0.25
"""PSI from which on something moved, and from which on it is another population: the field's rule of thumb."""
FLOOR = 1e-4
State = Literal["steady", "moved", "drifted", "unknown"]


@dataclass(frozen=True, slots=True)
class Drift:
    """One input, or the score. `absent` are shares of rows without it: in training, and now."""

    name: str
    psi: float | None
    absent_then: float
    absent_now: float

    @property
    def state(self) -> State:
        return "unknown" if self.psi is None else "drifted" if self.psi >= DRIFTED else "moved" if self.psi >= MOVED else "steady"


def drift(name: str, values: Sequence[Any], base: Mapping[str, Any], default: float | str | None) -> Drift:
    """PSI over the baseline's bins, what is absent being one of its own; what took the card's default was absent, but where the default
    is a value like any other."""
    then = float(base.get("absent") or 0.0)
    there = [value for value in values if value != default] if _stands_for_absent(default, base, then) else list(values)
    now = 1 - len(there) / len(values)
    expected = _shares(base)
    if not expected:
        return Drift(name, None, then, now)
    counts = Counter(_bin(value, base) for value in there)
    pairs = [(share * (1 - then) if then else share, counts[place] / len(values)) for place, share in expected.items()]
    return Drift(name, psi([*pairs, (then, now)]), then, now)


def _stands_for_absent(default: float | str | None, base: Mapping[str, Any], then: float) -> bool:
    """Whether a value that is the card's default was no value: some were absent in training, or nothing there was as low as it."""
    edges = base.get("edges")
    return default is not None and (then > 0 or (is_list(edges) and edges != [] and not isinstance(default, str) and default < edges[0] and default < 0 <= edges[0]))


def _shares(base: Mapping[str, Any]) -> dict[Any, float]:
    """Bin -> its share of those that were there, in training."""
    texts, edges, shares = base.get("texts"), base.get("edges"), base.get("shares")
    if is_object(texts):
        there = max(1 - float(base.get("absent") or 0.0), FLOOR)
        told = {name: float(share) / there for name, share in texts.items()}
        return {**told, None: max(0.0, 1 - sum(told.values()))}
    if is_list(edges):
        return dict(enumerate(map(float, shares))) if is_list(shares) else dict.fromkeys(range(len(edges) + 1), 1 / (len(edges) + 1))
    return {}


def _bin(value: Any, base: Mapping[str, Any]) -> Any:
    if is_object(base.get("texts")):
        return value if value in base["texts"] else None
    return bisect_right(base["edges"], value)


def psi(pairs: Iterable[tuple[float, float]]) -> float:
    """The population stability index of (expected share, share) pairs; shares below a floor count as the floor."""
    return sum((max(now, FLOOR) - max(then, FLOOR)) * ln(max(now, FLOOR) / max(then, FLOOR)) for then, now in pairs)
