"""Settings -> working parts. The only file that names concrete adapters."""

from __future__ import annotations

import asyncio
import gc
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from app import __version__
from app.adapters.breaker import Breaker
from app.adapters.file_spool import FileSpool
from app.adapters.http_lookup import HttpLookup
from app.adapters.https_fetch import HttpsFetch
from app.adapters.maxmind_geo import MaxmindGeo
from app.adapters.noticing_store import NoticingIdentities
from app.adapters.onnx_model import Watchdog
from app.adapters.onnx_runtime import OnnxRuntime
from app.adapters.redis_catalogue import RedisCatalogue
from app.adapters.redis_cluster import link_to
from app.adapters.redis_compaction import RedisCompaction
from app.adapters.redis_consents import RedisConsents
from app.adapters.redis_durability import durability_of
from app.adapters.redis_identities import RedisIdentities
from app.adapters.redis_dead_letters import RedisDeadLetters
from app.adapters.redis_keys import RedisKeys
from app.adapters.redis_link import Link
from app.adapters.redis_lookups import RedisLookups
from app.adapters.redis_names import Names
from app.adapters.redis_replays import RedisReplays
from app.adapters.redis_retention import RedisRetention
from app.adapters.redis_store import RedisStore
from app.adapters.redis_tombstones import RedisTombstones
from app.adapters.timed_store import TimedStore
from app.adapters.tombstoned_store import TombstonedIdentities, TombstonedStore
from app.adapters.ua_device import UaDevice
from app.catalogue.replica import Replica
from app.consents import Consents
from app.content.event_rules import EventRules
from app.content.load import load
from app.content.published import Published, pointer, read_current
from app.content.snapshot import Snapshot
from app.content.watch import Watch
from app.decide import Decider
from app.domain.definitions import Definitions
from app.domain.dead_letter import NOTHING
from app.domain.enrichment import NO_ENRICHMENTS, Enrichments
from app.domain.event import ID_BYTES, hashed_id
from app.domain.identity import Identifiers
from app.domain.trace import Table
from app.drain import Drain
from app.enrich import Enricher
from app.erasure import Erasure
from app.errors import InlayError, StoreUnavailable
from app.identities import Identities
from app.ingest import Ingest
from app.live.notes import Notices
from app.ports import CatalogueStore, Holding, KeyStore, ProfileStore, Tombstones
from app.security.senders import verifiers
from app.security.tokens import Tokens
from app.settings import Settings, parse_named, parse_secret
from app.telemetry import Telemetry, log
from app.watching import Watching
from app.web.auth import KeyRing
from app.web.parts import Parts

POLL_SECONDS = 0.2
REDRAW_TICKS = 10
"""Polls between two renderings of what shows items ahead of time: a catalogue that is being filled changes with each."""


_ALL_EVENTS = EventRules()


def wall_clock() -> int:
    return time.time_ns() // 1_000_000


def build_store(settings: Settings, link: Link, names: Names, writes: Link | None = None) -> ProfileStore:
    """For a command: people as they are kept, and nobody who was erased."""
    return TombstonedStore(build_profiles(settings, link, names, writes), RedisTombstones(writes or link, settings.write_timeout_ms / 1000))


def build_profiles(settings: Settings, link: Link, names: Names, writes: Link | None = None) -> RedisStore:
    return RedisStore(
        link, names, writes=writes, write_seconds=settings.write_timeout_ms / 1000, bound=settings.bounds.events, age=settings.bounds.age,
    )


def build_identities(
    settings: Settings, link: Link, names: Names, refused: Callable[[str], None] | None = None, notices: Notices | None = None, *, tombstones: Tombstones | None = None,
) -> Identities:
    """`tombstones` are those that the process follows already."""
    seconds = settings.write_timeout_ms / 1000
    store = TombstonedIdentities(RedisIdentities(link, names, seconds=seconds), tombstones or RedisTombstones(link, seconds))
    return Identities(store if notices is None else NoticingIdentities(store, notices), limit=settings.max_identities, refused=refused)


def build_identifiers(settings: Settings, definitions: Definitions) -> Identifiers:
    return Identifiers(definitions.identities, settings.identity_key)


def build_dead_letters(settings: Settings, link: Link, telemetry: Telemetry | None = None) -> RedisDeadLetters:
    bounds = settings.dead_letters_mb << 20, settings.dead_letters_days * 86_400_000
    return RedisDeadLetters(link, *bounds, settings.write_timeout_ms / 1000, *([telemetry.dead_letter] if telemetry is not None else []))


def holdings(dead: Holding) -> dict[str, Holding]:
    """Every place beside profiles where something of people lies."""
    return {"dead_letters": dead}


