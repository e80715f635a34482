"""Answers of third parties in Redis, shared by the fleet, and who may ask."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from app.adapters.redis_link import Link, refusal
from app.domain.enrichment import Known

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, dict[str, Any]]).decode
BUDGET_SECONDS = 5


class RedisLookups:
    """`LookupCache` over one link. A question is known by its hash: addresses hold what is told of a person."""

    def __init__(self, link: Link, write_seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = write_seconds

    async def get(self, id: str, url: str) -> Known | None:
        data: bytes | None = await self._link.call("GET", _name(id, url))
        if data is None:
            return None
        at, fields = _decode(data)
        return Known(fields, at)

    async def put(self, id: str, url: str, known: Known, keep: int) -> None:
        await self._link.call("SET", _name(id, url), _encode((known.at, dict(known.fields))), "PX", keep, seconds=self._seconds)

    async def drop(self, id: str, url: str) -> None:
        await self._link.call("DEL", _name(id, url), seconds=self._seconds)

    async def claim(self, id: str, url: str, milliseconds: int) -> bool:
        return await self._link.call("SET", _name(id, url) + ":asked", b"1", "NX", "PX", milliseconds, seconds=self._seconds) is not None

    async def release(self, id: str, url: str) -> None:
        await self._link.call("DEL", _name(id, url) + ":asked", seconds=self._seconds)

    async def spend(self, id: str, limit: int, now: int) -> bool:
        name = f"inlay:lookup:{id}:second:{now // 1000}"
        replies = await self._link.pipeline([("INCR", name), ("EXPIRE", name, BUDGET_SECONDS)], self._seconds)
        for reply in replies:
            if isinstance(reply, Exception):
                raise refusal(reply)
        return replies[0] <= limit


def _name(id: str, url: str) -> str:
    return f"inlay:lookup:{id}:{blake2b(url.encode(), digest_size=16).hexdigest()}"
