"""What was taken once, in Redis: a key a proof, gone when the proof has grown stale by itself."""

from __future__ import annotations

from app.adapters.redis_link import Link

PREFIX = "inlay:once:"


class RedisReplays:
    """`Replays` over one link."""

    def __init__(self, link: Link, write_seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = write_seconds

    async def seen(self, once: bytes) -> bool:
        return bool(await self._link.call("EXISTS", PREFIX + once.hex(), seconds=self._seconds))

    async def remember(self, once: bytes, seconds: int) -> None:
        await self._link.call("SET", PREFIX + once.hex(), b"", "EX", seconds, seconds=self._seconds)
