"""What a Redis does with what it was told: whether a reply means that it is on a disk, and waiting until it is."""

from __future__ import annotations

import asyncio
from typing import Literal

from app.adapters.redis_link import Link
from app.errors import StoreUnavailable

Durability = Literal["always", "waited", "everysec", "no", "off", "unknown"]
"""As `appendfsync` has it: before each reply, every second, when the system pleases; `waited` is every second, where nothing is
acknowledged before; `off` without an append-only file; `unknown` where the server does not tell."""
_KNOWN: dict[bytes, Durability] = {b"always": "always", b"everysec": "everysec", b"no": "no"}
WAIT_MILLISECONDS = 4_000
"""A sync comes once a second; a disk that is busy lets it wait for another two, as Redis itself does."""



async def durability_of(link: Link) -> Durability:
    """Of the server, of a cluster's first node. `StoreUnavailable`."""
    appendonly, appendfsync = await link.pipeline([("CONFIG", "GET", "appendonly"), ("CONFIG", "GET", "appendfsync")], 1.0)
    if isinstance(appendonly, Exception) or isinstance(appendfsync, Exception) or len(appendonly) < 2 or len(appendfsync) < 2:
        return "unknown"
    return _KNOWN.get(appendfsync[1], "unknown") if appendonly[1] == b"yes" else "off"


class RedisSynced:
    """`Synced` over a link of its own, behind whose waiting nothing else stands in line. Where Redis syncs before it replies,
    or cannot be waited for (`WAITAOF` is of 7.2), or nothing is promised, it returns at once. `durability` is what was found."""

    def __init__(self, link: Link, *, promised: bool, milliseconds: int = WAIT_MILLISECONDS) -> None:
        self._link = link
        self._promised = promised
        self._milliseconds = milliseconds
        self._waits = False
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self._asked = False
        self.durability: Durability = "unknown"

    async def follow(self) -> None:
        """Ask the server how it syncs, and whether it can be waited for. `StoreUnavailable`."""
        found = await durability_of(self._link)
        wanted = self._promised and found in ("everysec", "unknown")
        self._waits = wanted and (self._waits or await self._can_be_waited_for())
        self._asked = True
        self.durability = "waited" if self._waits else found

    async def _can_be_waited_for(self) -> bool:
        try:
            await self._wait()
        except StoreUnavailable as error:
            if error.code != "unsynced":
                raise
            return False
        return True

    async def __call__(self) -> None:
        if not self._asked:
            await self.follow()
        if self._waits:
            await asyncio.shield(self._joined())

    async def close(self) -> None:
        await self._link.close()

    def _joined(self) -> asyncio.Task[None]:
        """Those who come while one is waited for share the next."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
            self._next.add_done_callback(_looked_at)
        return self._next

    async def _after(self, former: asyncio.Task[None] | None) -> None:
        if former is not None:
            await asyncio.wait([former])
        self._running, self._next = self._next, None
        await self._wait()

    async def _wait(self) -> None:
        await asyncio.gather(*(self._node(tag, node) for tag, node in await self._link.nodes()))

    async def _node(self, tag: str, node: Link) -> None:
        """A write of its own comes after all others: once it is on the disk, so are they."""
        commands = [("SET", f"inlay:synced:{{{tag}}}", b""), ("WAITAOF", 1, 0, self._milliseconds)]
        written, synced = await node.pipeline(commands, self._milliseconds / 1000 + 0.5)
        if isinstance(written, Exception) or isinstance(synced, Exception) or not synced[0]:
            raise StoreUnavailable("Redis did not sync what it acknowledged in time", code="unsynced")


def _looked_at(task: asyncio.Task[None]) -> None:
    """That it failed is told to those who wait; where nobody does any more, that is no failure of its own."""
    if not task.cancelled():
        task.exception()
