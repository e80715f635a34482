"""The items in Redis: a hash of the items, and a sorted set of when each last changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.adapters.redis_link import Link
from app.adapters.redis_scripts import Script, evaluate
from app.errors import StoreUnavailable

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
KEYS = ["{inlay:items}", "{inlay:items}:changed", "{inlay:items}:version"]
CHUNK = 1_000
RETRIES = 64
"""Times that a change is tried again after others changed the item first."""


class RedisCatalogue:
    """`CatalogueStore` that changes items over `writes`: a read that is late ends its connection, and with it a change
    that was in no hurry."""

    def __init__(self, link: Link, write_seconds: float = 1.0, writes: Link | None = None) -> None:
        self._link = link
        self._seconds = write_seconds
        self._writes = writes or link
        self._put, self._patch = Script("items_put"), Script("items_patch")

    async def put(self, items: Sequence[Mapping[str, Any]]) -> None:
        for at in range(0, len(items), CHUNK):
            arguments: list[Any] = []
            for item in items[at : at + CHUNK]:
                arguments += [item["id"], _pack(dict(item))]
            await evaluate(self._writes, self._put, KEYS, arguments, self._seconds if len(items) == 1 else self._seconds * 5)

    async def get(self, id: str) -> dict[str, Any] | None:
        data = await self._link.call("HGET", KEYS[0], id)
        return None if data is None else _unpack(data)

    async def patch(self, id: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        for _ in range(RETRIES):
            data = await self._writes.call("HGET", KEYS[0], id)
            if data is None:
                return None
            merged = {key: value for key, value in {**_unpack(data), **fields}.items() if value is not None}
            if await evaluate(self._writes, self._patch, KEYS, [id, data, _pack(merged)], self._seconds):
                return merged
        raise StoreUnavailable("too many change this item at once; try again", code="busy")

    async def delete(self, ids: Sequence[str]) -> int:
        arguments: list[Any] = []
        for id in ids:
            arguments += [id, b""]
        return await evaluate(self._writes, self._put, KEYS, arguments, self._seconds)

    async def version(self) -> int:
        return int(await self._link.call("GET", KEYS[2]) or 0)

    async def changes(self, since: int) -> tuple[int, dict[str, dict[str, Any] | None]]:
        version = await self.version()
        since = since if since <= version else 0
        found: dict[str, dict[str, Any] | None] = {}
        ids = await self._link.call("ZRANGEBYSCORE", KEYS[1], f"({since}", "+inf", seconds=5.0)
        for at in range(0, len(ids), CHUNK):
            part = ids[at : at + CHUNK]
            values = await self._link.call("HMGET", KEYS[0], *part, seconds=2.0)
            found |= {id.decode(): None if data is None else _unpack(data) for id, data in zip(part, values, strict=True)}
        return version, found
