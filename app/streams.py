"""Settings -> a consumer of a stream."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.adapters.breaker import Breaker
from app.adapters.fenced_store import FencedStore
from app.adapters.reacting_store import ReactingStore
from app.adapters.redis_checkpoints import RedisCheckpoints
from app.adapters.redis_cluster import link_to
from app.adapters.redis_consents import RedisConsents
from app.adapters.redis_leases import RedisLeases
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.noticing_store import NoticingStore
from app.adapters.redis_source import RedisSource, shards
from app.adapters.redis_stocks import RedisStocks
from app.adapters.redis_timers import RedisTimers
from app.adapters.timed_store import TimedStore
from app.consents import Consents
from app.consume import Consumer
from app.content.event_rules import EventRules
from app.content.limits import Limits
from app.domain.bandits import Bandit
from app.domain.event import empty
from app.domain.identity import Identifiers
from app.formats.messages import Format
from app.ingest import Ingest
from app.intake import Intake, Taken
from app.live.notes import Herald
from app.ports import EventSource, Synced
from app.reserving import holder_of
from app.settings import Settings, kafka_settings
from app.shares import LEASE_MILLISECONDS, Shares, Tenure
from app.telemetry import Telemetry
from app.wiring import build_dead_letters, build_identities, build_rewards, build_store, hashed_id, random_id, wall_clock
from app.wiring.sinks import extra


@dataclass(frozen=True, slots=True)
class Consumption:
    """What is consumed, and how: `kind` is redis, kafka or kinesis, `begin` where a group starts that is new."""

    kind: str
    stream: str
    shards: int = 1
    group: str = "inlay"
    begin: Literal["start", "end"] = "start"
    format: Format = "auto"
    most: int = 2_000
    after_loss: Literal["stop", "continue"] = "stop"
    lease_milliseconds: int = LEASE_MILLISECONDS


@dataclass(frozen=True, slots=True)
class Rules:
    """What the content says of events that come in: purposes that gate them, how each type is declared, and how those are
    filed that name people."""

    gates: Sequence[str]
    events: EventRules
    identifiers: Identifiers
    bandits: Mapping[str, Bandit] = field(default_factory=empty)
    noticed: frozenset[str] | None = None
    """The events that triggers wait for; None where there are neither segments nor triggers."""
    gpc: Sequence[str] = ()
    """The purposes that Global Privacy Control denies."""
    limits: Limits | None = None


def build_consumer(
    settings: Settings, link: Link, wanted: Consumption, telemetry: Telemetry, told: Callable[[Taken], None], rules: Callable[[], Rules],
    synced: Synced | None = None,
) -> Consumer:
    """A consumer whose every write to the profiles is done under the lease of its partition, and waited for before a commit."""
    member = secrets.token_hex(8)
    names = Names(link)
    herald = Herald(RedisTimers(link, settings.write_timeout_ms / 1000), wall_clock, lambda: rules().noticed)
    stocks = RedisStocks(link, settings.write_timeout_ms / 1000)
    counted = ReactingStore(TimedStore(build_store(settings, link, names), telemetry), stocks, holder_of(settings.identity_key), lambda: rules().limits)
    store = NoticingStore(counted, herald)
    identities = build_identities(settings, link, names, telemetry.identity_refused, herald)
    dead = build_dead_letters(settings, link, telemetry)
    rewards = build_rewards(settings, link, store, lambda: rules().bandits, telemetry)
    source = _SOURCES[wanted.kind](settings, link, wanted, member)

    def taking(tenure: Tenure) -> Intake:
        fenced = FencedStore(store, lambda: tenure.until)
        consents = Consents(fenced, RedisConsents(link, settings.write_timeout_ms / 1000), lambda: rules().gpc)
        ingest = Ingest(
            fenced, identities, random_id, hashed_id, lambda: rules().gates, lambda: rules().events, lambda: rules().identifiers, consents.opt_out,
            synced=synced, rewards=rewards,
        )
        return Intake(ingest, dead, wall_clock, told, source=wanted.kind, format=wanted.format)

    shares = Shares(RedisLeases(link), f"{wanted.kind}:{wanted.stream}:{wanted.group}", member, wanted.lease_milliseconds)
    return Consumer(
        source, shares, taking, lambda _, lost: telemetry.lost(wanted.kind, max(lost, 1)), most=wanted.most, after_loss=wanted.after_loss,
    )


def _redis_source(settings: Settings, link: Link, wanted: Consumption, member: str) -> EventSource:
    streams = link_to(settings.stream_url, Breaker(time.monotonic), read_seconds=2.0, connect_seconds=10.0) if settings.stream_url else link
    return RedisSource(streams, shards(wanted.stream, wanted.shards), wanted.group, member, begin=wanted.begin)


def _kafka_source(settings: Settings, link: Link, wanted: Consumption, member: str) -> EventSource:
    with extra("kafka"):
        from app.adapters.kafka_source import KafkaSource
    return KafkaSource(kafka_settings(os.environ), wanted.stream, wanted.group, begin=wanted.begin)


def _kinesis_source(settings: Settings, link: Link, wanted: Consumption, member: str) -> EventSource:
    with extra("kinesis"):
        from app.adapters.kinesis_source import KinesisSource, kinesis_client
    checkpoints = RedisCheckpoints(link, settings.write_timeout_ms / 1000)
    return KinesisSource(kinesis_client(os.environ.get("AWS_REGION")), checkpoints, wanted.stream, wanted.group, begin=wanted.begin)


_SOURCES: dict[str, Callable[[Settings, Link, Consumption, str], EventSource]] = {
    "redis": _redis_source, "kafka": _kafka_source, "kinesis": _kinesis_source,
}
SOURCES = tuple(_SOURCES)
