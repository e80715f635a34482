"""How long each kind of data about people is kept, where the rules bound it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Retention:
    """Each in ms. `people`: after the last sign of them, 0 where there is no bound; `dead_letters`: after they were laid there;
    `events`: those of a type (its name), after they happened."""

    people: int = 0
    dead_letters: int = 30 * DAY
    events: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


USUAL_RETENTION = Retention()
