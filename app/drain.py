"""What was spooled while the store was away is applied once it is back: in order, once, by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import chain, repeat

import msgspec

from app.domain.dead_letter import HEARD
from app.domain.event import Refused
from app.domain.order import Numbered
from app.domain.receipt import Receipt
from app.domain.spooled import Spooled
from app.errors import InlayError, StoreUnavailable
from app.ingest import Ingest
from app.ports import Clock, DeadLetters, Spool
from app.telemetry import Telemetry, log

_encode = msgspec.json.Encoder().encode
BATCH = 500
PAUSE_SECONDS = (0.1, 0.2, 0.5, 1.0)
"""Between attempts while the store stays away."""


class Drain:
    """`run` goes on for ever. An event that can never be applied becomes a dead letter: it must not hold up the rest."""

    def __init__(self, spool: Spool, ingest: Ingest, dead: DeadLetters, telemetry: Telemetry, clock: Clock) -> None:
        self._spool = spool
        self._ingest = ingest
        self._dead = dead
        self._telemetry = telemetry
        self._clock = clock

    async def run(self) -> None:
        while True:
            await self.once()

    async def once(self) -> None:
        """Apply the next batch, once there is one; comes back when all of it is, however long the store stays away."""
        batch = await self._spool.next(BATCH)
        receipt, pauses = None, chain(PAUSE_SECONDS, repeat(PAUSE_SECONDS[-1]))
        while receipt is None:
            try:
                receipt = await self._applied(batch)
            except StoreUnavailable:
                await asyncio.sleep(next(pauses))
        self._spool.done()
        self._telemetry.receipt(receipt)
        self._telemetry.drained(len(batch))

    async def _applied(self, batch: Sequence[Spooled]) -> Receipt:
        """Applying twice changes nothing: where the store goes away in between, the whole batch comes again."""
        now, receipt = self._clock(), Receipt()
        heard = [(number, each.heard) for number, each in enumerate(batch) if each.heard is not None]
        try:
            await self._settle(heard, now, receipt, [each.heard.who.key for each in batch if each.private and each.heard is not None])
        except StoreUnavailable:
            raise
        except InlayError:
            receipt = await self._one_by_one(heard, now)
        letters = [each.letter for each in batch if each.letter is not None]
        if letters:
            await self._dead.put(letters, now)
        await self._ingest.bury(receipt, now, lambda number: _encode(batch[number].heard), HEARD)
        await self._ingest.synced()
        return receipt

    async def _settle(self, heard: Sequence[Numbered], now: int, receipt: Receipt, private: Sequence[str] = ()) -> None:
        if await self._ingest.settle(heard, now, receipt, private):
            raise StoreUnavailable("the store is away")

    async def _one_by_one(self, heard: Sequence[Numbered], now: int) -> Receipt:
        receipt = Receipt()
        for each in heard:
            try:
                await self._settle([each], now, receipt)
            except StoreUnavailable:
                raise
            except InlayError as error:
                log.warning("a spooled event cannot be applied (%s); it is kept as a dead letter", error.code)
                receipt.rejected.append(Refused(each[0], "invalid", error.message))
        return receipt