class Worker:
    """One process that answers: its parts, and the loop that keeps content, catalogue and keys up to date."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.breaker = Breaker(time.monotonic)
        self.link = link_to(settings.redis_url, self.breaker, settings.read_timeout_ms / 1000)
        self.writes = link_to(settings.redis_url, Breaker(time.monotonic), settings.write_timeout_ms / 1000)
        self.names = Names(self.link)
        self.store = build_profiles(settings, self.link, self.names, self.writes)
        self.tombstones = RedisTombstones(self.writes, settings.write_timeout_ms / 1000)
        self.catalogue_store: CatalogueStore = RedisCatalogue(self.link, settings.write_timeout_ms / 1000)
        self.key_store: KeyStore = RedisKeys(self.link)
        self.catalogue = Replica()
        tokens = Tokens(parse_secret(settings.secret))
        random_ids = _random_ids()
        self.telemetry = Telemetry(settings.data / "metrics", state=self._state)
        self.dead = build_dead_letters(settings, self.writes, self.telemetry)
        timed = TimedStore(TombstonedStore(self.store, self.tombstones), self.telemetry)
        self.watching = Watching(
            timed, self.writes, settings.write_timeout_ms / 1000, wall_clock, self.telemetry, self.dead,
            private=settings.private_webhooks == "allow", busy=lambda: self.parts.inflight > 0,
        )
        noticed = self.watching.store
        self.parts = Parts(
            None, wall_clock, noticed, self.catalogue_store, self.catalogue,
            Decider(timed, self.catalogue, tokens.seal, lambda: next(random_ids)), tokens,
            KeyRing(settings.data / "keys.json", settings.admin_key, guarded=settings.reachable), self.telemetry, settings,
            self.breaker, self._table,
        )
        self.replays = RedisReplays(self.writes, settings.write_timeout_ms / 1000)
        self.verifiers = verifiers(settings.webhook_keys, HttpsFetch())
        self.identities = build_identities(settings, self.writes, self.names, self.telemetry.identity_refused, self.watching.act, tombstones=self.tombstones)
        consents = RedisConsents(self.writes, settings.write_timeout_ms / 1000)
        self.consents = Consents(noticed, consents, self._gpc)
        self.compaction = RedisCompaction(self.writes, settings.write_timeout_ms / 1000)
        self.sweeper = RedisRetention(self.writes, settings.write_timeout_ms / 1000)
        self.erasure = Erasure(noticed, consents, holdings(self.dead), self.compaction)
        self.spool = FileSpool(settings.data / "spool", settings.spool_mb << 20)
        self._devices = UaDevice()
        self.party = HttpLookup(settings.lookup_hosts)
        self.enricher = Enricher(
            self._enrichments, self._enrich_gates, noticed, RedisLookups(self.writes, settings.write_timeout_ms / 1000), self.party,
            MaxmindGeo(Path(settings.geo_database)) if settings.geo_database else None, self._devices, wall_clock,
            lambda: Breaker(time.monotonic, failures=5, retry_seconds=10.0), self.telemetry.enriched, parse_named(settings.lookup_secrets), hashed_id,
        )
        self.parts.seen, self.parts.forget = self.enricher.seen, self.enricher.forget
        self.ingest = Ingest(
            noticed, self.identities, random_id, hashed_id, self._ingest_gates, self._event_rules, lambda: self.parts.identifiers, self.consents.opt_out,
            spool=self.spool, dead=self.dead, enrichment=self.enricher,
        )
        self.drain = Drain(self.spool, self.ingest, self.dead, self.telemetry, wall_clock)
        self._tally = NOTHING
        self._watchdog = Watchdog()
        self._published: Published | None = None
        self._stamp = 0
        self._loop: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        self._prepared_at = 0
        self.prepare: Callable[[Snapshot], Awaitable[object]] = _nothing

    # -- content ---------------------------------------------------------------------------------------------------

    def compile(self, published: Published) -> Snapshot:
        definitions = load(Path(published.path), self.settings.bounds)
        runtime = OnnxRuntime(definitions.models, Path(published.path) / "models", self._watchdog, dict(published.models), self.telemetry.model)
        for id, why in runtime.problems.items():
            log.warning("model %s is not used: %s", id, why)
        if "user_agent" in definitions.enrich.local.values():
            self._devices.prepare()
        return Snapshot(definitions, runtime)

    async def follow_content(self) -> None:
        """Take the published version over, whole, by one assignment."""
        try:
            stamp = pointer(self.settings.data).stat().st_mtime_ns
        except OSError:
            return
        if stamp == self._stamp:
            return
        self._stamp = stamp
        published = read_current(self.settings.data)
        if published is None:
            return
        if self._published is None or published.version != self._published.version:
            try:
                snapshot = await asyncio.to_thread(self.compile, published)
            except InlayError as error:
                log.error("content %s cannot be served: %s", published.version, error.code)
                return
            await self._prepare(snapshot)
            self.watching.serve(snapshot, await asyncio.to_thread(Watch, snapshot))
            self.parts.snapshot, self.parts.identifiers = snapshot, build_identifiers(self.settings, snapshot.definitions)
            gc.collect()
            gc.freeze()
            with suppress(StoreUnavailable):
                await self.store.save_table(snapshot.version, snapshot.table())
        self._published = self.parts.content_state = published

    # -- what is shared --------------------------------------------------------------------------------------------

    async def follow_store(self) -> None:
        """Items, keys and names as the fleet has them now."""
        with suppress(StoreUnavailable):
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

    async def follow_identities(self) -> None:
        """What was begun and not finished, here or by a server that is gone."""
        with suppress(StoreUnavailable):
            await self.identities.resume(wall_clock())

    async def follow_items(self) -> None:
        """What was rendered ahead shows the items as they are."""
        if self.parts.snapshot is not None and self._prepared_at != self.catalogue.version:
            await self._prepare(self.parts.snapshot)

    async def _prepare(self, snapshot: Snapshot) -> None:
        self._prepared_at = self.catalogue.version
        await self.prepare(snapshot)

    async def start(self) -> None:
        self.catalogue.restore(self.settings.data / "catalogue.msgpack")
        await self.follow_content()
        await self.follow_store()
        await self.follow_items()
        gc.set_threshold(50_000, 20, 100)
        await self._follow_durability()
        await self.spool.adopt()
        self._loop = asyncio.create_task(self._follow())
        self._draining = asyncio.create_task(self._drain())
        self.watching.start()

    async def _follow(self) -> None:
        for tick in count():
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.follow_content()
                await self.follow_store()
                if tick % REDRAW_TICKS == 0:
                    await self.follow_items()
                if tick % 5 == 0:
                    self.parts.telemetry.save()
                    await self.follow_identities()
                    await self.spool.adopt()
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
            found = await durability_of(self.link)
            if found not in ("always", self.parts.durability) and self.settings.durability == "durable":
                log.warning("INLAY_DURABILITY is durable, and this Redis syncs what it acknowledges: %s; a power cut may lose acknowledged events", found)
            self.parts.durability = found

    async def _count_dead(self) -> None:
        with suppress(StoreUnavailable):
            self._tally = await self.dead.tally()

    async def _let_go(self) -> None:
        """Of what was erased, and of what was kept long enough."""
        await self.compaction.work(wall_clock())
        if self.parts.snapshot is not None:
            self.telemetry.let_go(await self.sweeper.turn(self.parts.snapshot.definitions.retention, wall_clock()))

    async def stop(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
        with suppress(StoreUnavailable):
            await self.watching.stop()
        if self._draining is not None:
            self._draining.cancel()
        await self.spool.close()
        self.parts.telemetry.save()
        await self.enricher.close()
        await self.party.close()
        await self.link.close()
        await self.writes.close()

    def _ingest_gates(self) -> tuple[str, ...]:
        return self.parts.snapshot.gates("ingest") if self.parts.snapshot is not None else ()

    def _enrich_gates(self) -> tuple[str, ...]:
        return self.parts.snapshot.gates("enrich") if self.parts.snapshot is not None else ()

    def _enrichments(self) -> Enrichments:
        return self.parts.snapshot.definitions.enrich if self.parts.snapshot is not None else NO_ENRICHMENTS

    def _gpc(self) -> tuple[str, ...]:
        definitions = self.parts.snapshot.definitions if self.parts.snapshot is not None else None
        return tuple(each.purpose for each in definitions.consents.values() if each.gpc) if definitions is not None else ()

    def _event_rules(self) -> EventRules:
        return self.parts.snapshot.event_rules if self.parts.snapshot is not None else _ALL_EVENTS

    def _state(self) -> tuple[dict[str, float], dict[str, str]]:
        """Gauges and infos, as of now."""
        parts, content = self.parts, self.parts.content_state
        troubled = set(parts.snapshot.runtime.troubles()) if parts.snapshot is not None else set[str]()
        troubled |= dict(content.kept).keys() if content is not None else set()
        gauges: dict[str, float] = {
            "inlay_requests_in_flight": parts.inflight, "inlay_store_breaker_open": float(parts.breaker.open),
            "inlay_spool_bytes": self.spool.size,
            "inlay_spool_oldest_seconds": max(0, wall_clock() - self.spool.oldest) / 1000 if self.spool.oldest is not None else 0,
            "inlay_dead_letters_held": self._tally.held, "inlay_dead_letters_trimmed": sum(self._tally.trimmed.values()),
            "inlay_content_problems": len(content.problems) if content is not None else 0, "inlay_models_broken": len(troubled),
        }
        served = {"inlay_content_info": parts.snapshot.version} if parts.snapshot is not None else {}
        return gauges, served | {"inlay_build_info": __version__}

    async def _table(self, version: str) -> Table | None:
        with suppress(StoreUnavailable):
            return await self.store.load_table(version)
        return None


def random_id() -> bytes:
    """What stands for an event without a messageId."""
    return secrets.token_bytes(ID_BYTES)


async def _nothing(_: Snapshot) -> None:
    """For a worker that renders nothing ahead."""


def _random_ids() -> Iterator[str]:
    """Ids of decisions that are not recorded: random once, then counted."""
    prefix = "n" + secrets.token_hex(8)
    return (f"{prefix}{number:x}" for number in count(1))
