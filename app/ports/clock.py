"""The clock."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def __call__(self) -> int:
        """The instant, in ms since 1970-01-01T00:00Z."""
        ...
