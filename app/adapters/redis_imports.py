"""How far an import got, kept beside what it wrote, so that the two never disagree."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from app.adapters.redis_link import Link

KEPT_SECONDS = 90 * 86_400
SECONDS = 10.0


class Place(Struct, frozen=True):
    """How many entries are done, what became of them, and how far the file of rejected rows is written."""

    done: int = 0
    counts: dict[str, int] = {}  # noqa: RUF012 (a Struct copies it)
    rejects: int = 0


class RedisImports:
    """`key` stands for a file with its map. What is saved is as durable as the writes before it over the same Redis."""

    def __init__(self, link: Link, key: str) -> None:
        self._link = link
        self._key = "inlay:import:" + key

    async def load(self) -> Place | None:
        """What an import of this file that came to no end has saved."""
        data = await self._link.call("GET", self._key, seconds=SECONDS)
        return None if data is None else msgspec.msgpack.decode(data, type=Place)

    async def save(self, place: Place) -> None:
        await self._link.call("SET", self._key, msgspec.msgpack.encode(place), "EX", KEPT_SECONDS, seconds=SECONDS)

    async def forget(self) -> None:
        await self._link.call("DEL", self._key, seconds=SECONDS)
