"""Filling segments that are new from the histories that are kept: everybody is looked at once, in the background.

One process of the fleet does it. It works a fifth of the time, less while requests wait, and notes how far it came, so that
another goes on from there. Nobody enters or leaves a new segment by it: they are found to be in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic

from app.content.watch import Watch
from app.errors import StoreUnavailable
from app.live.look import Due, Looker
from app.ports import Clock, Leases, LiveStore

LEASE = "segments"
LEASE_MILLISECONDS = 30_000
PAGE = 200
PAUSE_SECONDS = 1.0
SHARE = 4
"""Times as long as it worked it rests."""


class Backfill:
    def __init__(
        self, looker: Looker, live: LiveStore, leases: Leases, owner: str, clock: Clock, watch: Callable[[], Watch | None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._looker = looker
        self._live = live
        self._leases = leases
        self._owner = owner
        self._clock = clock
        self._watch = watch
        self._failed = failed

    async def run(self) -> None:
        """For ever: fill whenever the rules mean something else than when all were filled."""
        while True:
            try:
                await self._fill()
            except StoreUnavailable:
                pass
            except Exception as error:  # noqa: BLE001 (the loop outlives any one failure)
                self._failed(error)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _fill(self) -> None:
        watch = self._watch()
        if watch is None or not list(watch.segments):
            return
        progress = await self._live.progress()
        if progress.get("rules") == watch.rules.hex() and progress.get("done"):
            return
        if not await self._held():
            return
        while self._watch() is watch and await self._held():
            begun = monotonic()
            if await self.page(watch):
                break
            await asyncio.sleep((monotonic() - begun) * SHARE)
        await self._leases.give([LEASE], self._owner)

    async def _held(self) -> bool:
        ours = await self._leases.renew([LEASE], self._owner, LEASE_MILLISECONDS)
        return bool(ours or await self._leases.take([LEASE], self._owner, LEASE_MILLISECONDS))

    async def page(self, watch: Watch) -> bool:
        """Look at some more; whether that was everybody."""
        progress = await self._live.progress()
        if progress.get("rules") != watch.rules.hex():
            await self._looker.adopt(watch)
            progress = {"rules": watch.rules.hex(), "cursor": "", "looked": 0, "of": await self._live.count(), "begun": self._clock(), "done": 0}
        keys, cursor = await self._live.profiles(str(progress["cursor"]), PAGE)
        for error in await self._looker.look([Due(key) for key in keys]):
            raise error
        looked = int(progress["looked"]) + len(keys)
        await self._live.advance({**progress, "cursor": cursor, "looked": looked, "done": 0 if cursor else self._clock()})
        return not cursor


def told(progress: Mapping[str, int | str]) -> dict[str, int | bool]:
    """How far it came, for people: `looked` of about `of` keys."""
    return {"done": bool(progress.get("done", 0)), "looked": int(progress.get("looked", 0)), "of": max(int(progress.get("of", 0)), int(progress.get("looked", 0)))}
