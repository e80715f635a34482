"""API keys in Redis, as hashes of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.adapters.redis_link import Link, refusal

KEY = "inlay:keys"
MARK = "made"
"""A field that stays when the last key is revoked, so that no keys and lost keys are told apart."""


class RedisKeys:
    """`KeyStore` over one link: field = id, value = JSON of the entry (name, scopes, sha256, created)."""

    def __init__(self, link: Link, write_seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = write_seconds

    async def put(self, id: str, entry: Mapping[str, Any]) -> None:
        await self._link.call("HSET", KEY, MARK, b"", id, msgspec.json.encode(dict(entry)), seconds=self._seconds)

    async def revoke(self, id: str) -> bool:
        replies = await self._link.pipeline([("HSET", KEY, MARK, b""), ("HDEL", KEY, id)], self._seconds)
        for reply in replies:
            if isinstance(reply, Exception):
                raise refusal(reply)
        return bool(replies[1])

    async def all(self) -> dict[str, dict[str, Any]] | None:
        flat: list[bytes] = await self._link.call("HGETALL", KEY)
        rows = {id.decode(): data for id, data in zip(flat[::2], flat[1::2], strict=True)}
        return {id: msgspec.json.decode(data) for id, data in rows.items() if id != MARK} if rows else None
