"""Letting go of what was kept long enough, in Redis: one pass over everybody, a page at a time, and dead letters by their age."""

from __future__ import annotations

from collections.abc import Sequence

from app.adapters.redis_dead_letters import KEYS as DEAD
from app.adapters.redis_dead_letters import STREAM
from app.adapters.redis_link import Link
from app.adapters.redis_scripts import Script, evaluate, evaluate_many
from app.domain.retention import Retention

PARTS = (b"h", b"t", b"m", b"o", b"d", b"x", b"k")
"""What lies in the slot of a profile, the history, its tail and the profile first."""
PAGE = 500
TURN, PLACE = "{inlay:retention}:turn", "{inlay:retention}:place"
TURN_SECONDS = 5
PASS_SECONDS = 3_600
DONE = b"done"


class RedisRetention:
    """`Sweeper` over one link. The processes of a fleet take turns; a pass goes on where the last turn ended."""

    def __init__(self, link: Link, seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = seconds
        self._idle, self._drop = Script("idle"), Script("dead_drop")

    async def turn(self, policy: Retention, now: int) -> int:
        if policy.people == policy.dead_letters == 0 or not await self._link.call("SET", TURN, b"", "NX", "EX", TURN_SECONDS, seconds=self._seconds):
            return 0
        if policy.dead_letters:
            old = await self._link.call("XRANGE", STREAM, "-", max(now - policy.dead_letters, 0), "COUNT", PAGE, seconds=self._seconds)
            if old:
                await evaluate(self._link, self._drop, DEAD, [id for id, _ in old], self._seconds)
        return await self._people(now - policy.people) if policy.people else 0

    async def _people(self, cut: int) -> int:
        place = await self._link.call("GET", PLACE, seconds=self._seconds) or b"0"
        if place == DONE:
            return 0
        place, keys = await self._link.call("SCAN", place, "MATCH", "[hm]:{*}", "COUNT", PAGE, seconds=self._seconds)
        tags = sorted({key[2:] for key in keys})
        calls = [([part + b":" + tag for part in PARTS], [max(cut, 0).to_bytes(8, "big")]) for tag in tags]
        replies = await evaluate_many(self._link, self._idle, calls, self._seconds) if calls else []
        for tag, known in zip(tags, replies, strict=True):
            await self._unpoint(tag, known or [])
        done = ("SET", PLACE, DONE, "EX", PASS_SECONDS) if place == b"0" else ("SET", PLACE, place)
        await self._link.call(*done, seconds=self._seconds)
        return sum(known is not None for known in replies)

    async def _unpoint(self, tag: bytes, known: Sequence[bytes]) -> None:
        """Take away the pointers of identifiers that led to somebody who went."""
        for identifier in known:
            pointer = b"m:{" + identifier + b"}"
            if await self._link.call("HGET", pointer, ">", seconds=self._seconds) == tag[1:-1]:
                await self._link.call("DEL", pointer, seconds=self._seconds)
