"""The time path: an instant comes -> who is due -> what came to be -> send what fired, and wait for the next.

Before anything is applied to a person a timer is set for them; after it they are looked at at once, and the timer goes. So
a crash in between delays the look by `GRACE`, and forgets nobody. The same timers hold when a membership may next change,
a trigger is due, a delivery is to be tried again. Processes divide the shards of timers among themselves by leases; that
two look at one person at once does no harm (`live/look.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from app.content.watch import Watch
from app.errors import StoreUnavailable
from app.live.look import NOTE, Due, Looker
from app.live.notes import Noting, Writes, news_of, noting
from app.ports import Clock, Timers
from app.shares import Shares

GRACE = 2_000
"""Ms after which somebody else looks at a person whom the process that heard of them did not come to look at."""
MOST = 256
"""People looked at together: enough to share round trips, few enough to let requests in between."""
BACKLOG = 10_000
"""People heard of that a process remembers to look at; those beyond are found by their timers."""
TICK_SECONDS = 0.05
SETTLE_SECONDS = 2.0


class Act:
    """`watch` gives what is to be noticed, None before there is content; `lateness` is told in seconds of each timer that
    came, `failed` of what nobody expected; `busy` says that requests are waiting."""

    def __init__(
        self, looker: Looker, timers: Timers, shares: Shares, clock: Clock, watch: Callable[[], Watch | None], *,
        lateness: Callable[[float], None], failed: Callable[[BaseException], None], busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._looker = looker
        self._timers = timers
        self._shares = shares
        self._clock = clock
        self._watch = watch
        self._lateness = lateness
        self._failed = failed
        self._busy = busy
        self._heard: dict[str, Due] = {}
        self._woken = asyncio.Event()
        self._settled = -SETTLE_SECONDS
        self._adopted: Watch | None = None

    @property
    def now(self) -> int:
        return self._clock()

    # -- what is heard ---------------------------------------------------------------------------------------------

    def note(self, writes: Writes, now: int) -> Noting | None:
        """Set timers for people of whom something is about to be applied. None where there is nothing to notice."""
        watch = self._watch()
        return None if watch is None or watch.idle else noting(self._timers, writes, watch.events, now + GRACE)

    def notice(self, noting: Noting) -> None:
        """It was applied: look as soon as possible."""
        for due in noting.due:
            if due.key in self._heard:
                self._join(self._heard[due.key], due)
            elif len(self._heard) < BACKLOG:
                self._heard[due.key] = due
        self._woken.set()

    def _join(self, into: Due, due: Due) -> None:
        into.tokens += due.tokens
        into.news += due.news
        into.sure |= due.sure

    # -- the loop --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever; a failure is told, and the next turn comes."""
        while True:
            begun, worked = monotonic(), 0
            try:
                worked = await self.turn()
            except StoreUnavailable:
                await asyncio.sleep(TICK_SECONDS * 10)
            except Exception as error:  # noqa: BLE001 (the loop outlives any one failure)
                self._failed(error)
                await asyncio.sleep(TICK_SECONDS * 10)
            if worked:
                await asyncio.sleep(monotonic() - begun if self._busy() else 0)
            else:
                await self._rest()

    async def _rest(self) -> None:
        self._woken.clear()
        if not self._heard:
            try:
                await asyncio.wait_for(self._woken.wait(), TICK_SECONDS)
            except TimeoutError:
                return

    async def turn(self) -> int:
        """Look at those who were heard of and those whose time has come, some of them; how many there were."""
        watch = self._watch()
        if watch is None or watch.idle:
            return 0
        if watch is not self._adopted:
            await self._looker.adopt(watch)
            self._adopted = watch
        if monotonic() - self._settled > SETTLE_SECONDS:
            await self._shares.give(await self._shares.settle(self._timers.shards, divided=False))
            self._settled = monotonic()
        people = {key: self._heard.pop(key) for key in list(self._heard)[:MOST]}
        for due in await self._come():
            if due.key in people:
                self._join(people[due.key], due)
            else:
                people[due.key] = due
        errors = await self._looker.look(list(people.values()))
        for error in errors:
            if not isinstance(error, StoreUnavailable):
                self._failed(error)
        if any(isinstance(error, StoreUnavailable) for error in errors):
            raise StoreUnavailable("some people could not be looked at", code="unavailable")
        return len(people)

    async def _come(self) -> list[Due]:
        now, found = self._clock(), dict[str, Due]()
        for key, token, at in await self._timers.due(list(self._shares.held), now, MOST):
            due, noted = found.setdefault(key, Due(key)), token[:1] == NOTE
            self._join(due, Due(key, [(key, token)], news_of(token), noted))
            if not noted:
                self._lateness(max(0, now - at) / 1000)
        return list(found.values())

    async def stop(self) -> None:
        """Leave the timers to others."""
        await self._shares.give(list(self._shares.held.values()))
        await self._shares.leave()
