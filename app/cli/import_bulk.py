"""Entries in bulk into the store: a batch is read while others are on their way, each acknowledged once it is durable, and
a place is kept from which the next run goes on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from app.adapters.redis_imports import Place
from app.errors import StoreUnavailable
from app.formats.rows import Entries, Entry, Group, Rejected

BATCH = 50_000
"""Entries written at once. Many of them are about the same people, each of whom costs the store one step a batch."""
AT_ONCE = 2
SLICE = 500
"""Entries that are read before what is on its way gets its turn."""
SAVE_SECONDS = 1.0
PATIENCE_SECONDS = 30.0
"""How long a store that is away is waited for, as while it is started again."""
REASONS = 50
"""Different reasons that are counted apart."""


@dataclass(slots=True)
class Outcome:
    """What became of a batch, by its name; the entries among it that the store refused."""

    counts: Counter[str]
    refused: list[Rejected] = field(default_factory=list[Rejected])


Take = Callable[[Sequence[Entry]], Awaitable[Outcome]]
Keep = Callable[[Place], Awaitable[None]]


class Log(Protocol):
    """Where rejected rows go, and how far its file is written."""

    def write(self, rejected: Rejected) -> None: ...

    def place(self) -> int: ...


class Bulk:
    """`takes` are as many ways into the store as batches travel at once. `moved` is told how many entries were read.
    `counts` say what became of all so far, and `done` how many there were, from the first."""

    def __init__(self, takes: Sequence[Take], log: Log, keep: Keep, moved: Callable[[int], None], *, patience: float = PATIENCE_SECONDS) -> None:
        self._takes = takes
        self._log = log
        self._keep = keep
        self._moved = moved
        self._patience = patience
        self._way: deque[tuple[asyncio.Task[Outcome], list[Rejected], int]] = deque()
        self._sent = 0
        self._saved = time.monotonic()
        self.counts: Counter[str] = Counter()
        self.done = 0

    async def run(self, entries: Entries, before: Place) -> None:
        """Take all but those that an earlier run has done. `StoreUnavailable` where the store stays away."""
        self.done, self.counts = before.done, Counter(before.counts)
        for skipped in range(0, before.done, BATCH):
            self._moved(sum(1 for _ in islice(entries, min(BATCH, before.done - skipped))))
        try:
            await self._all(entries)
        finally:
            for task, _, _ in self._way:
                task.cancel()
            await asyncio.gather(*(task for task, _, _ in self._way), return_exceptions=True)

    async def _all(self, entries: Entries) -> None:
        batch: list[Entry | Rejected] = []
        while part := list(islice(entries, SLICE)):
            batch += part
            if len(batch) >= BATCH:
                await self._send(batch)
                batch = []
            self._moved(len(part))
            await asyncio.sleep(0)
        await self._send(batch)
        while self._way:
            await self._arrived()

    async def _send(self, batch: Sequence[Entry | Rejected]) -> None:
        rejected: list[Rejected] = []
        entries: list[Entry] = []
        for each in batch:
            if isinstance(each, Rejected):
                rejected.append(each)
            else:
                entries.append(each)
        take = self._takes[self._sent % len(self._takes)]
        self._sent += 1
        self._way.append((asyncio.create_task(_patiently(take, entries, self._patience)), rejected, len(batch)))
        if len(self._way) >= AT_ONCE:
            await self._arrived()

    async def _arrived(self) -> None:
        """Wait for the oldest batch, so that what is done is always a beginning of the file."""
        task, rejected, size = self._way[0]
        outcome = await task
        self._way.popleft()
        self.counts.update(outcome.counts)
        for each in (*rejected, *outcome.refused):
            self._reject(each)
        self.done += size
        if time.monotonic() - self._saved > SAVE_SECONDS:
            await self._keep(Place(self.done, dict(self.counts), self._log.place()))
            self._saved = time.monotonic()

    def _reject(self, rejected: Rejected) -> None:
        name = f"rejected: {rejected.reason}"
        if name not in self.counts and len(self.counts) >= REASONS:
            name = "rejected: other reasons"
        self.counts[name] += len(rejected.row) if isinstance(rejected.row, Group) else 1
        self._log.write(rejected)


async def _patiently(take: Take, batch: Sequence[Entry], seconds: float) -> Outcome:
    """Again while the store is away: what was applied already counts as a duplicate."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await take(batch)
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
