"""How far back anything looks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a history there is to look at: the newest `events` of each type, none older than `age` ms (0: any)."""

    events: int = 1_000
    age: int = 0


USUAL = Bounds()
