"""The figures: each is a key, a unit, a target and a function that measures it.

Adding one is a decorated function in the file of its topic, a new topic also in `TOPICS`:

    @figure("batch_vs_single", "times", at_least=5, title="decisions a second of the batch route over the single route")
    def batch_vs_single() -> float: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TypeVar

TOPICS = ("block", "batch", "rules", "events", "durability", "segments", "webhooks", "scale", "memory", "identities", "policy", "log", "limits", "bandits", "tables", "learning", "histories", "recommending", "nearest", "pictures", "inboxes")


@dataclass(frozen=True, slots=True)
class Measured:
    """A value with notes that are kept beside it."""

    value: float
    notes: dict[str, str]


Measure = Callable[[], float | Measured]
M = TypeVar("M", bound=Measure)


@dataclass(frozen=True, slots=True)
class Figure:
    """`at_least` and `at_most` are the target; a figure without either is only told."""

    key: str
    unit: str
    title: str
    measure: Measure
    at_least: float | None = None
    at_most: float | None = None

    @property
    def target(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:,g}"
        return f"≤ {self.at_most:,g}" if self.at_most is not None else ""

    def reached(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


_figures: dict[str, Figure] = {}


def figure(key: str, unit: str, *, title: str, at_least: float | None = None, at_most: float | None = None) -> Callable[[M], M]:
    """Enter the decorated function as the way to measure `key`."""

    def enter(measure: M) -> M:
        if key in _figures:
            raise ValueError(f"two figures are called {key}")
        _figures[key] = Figure(key, unit, title, measure, at_least, at_most)
        return measure

    return enter


def figures() -> dict[str, Figure]:
    """All figures, in the order of their topics."""
    for topic in TOPICS:
        import_module(f"bench.{topic}")
    # a module may have been imported before, for its own sake
    return dict(sorted(_figures.items(), key=lambda entry: TOPICS.index(entry[1].measure.__module__.removeprefix("bench."))))
