"""The history of consents in Redis: `k:{K}`, a sorted set of answers by their instants, in the slot of the profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from app.adapters.redis_link import Command, Link, refusal
from app.adapters.redis_scripts import Script, evaluate
from app.domain.consent import Answer

KEPT = 1_000
"""Answers kept of one identifier."""

_pack = msgspec.msgpack.Encoder().encode
_answer = msgspec.msgpack.Decoder(Answer).decode


class RedisConsents:
    """`ConsentLog` over one link."""

    def __init__(self, link: Link, write_seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = write_seconds
        self._note = Script("consent")

    async def note(self, key: str, answers: Sequence[Answer]) -> None:
        arguments: list[Any] = [KEPT]
        for each in answers:
            arguments += (each.at, _pack(each))
        await evaluate(self._link, self._note, ["m:{" + key + "}", "k:{" + key + "}"], arguments, self._seconds)

    async def answers(self, keys: Iterable[str]) -> list[Answer]:
        commands: list[Command] = [("ZRANGE", "k:{" + key + "}", 0, -1) for key in dict.fromkeys(keys)]
        found: set[Answer] = set()
        for reply in await self._link.pipeline(commands, self._seconds):
            if isinstance(reply, Exception):
                raise refusal(reply)
            found.update(map(_answer, reply))
        return sorted(found)

    async def forget(self, keys: Iterable[str]) -> int:
        found = 0
        for key in keys:
            found += await self._link.call("DEL", "k:{" + key + "}", seconds=self._seconds)
        return found
