"""Leases and members of groups in Redis, by its own clock."""

from __future__ import annotations

from collections.abc import Sequence

from app.adapters.redis_link import Link
from app.adapters.redis_scripts import Script, evaluate, evaluate_many

GRACE_MILLISECONDS = 1_000
"""So long after its end a lease is nobody's: the clocks of a cluster's servers may differ."""


class RedisLeases:
    """`Leases` over one link."""

    def __init__(self, link: Link, write_seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = write_seconds
        self._lease, self._members = Script("lease"), Script("members")

    async def take(self, names: Sequence[str], owner: str, milliseconds: int) -> dict[str, int]:
        return await self._each("take", names, owner, milliseconds)

    async def renew(self, names: Sequence[str], owner: str, milliseconds: int) -> dict[str, int]:
        return await self._each("renew", names, owner, milliseconds)

    async def give(self, names: Sequence[str], owner: str) -> None:
        await self._each("give", names, owner, 0)

    async def members(self, group: str, owner: str, milliseconds: int) -> int:
        return await evaluate(self._link, self._members, [f"inlay:members:{{{group}}}"], [owner, milliseconds], self._seconds)

    async def _each(self, action: str, names: Sequence[str], owner: str, milliseconds: int) -> dict[str, int]:
        """The names that are the owner's, with the end of each lease."""
        if not names:
            return {}
        calls = [([f"inlay:lease:{{{name}}}"], [action, owner, milliseconds, GRACE_MILLISECONDS]) for name in names]
        ends = await evaluate_many(self._link, self._lease, calls, self._seconds)
        return {name: end for name, end in zip(names, ends, strict=True) if end}
