"""Dead letters in a Redis stream, bounded by bytes and age; what goes to make room is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.adapters.redis_link import Link
from app.adapters.redis_scripts import Script, evaluate
from app.domain.dead_letter import DeadLetter, Held, Tally
from app.domain.trail import Trail

STREAM = "{inlay:dead}"
KEYS = [STREAM, STREAM + ":state"]
CHUNK = 100
DROPPED, TRIMMED = "dropped", "trimmed"
"""Why letters go: somebody wants it, or they are kept no longer, which is counted."""
PAGE = 1_000
OVERHEAD = 150
"""Bytes that a letter takes beside its body, about."""


def _ignored(reason: str) -> None:
    """For a command, which counts nothing."""


class RedisDeadLetters:
    """`DeadLetters` and `Holding` over one link. `most` is in bytes; `filed` is told the reason of each."""

    def __init__(self, link: Link, most: int, write_seconds: float = 1.0, filed: Callable[[str], None] = _ignored) -> None:
        self._link = link
        self._most = most
        self._seconds = write_seconds
        self._filed = filed
        self._put, self._drop = Script("dead_put"), Script("dead_drop")

    async def put(self, letters: Sequence[DeadLetter], now: int) -> None:
        for at in range(0, len(letters), CHUNK):
            arguments: list[Any] = [now, self._most]
            for each in letters[at : at + CHUNK]:
                one = each.clipped
                arguments += (one.reason, len(one.body) + OVERHEAD, one.id, one.source, one.at, one.detail, one.body, one.size)
            await evaluate(self._link, self._put, KEYS, arguments, self._seconds)
            for letter in letters[at : at + CHUNK]:
                self._filed(letter.reason)

    async def page(self, after: str = "", count: int = 100) -> list[Held]:
        rows = await self._link.call("XRANGE", KEYS[0], f"({after}" if after else "-", "+", "COUNT", count, seconds=self._seconds)
        return [Held(id.decode(), _letter(fields)) for id, fields in rows]

    async def get(self, id: str) -> Held | None:
        rows = await self._link.call("XRANGE", KEYS[0], id, id, seconds=self._seconds)
        return Held(id, _letter(rows[0][1])) if rows else None

    async def drop(self, ids: Sequence[str]) -> int:
        return int(await evaluate(self._link, self._drop, KEYS, [DROPPED, *ids], self._seconds)) if ids else 0

    async def tally(self) -> Tally:
        flat: list[bytes] = await self._link.call("HGETALL", KEYS[1])
        state = {name.decode(): int(value) for name, value in zip(flat[::2], flat[1::2], strict=True)}
        trimmed = {name.removeprefix("trimmed:"): number for name, number in state.items() if name.startswith("trimmed:")}
        return Tally(state.get("held", 0), state.get("bytes", 0), trimmed)

    async def held(self, trail: Trail) -> list[Any]:
        """`Holding`: letters whose bytes name the person."""
        return [_told(letter) for _, letter in await self._crossed(trail)]

    async def forget(self, trail: Trail) -> int:
        return await self.drop([id.decode() for id, _ in await self._crossed(trail)])

    async def _crossed(self, trail: Trail) -> list[tuple[bytes, dict[bytes, bytes]]]:
        found: list[tuple[bytes, dict[bytes, bytes]]] = []
        after = b"-"
        while True:
            rows = await self._link.call("XRANGE", STREAM, after, "+", "COUNT", PAGE, seconds=self._seconds)
            for id, flat in rows:
                letter = dict(zip(flat[::2], flat[1::2], strict=True))
                if trail.crosses(letter.get(b"body", b"")):
                    found.append((id, letter))
            if len(rows) < PAGE:
                return found
            after = b"(" + rows[-1][0]


def _letter(fields: Sequence[bytes]) -> DeadLetter:
    row = dict(zip(fields[::2], fields[1::2], strict=True))
    text = {name: row[name.encode()].decode() for name in ("id", "source", "reason", "detail")}
    return DeadLetter(**text, at=int(row[b"at"]), body=row[b"body"], size=int(row[b"size"]))


def _told(letter: Mapping[bytes, bytes]) -> dict[str, Any]:
    """A letter as JSON; bytes that are no text are told with replacements."""
    return {name.decode(): value.decode("utf-8", "replace") for name, value in letter.items()}
