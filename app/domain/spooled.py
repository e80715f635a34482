"""What waits on the disk until the store is back: an event that was acknowledged, or one that was refused, as a dead letter."""

from __future__ import annotations

from msgspec import Struct

from app.domain.dead_letter import DeadLetter
from app.domain.event import Heard
from app.domain.order import keys_of


class Spooled(Struct, frozen=True):
    """One of the two; `at` is when it came, in ms; `private`: from a browser that asks for privacy."""

    at: int
    heard: Heard | None = None
    letter: DeadLetter | None = None
    private: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The profiles whose later events must go behind it."""
        return () if self.heard is None else keys_of(self.heard)
