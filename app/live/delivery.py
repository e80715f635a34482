"""Delivering what triggers fired: at least once, under one id, until it is taken or given up.

That somebody tries is written down before, with when another may take the attempt for lost; what came of it is written
after. What is given up goes to the dead letters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random

from app.domain.live import Live, Sending, packed, unpacked
from app.domain.dead_letter import DeadLetter
from app.domain.message import Outgoing
from app.domain.triggers import Send, Trigger
from app.errors import SinkRefused, SinkUnavailable, StoreUnavailable
from app.live.look import ATTEMPTS, timer
from app.ports import Clock, DeadLetters, EventSink, LiveStore, Timers

DELAYS = (5_000, 60_000, 5 * 60_000, 30 * 60_000, 2 * 3_600_000, 5 * 3_600_000, 10 * 3_600_000)
"""Ms before the second and each later attempt; a fifth more or less of each by chance."""
HEADERS = {"content-type": "application/json"}
AT_ONCE = 32
"""Deliveries of a process under way at one time."""


class Delivery:
    """`sink` gives where a trigger sends to. `told` counts (trigger, delivered, retried or dead)."""

    def __init__(
        self, live: LiveStore, timers: Timers, dead: DeadLetters, sink: Callable[[Send], EventSink], clock: Clock,
        trigger: Callable[[str], Trigger | None], told: Callable[[str, str], None], failed: Callable[[BaseException], None], random: Random,
    ) -> None:
        self._live = live
        self._timers = timers
        self._dead = dead
        self._sink = sink
        self._clock = clock
        self._trigger = trigger
        self._told = told
        self._failed = failed
        self._random = random
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, key: str, sending: Sequence[Sending]) -> None:
        """Deliver in the background. What does not come to an end is tried again when its claim is over."""
        for each in sending:
            task = asyncio.create_task(self._deliver(key, each))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, StoreUnavailable):
            self._failed(error)

    async def _deliver(self, key: str, each: Sending) -> None:
        async with self._slots:
            if each.next_at <= self._clock():
                return
            if not await self._stands(key, each):
                return
            try:
                await self._send(key, each)
            except SinkUnavailable as error:
                await self._again(key, each, error)
            except SinkRefused as error:
                await self._bury(key, each, error.message)
            else:
                self._told(each.trigger, "delivered")
                await self._settle(key, each.id, None)

    async def _stands(self, key: str, each: Sending) -> bool:
        """Of somebody who was erased meanwhile, or became somebody else, nobody is told from here."""
        return each.id in {other.id for other in unpacked(await self._live.load(key)).sending}

    async def _send(self, key: str, each: Sending) -> None:
        trigger = self._trigger(each.trigger)
        if trigger is None:
            raise SinkRefused("the trigger is no longer declared")
        await self._sink(trigger.send).send(Outgoing(each.id, key, each.body, HEADERS))

    async def _again(self, key: str, each: Sending, error: SinkUnavailable) -> None:
        if each.attempts <= len(DELAYS):
            delay = max(DELAYS[each.attempts - 1] * self._random.uniform(0.8, 1.2), error.wait)
            self._told(each.trigger, "retried")
            await self._settle(key, each.id, Sending(each.id, each.trigger, each.fired_at, each.body, each.attempts, self._clock() + round(delay)))
            return
        await self._bury(key, each, error.message)

    async def _bury(self, key: str, each: Sending, why: str) -> None:
        detail = f"{why}, at attempt {each.attempts}"
        await self._dead.put([DeadLetter(each.id, f"trigger:{each.trigger}", self._clock(), "not_delivered", detail, each.body)], self._clock())
        self._told(each.trigger, "dead")
        await self._settle(key, each.id, None)

    async def _settle(self, key: str, id: str, instead: Sending | None) -> None:
        """Put `instead` in the place of the delivery, None for nothing."""
        for _ in range(ATTEMPTS):
            held = await self._live.load(key)
            live = unpacked(held)
            if id not in {each.id for each in live.sending}:
                return
            sending = tuple(kept for each in live.sending if (kept := instead if each.id == id else each) is not None)
            changed = Live(live.version + 1, live.seen, live.rules, live.change, live.segments, live.traits, live.waiting, sending, live.fired, live.heard)
            await self._timers.add(timer(key, changed))
            if await self._live.save(key, held, packed(changed)):
                await self._timers.remove([(row[0], row[1]) for row in timer(key, live)])
                return
        raise StoreUnavailable("too many write what is kept of this person", code="busy")

    async def stop(self) -> None:
        """Let what is under way come to an end."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
