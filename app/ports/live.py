"""Instants, who is in which segment, and what is kept to notice it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol


class Timers(Protocol):
    """Instants at which people are to be looked at, in shards that processes divide among them. A timer is (key, token) with
    an instant; a token of its own for each reason, so that removing one never removes another. Raises `StoreUnavailable`."""

    shards: Sequence[str]

    def add(self, rows: Sequence[tuple[str, bytes, int]]) -> Awaitable[None]:
        """Set timers; of two with one token the earlier stands. It is sent before this returns: what is asked of the store
        over the same connection afterwards comes after it, and is not kept where this is lost."""
        ...

    async def due(self, shards: Sequence[str], now: int, most: int) -> list[tuple[str, bytes, int]]:
        """At most so many of each shard whose instant has come, the earliest first: (key, token, instant)."""
        ...

    async def remove(self, rows: Sequence[tuple[str, bytes]]) -> None:
        """Forget timers; one that is not there is none."""
        ...


class LiveStore(Protocol):
    """What is kept of people to notice entering and leaving, and the lists of who is in each segment. Raises
    `StoreUnavailable`."""

    async def load(self, key: str) -> bytes | None: ...

    async def save(self, key: str, expected: bytes | None, live: bytes | None) -> bool:
        """Put `live` (None: nothing) in the place of `expected`; False where something else is there by now. Of an erased
        profile nothing is kept, which counts as done."""
        ...

    async def file(self, key: str, entered: Sequence[str], left: Sequence[str]) -> None:
        """The person stands in the lists of these segments, and not in those. Repeatable."""
        ...

    async def sizes(self, segments: Sequence[str]) -> dict[str, int]: ...

    async def members(self, segment: str, after: str, most: int) -> tuple[list[str], str]:
        """Keys of who is in the segment, and the `after` of the next page, empty after the last. Who is in it all the time
        between the first page and the last comes exactly once."""
        ...

    async def adopt(self, rules: bytes, meanings: Mapping[str, bytes], now: int) -> int:
        """From now on these rules are served; since when they are known. Repeatable."""
        ...

    async def meanings(self, rules: bytes) -> Mapping[str, bytes] | None:
        """What the segments of rules that were served meant; None where they never were."""
        ...

    async def profiles(self, after: str, count: int) -> tuple[list[str], str]:
        """Some keys of all profiles and the `after` of the next, empty for the first and after the last. Some may come twice."""
        ...

    async def count(self) -> int:
        """About how many keys `profiles` goes through."""
        ...

    async def progress(self) -> Mapping[str, int | str]:
        """What `advance` noted last; empty before."""
        ...

    async def advance(self, progress: Mapping[str, int | str]) -> None: ...
