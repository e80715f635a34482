"""What bandits learn in Redis: all of one bandit's in one slot, each change one script."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from app.adapters.redis_link import Link, refusal
from app.adapters.redis_scripts import Script, evaluate
from app.domain.bandits import Outcome, Posterior, Showing, Standing, Tally

KEPT = 10_000
"""Posteriors that are kept beside the latest."""
LATE_MILLISECONDS = 35 * 86_400_000
"""How long after its time was over the reward of a draw is known to have come: as long as decisions are kept."""
ALL = "inlay:bandits"
_HEAD, _LENGTH = struct.Struct(">IB"), struct.Struct(">H")


class RedisBandits:
    """`BanditStore` over one link, the one that profiles are written over."""

    def __init__(self, link: Link, seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = seconds
        self._learn, self._publish = Script("bandit_learn"), Script("bandit_publish")

    async def show(self, state: str, showings: Sequence[Showing]) -> None:
        rows: list[Any] = ["show"]
        for each in showings:
            rows += (each.drawn.version, each.offer, each.due, each.mark, _member(each))
        if showings:
            await self._link.call("SADD", ALL, state, seconds=self._seconds)
            await evaluate(self._link, self._learn, _keys(state, "live", "pending", "rewarded"), rows, self._seconds)

    async def reward(self, showing: Showing, value: float, now: int) -> Outcome:
        state = showing.drawn.state
        given = ["reward", showing.drawn.version, showing.offer, showing.due, showing.mark, _member(showing), repr(value), now, showing.due + LATE_MILLISECONDS]
        await self._link.call("SADD", ALL, state, seconds=self._seconds)
        return (await evaluate(self._link, self._learn, _keys(state, "live", "pending", "rewarded"), given, self._seconds)).decode()

    async def withdraw(self, showings: Sequence[Showing]) -> None:
        for each in showings:
            await self._link.call("ZREM", *_keys(each.drawn.state, "pending"), _member(each), seconds=self._seconds)

    async def settle(self, state: str, now: int, most: int) -> int:
        return await evaluate(self._link, self._learn, _keys(state, "live", "pending", "rewarded"), ["settle", now, most], self._seconds)

    async def publish(self, state: str, now: int, every: int) -> bool:
        return bool(await self._changed(state, "publish", now, every, KEPT))

    async def posteriors(self, states: Sequence[str]) -> dict[str, Posterior]:
        if not states:
            return {}
        replies = await self._link.pipeline([("GET", *_keys(state, "now")) for state in states], self._seconds)
        for reply in replies:
            if isinstance(reply, Exception):
                raise refusal(reply)
        return {state: _posterior(data) for state, data in zip(states, replies, strict=True) if data is not None}

    async def past(self, state: str, version: int) -> Posterior | None:
        data = await self._link.call("HGET", *_keys(state, "past"), version, seconds=self._seconds)
        return None if data is None else _posterior(data)

    async def standing(self, state: str) -> Standing:
        published = (await self.posteriors([state])).get(state, Posterior())
        rows = await self._link.call("HGETALL", *_keys(state, "live"), seconds=self._seconds)
        fields = {key.decode(): value for key, value in zip(rows[::2], rows[1::2], strict=True)}
        known = {name[2:]: _tally(value) for name, value in fields.items() if name.startswith("t:")}
        pending = await self._link.call("ZCARD", *_keys(state, "pending"), seconds=self._seconds)
        return Standing(published, known, pending, {name[2:]: int(value) for name, value in fields.items() if name.startswith("o:")})

    async def note(self, state: str, outcome: Outcome) -> None:
        await self._link.call("HINCRBY", *_keys(state, "live"), f"o:{outcome}", 1, seconds=self._seconds)

    async def freeze(self, state: str, *, frozen: bool) -> bool:
        await self._link.call("SADD", ALL, state, seconds=self._seconds)
        return bool(await self._changed(state, "freeze", int(frozen)))

    async def reset(self, state: str, offer: str | None = None) -> None:
        await self._changed(state, "reset", offer or "")

    async def states(self) -> Mapping[str, str]:
        found = sorted(each.decode() for each in await self._link.call("SMEMBERS", ALL, seconds=self._seconds))
        return {state: state.partition("@")[0] for state in found}

    async def _changed(self, state: str, *arguments: Any) -> Any:
        return await evaluate(self._link, self._publish, _keys(state, "live", "now", "past", "pending"), arguments, self._seconds)


def _keys(state: str, *names: str) -> list[str]:
    return [f"inlay:bandit:{{{state}}}:{name}" for name in names]


def _member(showing: Showing) -> bytes:
    offer = showing.offer.encode()
    return showing.mark + bytes([len(offer)]) + offer + showing.drawn.features


def _posterior(data: bytes) -> Posterior:
    version, frozen = _HEAD.unpack_from(data)
    arms: dict[str, Tally] = {}
    at = _HEAD.size
    while at < len(data):
        end = at + 1 + data[at]
        (length,) = _LENGTH.unpack_from(data, end)
        start = end + _LENGTH.size
        arms[data[at + 1 : end].decode()] = _tally(data[start : start + length])
        at = start + length
    return Posterior(version, dict(sorted(arms.items())), bool(frozen))


def _tally(data: bytes) -> Tally:
    shown, settled, rewards, *rest = array("d", data)
    size = _size(len(rest))
    return Tally(int(shown), int(settled), rewards, tuple(rest[: len(rest) - size]), tuple(rest[len(rest) - size :]))


def _size(length: int) -> int:
    """How many features there are, where so many numbers are their products' upper half and their moments."""
    size = 0
    while size * (size + 1) // 2 + size < length:
        size += 1
    return size
