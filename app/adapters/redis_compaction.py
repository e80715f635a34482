"""Taking out of Redis' append-only file what was deleted: it holds every command until it is rewritten."""

from __future__ import annotations

from contextlib import suppress

from app.adapters.redis_link import Link, RedisRefused

ASKED = "{inlay:gone}:compact"
WAIT_MILLISECONDS = 11_000
"""Longer than an erased profile's own mark stays: what names it is gone by then."""


class RedisCompaction:
    """`Compaction` over one link. A Redis that has no append-only file, or lets nobody rewrite it, is left alone."""

    def __init__(self, link: Link, seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = seconds

    async def ask(self, now: int) -> None:
        await self._link.call("SET", ASKED, now, seconds=self._seconds)

    async def work(self, now: int) -> bool:
        asked = await self._link.call("GET", ASKED, seconds=self._seconds)
        if asked is None or now - int(asked) < WAIT_MILLISECONDS:
            return False
        with suppress(RedisRefused):
            kept = await self._link.call("CONFIG", "GET", "appendonly", seconds=self._seconds)
            if kept[1:] == [b"yes"]:
                await self._link.call("BGREWRITEAOF", seconds=self._seconds)
        await self._link.call("DEL", ASKED, seconds=self._seconds)
        return True

    async def busy(self) -> bool:
        """Whether the file is being rewritten."""
        info: bytes = await self._link.call("INFO", "persistence", seconds=self._seconds)
        return b"aof_rewrite_in_progress:1" in info or b"aof_rewrite_scheduled:1" in info
