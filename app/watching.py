"""The parts of the time path, put together for one worker: timers, looks, deliveries, filling segments."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from random import Random

from app.act import Act
from app.adapters.httpx_webhooks import HttpxWebhooks
from app.adapters.noticing_store import NoticingStore
from app.adapters.redis_leases import RedisLeases
from app.adapters.redis_link import Link
from app.adapters.redis_live import RedisLive
from app.adapters.redis_timers import RedisTimers, shard_of
from app.content.snapshot import Snapshot
from app.content.watch import Looked, Watch
from app.domain.live import Sending
from app.domain.triggers import Send, Trigger, Webhook
from app.errors import SettingsInvalid, SinkRefused, SinkUnavailable
from app.live.backfill import Backfill
from app.live.delivery import Delivery
from app.live.look import Looker
from app.ports import Clock, DeadLetters, EventSink, ProfileStore
from app.security.outgoing import keys_of
from app.shares import Shares
from app.telemetry import Telemetry, log


class Watching:
    """`store` is the profile store through which everything is applied, so that it is noticed. `link` is the connection
    that profiles are written over: timers must not overtake what they are set for. `stream` makes
    what writes to the stream of an address."""

    def __init__(
        self, store: ProfileStore, link: Link, seconds: float, clock: Clock, telemetry: Telemetry, dead: DeadLetters,
        stream: Callable[[str], EventSink], *, private: bool, busy: Callable[[], bool],
    ) -> None:
        self.watch: Watch | None = None
        self._telemetry = telemetry
        self._triggers: Mapping[str, Trigger] = {}
        self._webhooks: Mapping[str, Webhook] = {}
        self._calls = HttpxWebhooks(os.environ, clock, private=private)
        self._stream = stream
        self._streams: dict[str, EventSink] = {}
        owner, leases = secrets.token_hex(8), RedisLeases(link, seconds)
        timers = RedisTimers(link, seconds)
        self.live = RedisLive(link, timers.shards, shard_of, seconds)
        self._delivery = Delivery(
            self.live, timers, dead, self._sink, clock, lambda id: self._triggers.get(id),
            telemetry.trigger, telemetry.failure, Random(),
        )
        looker = Looker(store, self.live, timers, clock, self._fired, self._told)
        self.act = Act(
            looker, timers, Shares(leases, "timers", owner), clock, lambda: self.watch,
            lateness=telemetry.timer, failed=telemetry.failure, busy=busy,
        )
        self.store = NoticingStore(store, self.act)
        self._backfill = Backfill(looker, self.live, leases, owner, clock, lambda: self.watch, telemetry.failure)
        self._tasks: list[asyncio.Task[None]] = []

    async def gone(self, keys: Sequence[str]) -> None:
        """These people were taken away beside `store`: the lists of segments let them go."""
        noting = self.act.note([(key, ()) for key in keys], self.act.now)
        if noting is not None:
            await noting.written
            self.act.notice(noting)

    def serve(self, snapshot: Snapshot, watch: Watch) -> None:
        """Notice by these rules from now on."""
        self._webhooks, self._triggers, self.watch = snapshot.definitions.webhooks, snapshot.definitions.triggers, watch
        for each in self._webhooks.values():
            try:
                keys_of(os.environ.get(each.secret, ""))
            except ValueError as error:
                log.warning("the webhook %s cannot be called: %s: %s", each.id, each.secret, error)

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self.act.run()), asyncio.create_task(self._backfill.run())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._delivery.stop()
        await self._calls.close()
        for sink in self._streams.values():
            await sink.close()
        await self.act.stop()

    def _sink(self, send: Send) -> EventSink:
        if send.webhook:
            webhook = self._webhooks.get(send.webhook)
            if webhook is None:
                raise SinkRefused(f"no webhook {send.webhook}")
            return self._calls.sink(webhook)
        if send.stream not in self._streams:
            try:
                self._streams[send.stream] = self._stream(send.stream)
            except SettingsInvalid as error:
                raise SinkUnavailable(error.message) from error
        return self._streams[send.stream]

    def _fired(self, key: str, sending: Sequence[Sending]) -> None:
        self._delivery.start(key, sending)

    def _told(self, looked: Looked) -> None:
        for move in looked.moves:
            self._telemetry.moved(move.segment, "entered" if move.entered else "left")
        for each in looked.dropped:
            self._telemetry.trigger(each.trigger, each.why)
        for each in looked.fired:
            self._telemetry.trigger(each.trigger, "fired")
