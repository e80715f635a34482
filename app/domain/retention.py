"""How long each kind of data about people is kept, where the rules bound it."""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Retention:
    """Each in ms. `people`: after the last sign of them, 0 where there is no bound; `dead_letters`: after they were laid there."""

    people: int = 0
    dead_letters: int = 30 * DAY


USUAL_RETENTION = Retention()
