"""What is kept of people to notice entering, leaving and setting off, as places where something of them lies: `l:{K}` beside
the profile, its timer, and the lists of segments."""

from __future__ import annotations

import json
from typing import Any

from app.adapters.redis_link import Link
from app.adapters.redis_live import RedisLive
from app.adapters.redis_timers import RedisTimers, shard_of
from app.content.snapshot import iso
from app.domain.live import Live, unpacked
from app.domain.trail import Trail
from app.live.look import timer


class RedisMemberships:
    """`Holding`: the segments that a person was noticed to be in. `forget` takes them out of the lists."""

    def __init__(self, link: Link, seconds: float = 1.0) -> None:
        self._live = RedisLive(link, RedisTimers(link, seconds).shards, shard_of, seconds)

    async def held(self, trail: Trail) -> list[Any]:
        return [{"segment": id, "since": iso(at)} for key in sorted(trail.keys) for id, at in sorted((await self._kept(key)).segments.items())]

    async def forget(self, trail: Trail) -> int:
        found = 0
        for key in trail.keys:
            segments = sorted((await self._kept(key)).segments)
            await self._live.file(key, (), segments)
            found += len(segments)
        return found

    async def _kept(self, key: str) -> Live:
        return unpacked(await self._live.load(key))


class RedisWaiting:
    """`Holding`: triggers that were set off and wait, and what fired and is not delivered yet. `forget` takes all of it away,
    with what else is kept to notice things, and the timer."""

    def __init__(self, link: Link, seconds: float = 1.0) -> None:
        self._timers = RedisTimers(link, seconds)
        self._live = RedisLive(link, self._timers.shards, shard_of, seconds)

    async def held(self, trail: Trail) -> list[Any]:
        found: list[Any] = []
        for key in sorted(trail.keys):
            live = unpacked(await self._live.load(key))
            found += [{"trigger": each.trigger, "state": "waiting", "set_off_at": iso(each.at), "due_at": iso(each.due)} for each in live.waiting]
            found += [
                {"trigger": each.trigger, "state": "sending", "fired_at": iso(each.fired_at), "attempts": each.attempts, "next_at": iso(each.next_at), "message": json.loads(each.body)}
                for each in live.sending
            ]
        return found

    async def forget(self, trail: Trail) -> int:
        found = 0
        for key in trail.keys:
            held = await self._live.load(key)
            live = unpacked(held)
            if held is not None and await self._live.save(key, held, None):
                await self._timers.remove([(key, token) for _, token, _ in timer(key, live)])
                found += len(live.waiting) + len(live.sending)
        return found
