"""Who is in which segment, in Redis: `l:{K}` beside the profile what is kept of a person, and for each segment and shard of
people a sorted set of their keys, all of one score, so that they stand in the order of their bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.adapters.redis_everybody import number_of_keys, people
from app.adapters.redis_link import Command, Link, refusal
from app.adapters.redis_scripts import Script, evaluate

RULES = "inlay:live:rules"
PROGRESS = "inlay:live:progress"
SHARDS = 16
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode


class RedisLive:
    """`LiveStore` over one link. `shard_of` says where a key is filed."""

    def __init__(self, link: Link, shards: Sequence[str], shard_of: Any, seconds: float = 1.0) -> None:
        self._link = link
        self._shards = shards
        self._shard_of = shard_of
        self._seconds = seconds
        self._save = Script("live")

    async def load(self, key: str) -> bytes | None:
        return await self._link.call("GET", "l:{" + key + "}", seconds=self._seconds)

    async def save(self, key: str, expected: bytes | None, live: bytes | None) -> bool:
        tag = "{" + key + "}"
        return bool(await evaluate(self._link, self._save, ["l:" + tag, "m:" + tag], [expected or b"", live or b""], self._seconds))

    async def file(self, key: str, entered: Sequence[str], left: Sequence[str]) -> None:
        shard = self._shard_of(key)
        commands: list[Command] = [("ZADD", _list(shard, segment), 0, key) for segment in entered]
        await self._all([*commands, *(("ZREM", _list(shard, segment), key) for segment in left)])

    async def _all(self, commands: list[Command]) -> list[Any]:
        replies = await self._link.pipeline(commands, self._seconds) if commands else []
        for reply in replies:
            if isinstance(reply, Exception):
                raise refusal(reply)
        return replies

    async def sizes(self, segments: Sequence[str]) -> dict[str, int]:
        replies = await self._all([("ZCARD", _list(shard, segment)) for segment in segments for shard in self._shards])
        width = len(self._shards)
        return {segment: sum(replies[i * width : (i + 1) * width]) for i, segment in enumerate(segments)}

    async def members(self, segment: str, after: str, most: int) -> tuple[list[str], str]:
        shard, _, last = after.partition(":")
        shards = list(self._shards[self._shards.index(shard) :] if shard in self._shards else self._shards)
        found: list[str] = []
        for each in shards:
            start = f"({last}" if each == shard and last else "-"
            wanted = most - len(found)
            row = [key.decode() for key in await self._link.call("ZRANGEBYLEX", _list(each, segment), start, "+", "LIMIT", 0, wanted, seconds=self._seconds)]
            found += row
            if len(found) == most:
                return found, f"{each}:{row[-1]}" if row else f"{each}:"
        return found, ""

    async def adopt(self, rules: bytes, meanings: Mapping[str, bytes], now: int) -> int:
        await self._link.call("HSETNX", RULES, rules, _pack([now, dict(meanings)]), seconds=self._seconds)
        return _unpack(await self._link.call("HGET", RULES, rules, seconds=self._seconds))[0]

    async def meanings(self, rules: bytes) -> Mapping[str, bytes] | None:
        data = await self._link.call("HGET", RULES, rules, seconds=self._seconds)
        return None if data is None else _unpack(data)[1]

    async def profiles(self, after: str, count: int) -> tuple[list[str], str]:
        return await people(self._link, after, count, self._seconds)

    async def count(self) -> int:
        return await number_of_keys(self._link, self._seconds)

    async def progress(self) -> Mapping[str, int | str]:
        data = await self._link.call("GET", PROGRESS, seconds=self._seconds)
        return _unpack(data) if data else {}

    async def advance(self, progress: Mapping[str, int | str]) -> None:
        await self._link.call("SET", PROGRESS, _pack(dict(progress)), seconds=self._seconds)


def _list(shard: str, segment: str) -> str:
    return f"inlay:in:{{{shard}}}:{segment}"
