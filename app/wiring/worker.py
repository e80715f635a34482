"""One process that answers: everything in it, put together once."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from app.adapters.breaker import Breaker
from app.adapters.file_spool import FileSpool
from app.adapters.http_lookup import HttpLookup, HttpPictures
from app.adapters.https_fetch import HttpsFetch
from app.adapters.maxmind_geo import MaxmindGeo
from app.adapters.reacting_store import ReactingStore
from app.adapters.redis_catalogue import RedisCatalogue
from app.adapters.redis_cluster import link_to
from app.adapters.redis_compaction import RedisCompaction
from app.adapters.redis_consents import RedisConsents
from app.adapters.redis_durability import RedisSynced
from app.adapters.redis_identities import RedisIdentities
from app.adapters.redis_keys import RedisKeys
from app.adapters.redis_lookups import RedisLookups
from app.adapters.redis_names import Names
from app.adapters.redis_replays import RedisReplays
from app.adapters.redis_retention import RedisRetention
from app.adapters.redis_sends import RedisSends
from app.adapters.redis_stocks import RedisStocks
from app.adapters.redis_tombstones import RedisTombstones
from app.adapters.sharing_store import SharingStore
from app.adapters.synced_store import SyncedStore
from app.adapters.timed_store import TimedStore
from app.adapters.tombstoned_store import TombstonedStore
from app.adapters.redis_wordings import RedisWordings
from app.adapters.ua_device import UaDevice
from app.aging import Aging
from app.catalogue.replica import Replica
from app.consents import Consents
from app.decide import Decider
from app.domain.dead_letter import NOTHING
from app.domain.event import hashed_id
from app.drain import Drain
from app.enrich import Enricher
from app.erasure import Erasure
from app.errors import StoreUnavailable
from app.ingest import Ingest
from app.ports import CatalogueStore, KeyStore
from app.reserving import Reserving, holder_of
from app.security.senders import verifiers
from app.security.tokens import Tokens
from app.settings import Settings, parse_named, parse_secret
from app.stockkeeping import Stockkeeping
from app.telemetry import Telemetry, log
from app.telemetry.watched_models import WatchedModels
from app.voiding import Voiding
from app.watching import Watching
from app.web.auth import KeyRing
from app.web.parts import Parts
from app.wiring.content import Content
from app.wiring.gauges import gauges_of
from app.wiring.journal import Journal
from app.wiring.served import Served
from app.wiring.sinks import build_sink
from app.wiring.stores import build_dead_letters, build_identities, build_profiles, build_rewards, holdings, random_id, wall_clock

POLL_SECONDS = 0.2
REDRAW_TICKS = 10
"""Polls between two renderings of what shows items ahead of time: a catalogue that is being filled changes with each."""


class Worker:
    """One process that answers: its parts, and the loop that keeps content, catalogue and keys up to date."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.breaker = Breaker(time.monotonic)
        self.link = link_to(settings.redis_url, self.breaker, settings.read_timeout_ms / 1000)
        self.writes = link_to(settings.redis_url, Breaker(time.monotonic), settings.write_timeout_ms / 1000)
        self.names = Names(self.link)
        self.store = build_profiles(settings, self.link, self.names, self.writes)
        self.synced = RedisSynced(self.writes.another(), promised=settings.durability == "durable")
        self.tombstones = RedisTombstones(self.writes, settings.write_timeout_ms / 1000)
        self.catalogue_store: CatalogueStore = RedisCatalogue(self.link, settings.write_timeout_ms / 1000, self.writes)
        self.key_store: KeyStore = RedisKeys(self.link)
        self.catalogue = Replica()
        tokens = Tokens(parse_secret(settings.secret))
        random_ids = _random_ids()
        self.served = served = Served(lambda: self.parts.snapshot)
        self.telemetry = Telemetry(settings.data / "metrics", state=self._gauges)
        self.dead = build_dead_letters(settings, self.writes, self.telemetry)
        self.journal = Journal(settings, self.telemetry)
        timed = TimedStore(TombstonedStore(self.store, self.tombstones), self.telemetry)
        stocks = RedisStocks(self.writes, settings.write_timeout_ms / 1000)
        reserving = Reserving(stocks, holder_of(settings.identity_key))
        self.watching = Watching(
            ReactingStore(timed, stocks, reserving.holder, served.limits), self.writes, settings.write_timeout_ms / 1000, wall_clock, self.telemetry, self.dead,
            lambda address: build_sink(settings, self.writes, address),
            private=settings.private_webhooks == "allow", busy=lambda: self.parts.inflight > 0,
        )
        noticed = self.watching.store
        kept = SyncedStore(noticed, self.synced)
        self.rewards = build_rewards(settings, self.writes, timed, served.bandits, self.telemetry)
        self.voiding = Voiding(timed, RedisSends(self.writes, settings.write_timeout_ms / 1000), stocks, reserving, self.rewards.withdraw)
        self.parts = Parts(
            None, wall_clock, kept, self.catalogue_store, self.catalogue,
            Decider(SharingStore(timed, self.link, settings.read_timeout_ms / 1000, served.shared_experiments), self.catalogue, tokens.seal, lambda: next(random_ids), self.journal.logbook, reserving, self.rewards), tokens,
            KeyRing(settings.data / "keys.json", settings.admin_key, guarded=settings.reachable), self.telemetry, settings,
            self.breaker, self.journal,
        )
        self.journal.parts = self.parts
        self.replays = RedisReplays(self.writes, settings.write_timeout_ms / 1000)
        self.stockkeeping = Stockkeeping(stocks, timed, self.replays, tokens.open, self.telemetry.codes_low)
        self.verifiers = verifiers(settings.webhook_keys, HttpsFetch())
        self.identities = build_identities(settings, self.writes, self.names, self.telemetry.identity_refused, self.watching.act, tombstones=self.tombstones)
        consents = RedisConsents(self.writes, settings.write_timeout_ms / 1000)
        self.consents = Consents(kept, consents, served.gpc)
        self.compaction = RedisCompaction(self.writes, settings.write_timeout_ms / 1000)
        self.sweeper = RedisRetention(
            self.writes, settings.write_timeout_ms / 1000, self.watching.gone,
            Aging(timed, RedisIdentities(self.writes, self.names, seconds=settings.write_timeout_ms / 1000)),
        )
        self.erasure = Erasure(kept, consents, holdings(settings, self.writes, self.dead), self.compaction, self.journal.unlink)
        self.spool = FileSpool(settings.data / "spool", settings.spool_mb << 20)
        self._devices = UaDevice()
        self.party, self.pictures = HttpLookup(settings.lookup_hosts), HttpPictures()
        self.enricher = Enricher(
            served.enrichments, served.enrich_gates, noticed, RedisLookups(self.writes, settings.write_timeout_ms / 1000), self.party,
            MaxmindGeo(Path(settings.geo_database)) if settings.geo_database else None, self._devices, wall_clock,
            lambda: Breaker(time.monotonic, failures=5, retry_seconds=10.0), self.telemetry.enriched, parse_named(settings.lookup_secrets), hashed_id,
        )
        self.parts.seen, self.parts.forget = self.enricher.seen, self.enricher.forget
        self.ingest = Ingest(
            noticed, self.identities, random_id, hashed_id, served.ingest_gates, served.event_rules, lambda: self.parts.identifiers, self.consents.opt_out,
            spool=self.spool, dead=self.dead, enrichment=self.enricher, synced=self.synced, logbook=self.journal.logbook, rewards=self.rewards,
        )
        self.drain = Drain(self.spool, self.ingest, self.dead, self.telemetry, wall_clock)
        self.content = Content(settings, self.parts, self.watching, self._devices, self.rewards.posteriors, RedisWordings(self.writes, settings.write_timeout_ms / 1000))
        self._watched = WatchedModels(settings.data)
        self._tally = NOTHING
        self._loop: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.catalogue.restore(self.settings.data / "catalogue.msgpack")
        await self.content.follow()
        await self._follow_store()
        await self.content.follow_items()
        with suppress(StoreUnavailable):
            await self.rewards.turn(wall_clock())
        await self._follow_durability()
        await self.spool.adopt()
        self._loop = asyncio.create_task(self._follow())
        self._draining = asyncio.create_task(self._drain())
        self.watching.start()
        if self.journal.file is not None:
            self.journal.file.start()

    async def stop(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
        with suppress(StoreUnavailable):
            await self.watching.stop()
        await self.rewards.close()
        if self._draining is not None:
            self._draining.cancel()
        await self.spool.close()
        if self.journal.file is not None:
            await self.journal.file.stop()
        self.parts.telemetry.save()
        await self.enricher.close()
        await self.party.close()
        await self.pictures.close()
        await self.link.close()
        await self.writes.close()
        await self.synced.close()

    async def _follow(self) -> None:
        for tick in count():
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.content.follow()
                await self._follow_store()
                with suppress(StoreUnavailable):
                    await self.rewards.turn(wall_clock())
                if tick % REDRAW_TICKS == 0:
                    await self.content.follow_items()
                    await self._follow_stocks()
                    with suppress(StoreUnavailable):
                        await self.content.follow_wordings()
                if tick % 5 == 0:
                    self.parts.telemetry.save()
                    await self._follow_identities()
                    await self.spool.adopt()
                    await self.journal.sweep()
                    await self._count_dead()
                    with suppress(StoreUnavailable):
                        await self._let_go()
                if tick % 50 == 0:
                    await self._follow_durability()
            except Exception as error:  # noqa: BLE001 (the loop outlives any one failure)
                self.parts.telemetry.failure(error)

    async def _drain(self) -> None:
        while True:
            try:
                await self.drain.run()
            except Exception as error:  # noqa: BLE001 (what waits on the disk is tried again, whatever happened)
                self.parts.telemetry.failure(error)
                await asyncio.sleep(1)

    async def _follow_durability(self) -> None:
        """What an acknowledgement by Redis is worth, said once where it is less than was promised."""
        with suppress(StoreUnavailable):
            await self.synced.follow()
            found = self.synced.durability
            if found not in ("always", "waited", self.parts.durability) and self.settings.durability == "durable":
                log.warning("INLAY_DURABILITY is durable, and this Redis syncs what it acknowledges: %s; a power cut may lose acknowledged events", found)
            self.parts.durability = found

    async def _count_dead(self) -> None:
        with suppress(StoreUnavailable):
            self._tally = await self.dead.tally()

    async def _follow_stocks(self) -> None:
        if self.parts.snapshot is not None:
            with suppress(StoreUnavailable):
                await self.stockkeeping.turn(self.parts.snapshot.limits, wall_clock())

    async def _let_go(self) -> None:
        """Of what was erased, and of what was kept long enough."""
        await self.compaction.work(wall_clock())
        if self.parts.snapshot is not None:
            self.telemetry.let_go(await self.sweeper.turn(self.parts.snapshot.definitions.retention, wall_clock()))

    async def _follow_store(self) -> None:
        """Items, keys and names as the fleet has them now."""
        try:
            self.parts.keys.replace(await self.key_store.all())
            if not self.names.loaded:
                await self.names.load()
            if await self.catalogue_store.version() != self.catalogue.at:
                at, changes = await self.catalogue_store.changes(self.catalogue.at)
                self.catalogue.apply(at, changes)
                if changes:
                    await asyncio.to_thread(self.catalogue.save, self.settings.data / "catalogue.msgpack")
            await self.names.refresh()
            await self.tombstones.follow()
            self.parts.store_away = False
        except StoreUnavailable:
            self.parts.store_away = True

    async def _follow_identities(self) -> None:
        """What was begun and not finished, here or by a server that is gone."""
        with suppress(StoreUnavailable):
            await self.identities.resume(wall_clock())

    def _gauges(self) -> tuple[dict[str, float], dict[str, str]]:
        return gauges_of(self.parts, self.spool, self._tally, self.stockkeeping.levels, self._watched)


def _random_ids() -> Iterator[str]:
    """Ids of decisions that are not recorded: random once, then counted."""
    prefix = "n" + secrets.token_hex(8)
    return (f"{prefix}{number:x}" for number in count(1))
