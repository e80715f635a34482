"""Timers in Redis: a sorted set per shard, each in a slot of its own."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Sequence
from zlib import crc32

from app.adapters.redis_link import Command, Link, refusal

SHARDS = tuple(f"t{number:02}" for number in range(16))
_LENGTH = struct.Struct(">H")
SECONDS = 1.0


def shard_of(key: str) -> str:
    return SHARDS[crc32(key.encode()) % len(SHARDS)]


def timers_key(shard: str) -> str:
    return f"inlay:timers:{{{shard}}}"


class RedisTimers:
    """`Timers` over one link, the one that profiles are written over."""

    def __init__(self, link: Link, seconds: float = SECONDS) -> None:
        self._link = link
        self._seconds = seconds
        self.shards: Sequence[str] = SHARDS

    def add(self, rows: Sequence[tuple[str, bytes, int]]) -> Awaitable[None]:
        by_shard: dict[str, list[int | bytes]] = {}
        for key, token, at in rows:
            by_shard.setdefault(shard_of(key), []).extend((at, _member(key, token)))
        return self._run([("ZADD", timers_key(shard), "LT", *row) for shard, row in by_shard.items()])

    def _run(self, commands: list[Command]) -> Awaitable[None]:
        sent = self._link.pipeline(commands, self._seconds) if commands else None

        async def answered() -> None:
            for reply in await sent if sent is not None else ():
                if isinstance(reply, Exception):
                    raise refusal(reply)

        return asyncio.ensure_future(answered())

    async def due(self, shards: Sequence[str], now: int, most: int) -> list[tuple[str, bytes, int]]:
        if not shards:
            return []
        commands: list[Command] = [("ZRANGEBYSCORE", timers_key(shard), "-inf", now, "WITHSCORES", "LIMIT", 0, most) for shard in shards]
        found: list[tuple[str, bytes, int]] = []
        for reply in await self._link.pipeline(commands, self._seconds):
            if isinstance(reply, Exception):
                raise refusal(reply)
            found += [(*_parted(member), int(float(at))) for member, at in zip(reply[::2], reply[1::2], strict=True)]
        return found

    async def remove(self, rows: Sequence[tuple[str, bytes]]) -> None:
        by_shard: dict[str, list[bytes]] = {}
        for key, token in rows:
            by_shard.setdefault(shard_of(key), []).append(_member(key, token))
        await self._run([("ZREM", timers_key(shard), *row) for shard, row in by_shard.items()])


def _member(key: str, token: bytes) -> bytes:
    data = key.encode()
    return _LENGTH.pack(len(data)) + data + token


def _parted(member: bytes) -> tuple[str, bytes]:
    end = 2 + _LENGTH.unpack_from(member)[0]
    return member[2:end].decode(), member[end:]
