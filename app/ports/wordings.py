"""What rules say, kept for the decisions that show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Wordings(Protocol):
    """Raises `StoreUnavailable`."""

    async def keep(self, own: Mapping[str, Mapping[str, Any]], now: int) -> dict[str, Mapping[str, Any]]:
        """Remember these: id -> variables. Gives all that are remembered. One that nobody kept for longer than decisions are goes."""
        ...

    async def count(self) -> int:
        """How many are remembered."""
        ...
