"""Letting go of what was kept long enough, in Redis: one pass over everybody, a page at a time, and dead letters by their age."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from app.adapters.redis_dead_letters import KEYS as DEAD
from app.adapters.redis_dead_letters import STREAM, TRIMMED
from app.adapters.redis_everybody import people
from app.adapters.redis_link import Link
from app.adapters.redis_scripts import Script, evaluate, evaluate_many
from app.domain.retention import Retention

PARTS = "htmodxkl"
"""What lies in the slot of a profile, the history, its tail and the profile first."""
PAGE = 500
TURN, PLACE = "{inlay:retention}:turn", "{inlay:retention}:place"
TURN_SECONDS = 5
PASS_SECONDS = 3_600
DONE = b"done"
Aged = Callable[[Sequence[str], Mapping[str, int], int], Awaitable[int]]


class RedisRetention:
    """`Sweeper` over one link. The processes of a fleet take turns; a pass goes on where the last turn ended. `told` hears of
    the keys of who went; `aging` takes away events past their time, of the people of some keys."""

    def __init__(self, link: Link, seconds: float = 1.0, told: Callable[[Sequence[str]], Awaitable[None]] | None = None, aging: Aged | None = None) -> None:
        self._link = link
        self._aging = aging
        self._told = told or _ignored
        self._seconds = seconds
        self._idle, self._drop = Script("idle"), Script("dead_drop")

    async def turn(self, policy: Retention, now: int) -> int:
        if not await self._link.call("SET", TURN, b"", "NX", "EX", TURN_SECONDS, seconds=self._seconds):
            return 0
        old = await self._link.call("XRANGE", STREAM, "-", max(now - policy.dead_letters, 0), "COUNT", PAGE, seconds=self._seconds)
        if old:
            await evaluate(self._link, self._drop, DEAD, [TRIMMED, *(id for id, _ in old)], self._seconds)
        return await self._people(policy, now) if policy.people or policy.events else 0

    async def _people(self, policy: Retention, now: int) -> int:
        place = await self._link.call("GET", PLACE, seconds=self._seconds) or b""
        if place == DONE:
            return 0
        keys, following = await people(self._link, place.decode(), PAGE, self._seconds)
        gone = await self._without_sign(keys, max(now - policy.people, 0)) if policy.people else []
        if policy.events and self._aging is not None:
            await self._aging([key for key in keys if key not in gone], policy.events, now)
        done = ("SET", PLACE, following) if following else ("SET", PLACE, DONE, "EX", PASS_SECONDS)
        await self._link.call(*done, seconds=self._seconds)
        return len(gone)

    async def _without_sign(self, keys: Sequence[str], cut: int) -> list[str]:
        """Those who went."""
        calls = [([f"{part}:{{{key}}}" for part in PARTS], [cut.to_bytes(8, "big")]) for key in keys]
        replies = await evaluate_many(self._link, self._idle, calls, self._seconds) if calls else []
        gone = {key: known for key, known in zip(keys, replies, strict=True) if known is not None}
        for key, known in gone.items():
            await self._unpoint(key, known)
        if gone:
            await self._told(list(gone))
        return list(gone)

    async def _unpoint(self, key: str, known: Sequence[bytes]) -> None:
        """Take away the pointers of identifiers that led to somebody who went."""
        for identifier in known:
            pointer = b"m:{" + identifier + b"}"
            if await self._link.call("HGET", pointer, ">", seconds=self._seconds) == key.encode():
                await self._link.call("DEL", pointer, seconds=self._seconds)


async def _ignored(_: Sequence[str]) -> None:
    """For a sweep that nobody looks after."""
