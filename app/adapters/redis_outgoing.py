"""The streams under Inlay's own keys that others read, as a place where something of people lies."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from app.adapters.redis_link import Link
from app.domain.trail import Trail

OUTGOING = "inlay:outgoing"
"""The set of those that were ever written to."""
PAGE = 1_000


def outgoing_stream(name: str) -> str:
    return f"inlay:out:{{{name}}}"


class RedisOutgoing:
    """`Holding` over one link: messages that nobody has deleted yet, by whoever their bytes name."""

    def __init__(self, link: Link, seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = seconds

    async def held(self, trail: Trail) -> list[Any]:
        return [{"stream": stream.decode(), "message": json.loads(body)} async for stream, _, body in self._crossed(trail)]

    async def forget(self, trail: Trail) -> int:
        found = [(stream, id) async for stream, id, _ in self._crossed(trail)]
        for stream, id in found:
            await self._link.call("XDEL", stream, id, seconds=self._seconds)
        return len(found)

    async def _crossed(self, trail: Trail) -> AsyncIterator[tuple[bytes, bytes, bytes]]:
        for stream in sorted(await self._link.call("SMEMBERS", OUTGOING, seconds=self._seconds)):
            after, rows = b"-", [(b"", list[bytes]())]
            while rows:
                rows = await self._link.call("XRANGE", stream, after, "+", "COUNT", PAGE, seconds=self._seconds)
                for id, flat in rows:
                    body = flat[flat.index(b"data") + 1]
                    if trail.crosses(body):
                        yield stream, id, body
                    after = b"(" + id
