"""Dead letters in a Redis stream."""

from __future__ import annotations

from collections.abc import Sequence

from app.adapters.redis_link import Link, refusal
from app.domain.message import DeadLetter

STREAM = "inlay:dead-letters"


class RedisDeadLetters:
    """`DeadLetters` over one link. Nothing is trimmed."""

    def __init__(self, link: Link, write_seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = write_seconds

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        commands = [
            ("XADD", STREAM, "*", "id", each.id, "source", each.source, "at", each.at, "reason", each.reason, "detail", each.detail, "body", each.body)
            for each in letters
        ]
        for reply in await self._link.pipeline(commands, self._seconds):
            if isinstance(reply, Exception):
                raise refusal(reply)
