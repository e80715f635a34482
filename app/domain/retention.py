"""How long each kind of data about people is kept, where the rules bound it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retention:
    """Each in ms, 0 where there is no bound. `people`: after the last sign of them; `dead_letters`: after they were laid there."""

    people: int = 0
    dead_letters: int = 0


UNBOUNDED = Retention()
