"""What there is only so much of."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from app.domain.caps import Ask, Doubtful, Hold, Level


class Stocks(Protocol):
    """Pools of unique codes, and counts of decisions that may not pass a number. What is taken is in doubt until it is kept;
    every caller that takes, or doubts, under one holder counts, and it goes back when the last of them drops it. A code is
    with one holder, or free; never both, never with two. Raises `StoreUnavailable`."""

    async def take(self, asks: Sequence[Ask], now: int) -> list[str | None]:
        """One answer each, in one round trip: the code, or nothing but text for a count; None where there is none left.
        A holder that has it already is given the same again."""
        ...

    def keep(self, held: Sequence[Hold]) -> Awaitable[None]:
        """Decisions that show these were recorded: no doubt any more, whoever took them. It is sent before this returns."""
        ...

    async def drop(self, held: Sequence[Hold]) -> None:
        """One caller wants them no more. What is not in doubt stays where it is."""
        ...

    async def doubt(self, held: Sequence[Hold], who: str, now: int) -> None:
        """These may go back: to be dropped, or kept after all. `who` tells the decision that they are held for."""
        ...

    async def doubtful(self, stocks: Sequence[str], before: int, most: int) -> list[Doubtful]:
        """At most so many of each stock that have been in doubt since `before`."""
        ...

    async def lapse(self, held: Sequence[Hold], before: int) -> None:
        """They go back, whoever took them, where they have been in doubt since `before` and nobody took them again."""
        ...

    async def tick(self, held: Sequence[Hold], at: int) -> None:
        """Count these, each holder once, from its first instant on; no bound is looked at."""
        ...

    async def add(self, pool: str, codes: Sequence[str]) -> int:
        """Codes that nobody has had; how many of them were not there before."""
        ...

    async def levels(self, pools: Sequence[str] | None = None) -> Mapping[str, Level]:
        """How many codes there are in these pools, or in all that ever had any."""
        ...


class Sends(Protocol):
    """Recorded decisions, taken back. Raises `StoreUnavailable`."""

    async def void(self, key: str, send: str, expected: bytes) -> bool:
        """The decision is not recorded any more; False where another than `expected` is there, and stays.
        Follows aliases."""
        ...
