"""Everybody in Redis, one after the other; and the pairs of whom somebody is to say whether they are one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence

import msgspec

from app.adapters.redis_everybody import people
from app.adapters.redis_link import Link
from app.ports import ProfileStore
from app.domain.profile import Profile

MATCHES = "{inlay:identities}:matches"
SECONDS = 30.0
CHUNK = 200
PAGE = 1_000
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode


class RedisPeople:
    def __init__(self, link: Link, store: ProfileStore) -> None:
        self._link = link
        self._store = store

    async def everybody(self, *, sends: bool = False) -> AsyncGenerator[Profile]:
        """Each person that is there from beginning to end once; who comes or goes meanwhile, perhaps. With `sends`, each with
        the decisions that are recorded."""
        seen: set[str] = set()
        place = ""
        while True:
            page, place = await people(self._link, place, PAGE, SECONDS)
            keys = [key for key in page if key not in seen]
            seen.update(keys)
            for at in range(0, len(keys), CHUNK):
                chunk = keys[at : at + CHUNK]
                for key, profile in zip(chunk, await self._store.read_many([(key, None) for key in chunk], sends=sends), strict=True):
                    if profile.key == key and profile.known and not profile.erased:
                        yield profile
            if not place:
                return

    async def keep_matches(self, rows: Mapping[tuple[str, str], Sequence[object]]) -> None:
        """Pairs of keys with what is to be told of them, in place of all that were kept before."""
        flat = [each for pair, row in rows.items() for each in (_pack(list(pair)), _pack(list(row)))]
        await self._link.call("DEL", MATCHES, seconds=SECONDS)
        for at in range(0, len(flat), 2_000):
            await self._link.call("HSET", MATCHES, *flat[at : at + 2_000], seconds=SECONDS)

    async def matches(self) -> dict[tuple[str, str], list[object]]:
        flat = await self._link.call("HGETALL", MATCHES, seconds=SECONDS)
        return {(a, b): _unpack(row) for pair, row in zip(flat[::2], flat[1::2], strict=True) for a, b in (_unpack(pair),)}

    async def forget_match(self, a: str, b: str) -> None:
        await self._link.call("HDEL", MATCHES, _pack([a, b]), _pack([b, a]), seconds=SECONDS)
