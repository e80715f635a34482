"""Taking out of Redis' append-only file what was deleted: it holds every command until it is rewritten."""

from __future__ import annotations

from contextlib import suppress

from app.adapters.redis_link import Link, RedisRefused, refusal
from app.adapters.redis_scripts import Script, evaluate

ASKED = "{inlay:gone}:compact"
WAIT_MILLISECONDS = 11_000
"""Longer than an erased profile's own mark stays: what names it is gone by then."""
LONGEST_WAIT_MILLISECONDS = 600_000
"""While people go on being erased, it is done this often."""


class RedisCompaction:
    """`Compaction` over one link. A Redis that has no append-only file, or lets nobody rewrite it, is left alone."""

    def __init__(self, link: Link, seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = seconds
        self._settle = Script("settle")

    async def ask(self, now: int) -> None:
        for reply in await self._link.pipeline([("HSET", ASKED, "latest", now), ("HSETNX", ASKED, "first", now)], self._seconds):
            if isinstance(reply, Exception):
                raise refusal(reply)

    async def work(self, now: int) -> bool:
        latest, first = await self._link.call("HMGET", ASKED, "latest", "first", seconds=self._seconds)
        if latest is None or (now - int(latest) < WAIT_MILLISECONDS and now - int(first) < LONGEST_WAIT_MILLISECONDS):
            return False
        for _, node in await self._link.nodes():
            with suppress(RedisRefused):
                kept = await node.call("CONFIG", "GET", "appendonly", seconds=self._seconds)
                if kept[1:] == [b"yes"]:
                    await node.call("BGREWRITEAOF", seconds=self._seconds)
        settled = latest if now - int(latest) >= WAIT_MILLISECONDS else b""
        await evaluate(self._link, self._settle, [ASKED], [settled, now], self._seconds)
        return True

    async def busy(self) -> bool:
        """Whether a file is being rewritten."""
        infos: list[bytes] = [await node.call("INFO", "persistence", seconds=self._seconds) for _, node in await self._link.nodes()]
        return any(b"aof_rewrite_in_progress:1" in info or b"aof_rewrite_scheduled:1" in info for info in infos)
