"""Who was erased, in Redis: hashes with a salt of the store's own, numbered in their order, which every process follows."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from hashlib import blake2b

from app.adapters.redis_link import Command, Link, refusal
from app.adapters.redis_scripts import Script, evaluate

SALT, HASHES = "{inlay:gone}:salt", "{inlay:gone}:hashes"
FOLLOW_SECONDS = 0.5
SALT_BYTES, HASH_BYTES = 32, 16


class RedisTombstones:
    """`Tombstones` over one link. What others erase is known within half a second of use."""

    def __init__(self, link: Link, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._link = link
        self._seconds = seconds
        self._clock = clock
        self._salt = b""
        self._hashes: set[bytes] = set()
        self._followed = -FOLLOW_SECONDS
        self._add = Script("tombstone")

    async def follow(self) -> None:
        if self._clock() - self._followed >= FOLLOW_SECONDS:
            await self._load()

    def holds(self, key: str) -> bool:
        return bool(self._hashes) and self._hash(key) in self._hashes

    async def add(self, keys: Iterable[str]) -> None:
        await self._load()
        await evaluate(self._link, self._add, [HASHES], [self._hash(key) for key in keys], self._seconds)
        await self._load()

    async def _load(self) -> None:
        """Take over what came since; everything, where the store is another one than before."""
        salt, number, fresh = await self._since(len(self._hashes))
        if salt == self._salt and len(self._hashes) + len(fresh) == number:
            self._hashes |= set(fresh)
        else:
            self._salt, _, everything = await self._since(0)
            self._hashes = set(everything)
        self._followed = self._clock()

    async def _since(self, number: int) -> tuple[bytes, int, list[bytes]]:
        """(salt, how many hashes there are, those after the first `number`)."""
        commands: list[Command] = [
            ("SET", SALT, secrets.token_bytes(SALT_BYTES), "NX"), ("GET", SALT), ("ZCARD", HASHES), ("ZRANGEBYSCORE", HASHES, f"({number}", "+inf"),
        ]
        replies = await self._link.pipeline(commands, self._seconds)
        for reply in replies:
            if isinstance(reply, Exception):
                raise refusal(reply)
        return replies[1], replies[2], replies[3]

    def _hash(self, key: str) -> bytes:
        return blake2b(key.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=HASH_BYTES).digest()
