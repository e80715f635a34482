"""`Wordings` in one Redis hash: id -> when it was kept last (8 bytes), then its variables as msgpack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.adapters.redis_link import Link

ALL = "inlay:wordings"
KEPT_MILLISECONDS = 37 * 86_400_000
"""Two days longer than decisions."""
_encode, _decode = msgspec.msgpack.Encoder(order="deterministic").encode, msgspec.msgpack.Decoder().decode


class RedisWordings:
    def __init__(self, link: Link, seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = seconds

    async def keep(self, own: Mapping[str, Mapping[str, Any]], now: int) -> dict[str, Mapping[str, Any]]:
        if own:
            stamp = now.to_bytes(8, "big")
            await self._link.call("HSET", ALL, *(part for id, words in own.items() for part in (id, stamp + _encode(dict(words)))), seconds=self._seconds)
        flat: list[bytes] = await self._link.call("HGETALL", ALL, seconds=self._seconds)
        rows = dict(zip(flat[::2], flat[1::2], strict=True))
        old = [id for id, data in rows.items() if int.from_bytes(data[:8], "big") < now - KEPT_MILLISECONDS]
        if old:
            await self._link.call("HDEL", ALL, *old, seconds=self._seconds)
        return {id.decode(): _decode(data[8:]) for id, data in rows.items() if id not in old}

    async def count(self) -> int:
        return await self._link.call("HLEN", ALL, seconds=self._seconds)
