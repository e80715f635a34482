"""Events from a stream: partitions under leases -> batches in order -> taken, or dead -> committed.

Each partition has a lane that works its batches off one after another, so that what is of one person keeps its order;
lanes run side by side. Read is only as much as there is room for. A batch is committed once every event of it is durable
and applied, or lies with the dead letters: what was not committed comes again, and an event that comes again changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeVar

from app.domain.message import LOST_UNCOUNTED, Batch, Message
from app.errors import FellBehind, LeaseLost, SourceUnavailable, StoreUnavailable
from app.ports import EventSource
from app.shares import Shares, Tenure
from app.telemetry import log

SETTLE_SECONDS = 1.0
DRAIN_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0

T = TypeVar("T")
Take = Callable[[Sequence[Message]], Awaitable[int]]
"""Takes messages for good, the first of those given or all, and says how many: they are to be committed before the next are
given. Raises `StoreUnavailable` where that must be tried again, `LeaseLost` where it must not."""


@dataclass(slots=True, eq=False)
class Lane:
    """The batches of one tenure that are still to be worked off."""

    tenure: Tenure
    take: Take
    queue: asyncio.Queue[Batch] = field(default_factory=asyncio.Queue[Batch])
    waiting: list[Batch] = field(default_factory=list[Batch])
    task: asyncio.Task[None] | None = None

    def put(self, batch: Batch) -> None:
        self.waiting.append(batch)
        self.queue.put_nowait(batch)

    def done(self, batch: Batch) -> None:
        self.waiting.remove(batch)
        self.queue.task_done()

    async def idle(self) -> None:
        """Until nothing is in flight in it, or nothing moves in it any more."""
        assert self.task is not None
        emptied = asyncio.create_task(self.queue.join())
        try:
            await asyncio.wait([emptied, self.task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            emptied.cancel()

    @property
    def in_flight(self) -> int:
        return sum(len(batch.messages) for batch in self.waiting)


class Consumer:
    """`run()` until `stop()`, or until something is wrong that waiting does not mend. `taking` makes what takes the
    messages of one tenure; `most` bounds the messages in flight. Where the stream dropped messages before they were read,
    `run` raises `FellBehind`, or goes on, as `after_loss` says; `lost` is told their number either way."""

    def __init__(
        self, source: EventSource, shares: Shares, taking: Callable[[Tenure], Take], lost: Callable[[str, int], None], *, most: int = 2_000,
        after_loss: Literal["stop", "continue"] = "stop",
    ) -> None:
        self._source = source
        self._shares = shares
        self._taking = taking
        self._lost = lost
        self._most = most
        self._after_loss = after_loss
        self._lanes: dict[str, Lane] = {}
        self._moved = asyncio.Event()
        self._stopping = asyncio.Event()
        self._settled_at = float("-inf")

    def stop(self) -> None:
        """Read no more; what is in flight is finished and committed."""
        self._stopping.set()

    async def run(self) -> None:
        await self._source.open(self._revoked)
        try:
            while not self._stopping.is_set():
                await self._once()
        finally:
            await self._finish()

    async def _once(self) -> None:
        try:
            if asyncio.get_running_loop().time() - self._settled_at >= SETTLE_SECONDS:
                await self._settle()
            await self._mend()
            await self._read()
        except (StoreUnavailable, SourceUnavailable) as error:
            log.warning("waiting: %s", error.message)
            await self._wait(self._stopping, SETTLE_SECONDS)

    # -- partitions ------------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Take a fair part of what there is to do; give the rest up once what is in flight of it is done."""
        surplus = await self._shares.settle(await self._source.partitions(), divided=self._source.divided)
        held = self._shares.held
        await self._drop([lane for name, lane in self._lanes.items() if held.get(name) is not lane.tenure])
        for tenure in [tenure for name, tenure in held.items() if name not in self._lanes]:
            await self._source.rewind(tenure.partition)
            lane = self._lanes[tenure.partition] = Lane(tenure, self._taking(tenure))
            lane.task = asyncio.create_task(self._work(lane))
        await self._release(surplus)
        self._settled_at = asyncio.get_running_loop().time()

    async def _mend(self) -> None:
        """A lane that lost its lease is begun anew at the next settling; one that failed ends it all."""
        for lane in [lane for lane in self._lanes.values() if lane.task is not None and lane.task.done()]:
            assert lane.task is not None
            lane.task.result()
            await self._drop([lane])
            await self._shares.give([lane.tenure])

    async def _revoked(self, partitions: Sequence[str]) -> None:
        with suppress(StoreUnavailable):
            await self._release([self._shares.held[name] for name in partitions if name in self._shares.held])

    async def _release(self, tenures: Sequence[Tenure]) -> None:
        """Finish them and give them to others. Where that takes too long the lease is left to run out: a write may still be
        on its way, and must not arrive after the next owner's."""
        lanes = [self._lanes[tenure.partition] for tenure in tenures if tenure.partition in self._lanes]
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await asyncio.gather(*(lane.idle() for lane in lanes))
        late = [lane.tenure for lane in lanes if lane.waiting]
        await self._drop(lanes)
        for tenure in late:
            self._shares.end(tenure)
        await self._shares.give([tenure for tenure in tenures if tenure not in late])

    async def _drop(self, lanes: Iterable[Lane]) -> None:
        """What is in flight in them is not finished here: it comes again, to whoever has the partition next."""
        for lane in lanes:
            if self._lanes.get(lane.tenure.partition) is lane:
                del self._lanes[lane.tenure.partition]
            if lane.task is not None:
                lane.task.cancel()
                await asyncio.wait([lane.task])

    # -- messages --------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        room = self._most - self.in_flight
        if room <= self._most // 4:
            self._moved.clear()
            await self._wait(self._moved, SETTLE_SECONDS)
            room = self._most - self.in_flight
        held = {name: lane.tenure.until for name, lane in self._lanes.items()}
        for batch in await self._source.poll(held, max(room, 0)):
            if batch.lost:
                self._tell_lost(batch)
            if batch.partition in self._lanes:
                self._lanes[batch.partition].put(batch)

    def _tell_lost(self, batch: Batch) -> None:
        self._lost(batch.partition, batch.lost)
        if self._after_loss == "stop":
            number = "messages" if batch.lost == LOST_UNCOUNTED else f"{batch.lost:,} messages"
            raise FellBehind(f"{number} of {batch.partition} were dropped by the stream before they were read; --after-loss continue goes on with what is left")

    async def _work(self, lane: Lane) -> None:
        with suppress(LeaseLost):
            while True:
                batch = await lane.queue.get()
                rest = batch.messages
                while rest:
                    number = await self._patiently(partial(lane.take, rest))
                    await self._patiently(partial(self._source.commit, batch.partition, rest[:number], lane.tenure.until))
                    rest = rest[number:]
                lane.done(batch)
                self._moved.set()

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        """While the store is away, nothing is skipped: it is tried again and again."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await step()
            except (StoreUnavailable, SourceUnavailable):
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _finish(self) -> None:
        with suppress(StoreUnavailable):
            await self._release(list(self._shares.held.values()))
            await self._shares.leave()
        await self._source.close()

    @staticmethod
    async def _wait(event: asyncio.Event, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()

    # -- what is told ----------------------------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        return sum(lane.in_flight for lane in self._lanes.values())

    @property
    def partitions(self) -> int:
        return len(self._lanes)

    def behind(self, now: int) -> int:
        """How old the oldest message is that was read and is not yet taken, ms."""
        oldest = [lane.waiting[0].messages[0].at for lane in self._lanes.values() if lane.waiting and lane.waiting[0].messages]
        return max(0, now - min(oldest)) if oldest else 0
