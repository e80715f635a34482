"""Limited things in Redis. All keys of a stock share one hash slot:

`held:{S}` holder -> code, or a sorted set of holders by instant; `free:{S}` codes that nobody has; `known:{S}` every code
that there ever was; `open:{S}` and `due:{S}` what is in doubt (`lua/stock_take.lua`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from app.adapters.redis_link import Command, Link, refusal
from app.adapters.redis_scripts import Script, evaluate, evaluate_many
from app.domain.caps import CODES, Ask, Doubtful, Hold, Level

POOLS = "inlay:pools"
CHUNK = 1_000
"""Codes that one script call adds."""


class RedisStocks:
    """`Stocks` over one link."""

    def __init__(self, link: Link, seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = seconds
        self._take, self._end, self._add = Script("stock_take"), Script("stock_end"), Script("codes_add")

    async def take(self, asks: Sequence[Ask], now: int) -> list[str | None]:
        calls: list[tuple[Sequence[str], Sequence[Any]]] = [
            (_keys(ask.stock), [ask.holder, now, ask.who, _kind(ask.stock), int(ask.looks), ask.oldest, *(part for bound in ask.bounds for part in bound)])
            for ask in asks
        ]
        replies = await evaluate_many(self._link, self._take, calls, self._seconds)
        return [None if reply is None else reply.decode() for reply in replies]

    def keep(self, held: Sequence[Hold]) -> Awaitable[None]:
        sent = self._link.pipeline([self._end.command(*_ended(each, "keep", 0, "")) for each in held], self._seconds) if held else None

        async def answered() -> None:
            if sent is not None and any(str(reply).startswith("NOSCRIPT") for reply in await sent if isinstance(reply, Exception)):
                await self._ended(held, "keep")

        return asyncio.ensure_future(answered())

    async def drop(self, held: Sequence[Hold]) -> None:
        await self._ended(held, "drop")

    async def doubt(self, held: Sequence[Hold], who: str, now: int) -> None:
        await self._ended(held, "doubt", now, who)

    async def lapse(self, held: Sequence[Hold], before: int) -> None:
        await self._ended(held, "lapse", before)

    async def _ended(self, held: Sequence[Hold], what: str, at: int = 0, who: str = "") -> None:
        if held:
            await evaluate_many(self._link, self._end, [_ended(each, what, at, who) for each in held], self._seconds)

    async def doubtful(self, stocks: Sequence[str], before: int, most: int) -> list[Doubtful]:
        if not stocks:
            return []
        due = await self._run([("ZRANGEBYSCORE", f"due:{{{stock}}}", "-inf", before, "LIMIT", 0, most) for stock in stocks])
        found = [Hold(stock, holder.decode()) for stock, holders in zip(stocks, due, strict=True) for holder in holders]
        who = await self._run([("HGET", f"open:{{{each.stock}}}", f"@{each.holder}") for each in found]) if found else []
        return [Doubtful(each, (told or b"").decode()) for each, told in zip(found, who, strict=True)]

    async def tick(self, held: Sequence[Hold], at: int) -> None:
        if held:
            await self._run([("ZADD", f"held:{{{each.stock}}}", "LT", at, each.holder) for each in held])

    async def add(self, pool: str, codes: Sequence[str]) -> int:
        tag = "{" + CODES + pool + "}"
        await self._link.call("SADD", POOLS, pool, seconds=self._seconds)
        return sum([
            await evaluate(self._link, self._add, [f"known:{tag}", f"free:{tag}"], codes[at : at + CHUNK], self._seconds) for at in range(0, len(codes), CHUNK)
        ])

    async def levels(self, pools: Sequence[str] | None = None) -> Mapping[str, Level]:
        if pools is None:
            pools = sorted(name.decode() for name in await self._link.call("SMEMBERS", POOLS, seconds=self._seconds))
        replies = await self._run([
            command for pool in pools for command in (("LLEN", f"free:{{{CODES}{pool}}}"), ("HLEN", f"held:{{{CODES}{pool}}}"))
        ]) if pools else []
        return {pool: Level(free, given) for pool, free, given in zip(pools, replies[::2], replies[1::2], strict=True)}

    async def _run(self, commands: Sequence[Command]) -> list[Any]:
        replies = await self._link.pipeline(commands, self._seconds)
        for reply in replies:
            if isinstance(reply, Exception):
                raise refusal(reply)
        return replies


def _keys(stock: str) -> list[str]:
    return [f"{part}:{{{stock}}}" for part in ("held", "free", "open", "due")]


def _kind(stock: str) -> str:
    return "codes" if stock.startswith(CODES) else "count"


def _ended(held: Hold, what: str, at: int, who: str) -> tuple[list[str], list[Any]]:
    return _keys(held.stock), [_kind(held.stock), what, at, who, held.holder]
