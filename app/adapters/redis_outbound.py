"""Streams that triggers write to, in Redis: `inlay:out:{name}`, entries of `id` and `body`."""

from __future__ import annotations

from app.adapters.redis_link import Link
from app.errors import NotDelivered, StoreUnavailable


class RedisOutbound:
    """`Outbound` over one link. Nothing is trimmed: whoever reads deletes."""

    def __init__(self, link: Link, seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = seconds

    async def send(self, to: str, id: str, body: bytes, now: int) -> None:
        try:
            await self._link.call("XADD", f"inlay:out:{{{to}}}", "*", "id", id, "body", body, seconds=self._seconds)
        except StoreUnavailable as error:
            raise NotDelivered(f"the stream {to} takes nothing: {error.code}") from error
