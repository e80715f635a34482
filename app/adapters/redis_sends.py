"""`Sends` on the keys that `RedisStore` keeps."""

from __future__ import annotations

from app.adapters.redis_link import Link
from app.adapters.redis_scripts import Script, evaluate


class RedisSends:
    def __init__(self, link: Link, seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = seconds
        self._void = Script("void")

    async def void(self, key: str, send: str, expected: bytes) -> bool:
        keys = [f"{part}:{{{key}}}" for part in "mdo"]
        reply: bytes = await evaluate(self._link, self._void, keys, [send, expected], self._seconds)
        return await self.void(reply[1:].decode(), send, expected) if reply.startswith(b">") else not reply
