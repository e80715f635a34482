"""API keys in Redis, as hashes of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.adapters.redis_link import Link

KEY = "inlay:keys"


class RedisKeys:
    """`KeyStore` over one link: field = id, value = JSON of the entry (name, scopes, sha256, created)."""

    def __init__(self, link: Link, write_seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = write_seconds

    async def put(self, id: str, entry: Mapping[str, Any]) -> None:
        await self._link.call("HSET", KEY, id, msgspec.json.encode(dict(entry)), seconds=self._seconds)

    async def revoke(self, id: str) -> bool:
        return bool(await self._link.call("HDEL", KEY, id, seconds=self._seconds))

    async def all(self) -> dict[str, dict[str, Any]]:
        flat = await self._link.call("HGETALL", KEY)
        return {id.decode(): msgspec.json.decode(data) for id, data in zip(flat[::2], flat[1::2], strict=True)}
