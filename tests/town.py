"""People who are watched: a store, timers and the time path around them, under a clock that a test sets.

Every process of the fleet is a `Town.process()`; a crash is a process that nobody asks anything of any more.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from app.act import Act
from app.adapters.noticing_store import NoticingIdentities, NoticingStore
from app.content.snapshot import Snapshot
from app.content.watch import Looked, Watch
from app.domain import conditions as c
from app.domain.change import Append, Change, Merge
from app.domain.claims import Link
from app.domain.definitions import Definitions, Feature, Segment
from app.domain.event import Event
from app.domain.triggers import Trigger
from app.identities import Identities
from app.live.backfill import Backfill
from app.live.delivery import Delivery
from app.live.look import Looker
from app.shares import Shares
from tests.fakes import Inbox, MemoryDeadLetters, MemoryLeases, MemoryLive, MemoryStore, MemoryTimers

NOW = 1_760_000_000_000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
WEEK_BUYERS = {"buyers": c.Did("order_completed", window=c.Within(7 * DAY))}


class NoModels:
    def get(self, id: str) -> None:
        return None

    def troubles(self) -> dict[str, str]:
        return {}


def rules(segments: dict[str, c.Condition], *triggers: Trigger, features: dict[str, Feature] | None = None, timezone: str = "UTC") -> Definitions:
    return Definitions(
        "v", timezone, features=features or {}, segments={id: Segment(id, each) for id, each in segments.items()},
        triggers={each.id: each for each in triggers},
    )


class Town:
    """`now` is what every process's clock shows; `moves` what was noticed, `dropped` what did not fire."""

    def __init__(self, definitions: Definitions) -> None:
        self.now = NOW
        self.store = MemoryStore()
        self.live = MemoryLive(self.store)
        self.timers = MemoryTimers()
        self.sink = Inbox()
        self.dead = MemoryDeadLetters()
        self.leases = MemoryLeases()
        self.moves: list[tuple[str, bool, int]] = []
        self.dropped: list[tuple[str, str]] = []
        self._number = 0
        self.serve(definitions)

    def serve(self, definitions: Definitions) -> None:
        """From now on these rules."""
        self.definitions = definitions
        self.watch = Watch(Snapshot(definitions, NoModels()))

    def process(self) -> Process:
        return Process(self)

    def event(self, name: str, at: int | None = None, **properties: Any) -> Append:
        self._number += 1
        return Append(Event(name, self.now if at is None else at, self._number.to_bytes(6, "big"), properties))

    async def members(self, segment: str) -> list[str]:
        return (await self.live.members(segment, "", 1_000))[0]


class Process:
    def __init__(self, town: Town) -> None:
        self._town = town
        self.delivery = Delivery(
            town.live, town.timers, town.dead, lambda send: town.sink, lambda: town.now,
            lambda id: town.definitions.triggers.get(id), lambda trigger, outcome: None, _raise, Random(1),
        )
        looker = Looker(town.store, town.live, town.timers, lambda: town.now, self.delivery.start, self._told)
        owner = str(id(self))
        self.act = Act(looker, town.timers, Shares(town.leases, "timers", owner, 200), lambda: town.now, lambda: town.watch, lateness=lambda _: None, failed=_raise)
        self.store = NoticingStore(town.store, self.act)
        self.identities = Identities(NoticingIdentities(town.store, self.act))
        self.backfill = Backfill(looker, town.live, town.leases, owner, lambda: town.now, lambda: town.watch, _raise)

    def _told(self, looked: Looked) -> None:
        self._town.moves += [(each.segment, each.entered, each.at) for each in looked.moves]
        self._town.dropped += [(each.trigger, each.why) for each in looked.dropped]

    async def hear(self, key: str, *changes: Change) -> None:
        """Something is applied, noticed, and everything done that is due."""
        await self.store.apply([(key, list(changes))], self._town.now)
        await self.settle()

    async def link(self, source: str, target: str) -> None:
        """From now on the one identifier is the other's."""
        await self.identities.link([Link(target, source, self._town.now, b"link01")], self._town.now)
        await self.settle()

    async def settle(self) -> None:
        while await self.act.turn():
            await self.delivery.stop()

    async def pass_time(self, until: int) -> None:
        """The clock goes on, and stops wherever a timer is set."""
        while (at := min((at for _, _, at in await self._town.timers.due(self._town.timers.shards, until, 1_000)), default=until)) < until:
            self._town.now = max(at, self._town.now)
            await self.settle()
        self._town.now = until
        await self.settle()


def _raise(error: BaseException) -> None:
    raise error


def trait(at: int, **traits: Any) -> Merge:
    return Merge(traits, at, b"123456")


def live(story: Any) -> Any:
    return asyncio.run(story)
