"""What commands and servers alike are made of."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping

from app.adapters.noticing_store import NoticingIdentities
from app.adapters.redis_bandits import RedisBandits
from app.adapters.redis_dead_letters import RedisDeadLetters
from app.adapters.redis_identities import RedisIdentities
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_outgoing import RedisOutgoing
from app.adapters.redis_stocks import RedisStocks
from app.adapters.redis_store import RedisStore
from app.adapters.redis_tombstones import RedisTombstones
from app.adapters.redis_watched import RedisMemberships, RedisWaiting
from app.adapters.spool_holding import SpoolHolding
from app.adapters.tombstoned_store import TombstonedIdentities, TombstonedStore
from app.domain.bandits import Bandit
from app.domain.definitions import Definitions
from app.domain.event import ID_BYTES
from app.domain.identity import Identifiers
from app.identities import Identities
from app.live.notes import Notices
from app.ports import Holding, ProfileStore, Tombstones
from app.rewards import Rewards
from app.security.tokens import Tokens
from app.settings import Settings, parse_secret
from app.telemetry import Telemetry
from app.voiding import Overruling


def wall_clock() -> int:
    return time.time_ns() // 1_000_000


def random_id() -> bytes:
    """What stands for an event without a messageId."""
    return secrets.token_bytes(ID_BYTES)


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
    told = Overruling(build_profiles(settings, link, names), RedisStocks(link, seconds))
    return Identities(store if notices is None else NoticingIdentities(store, notices), limit=settings.max_identities, refused=refused, told=told)


def build_identifiers(settings: Settings, definitions: Definitions) -> Identifiers:
    return Identifiers(definitions.identities, settings.identity_key)


def build_rewards(settings: Settings, link: Link, profiles: ProfileStore, bandits: Callable[[], Mapping[str, Bandit]], telemetry: Telemetry | None = None) -> Rewards:
    """`settings` with their secret: rewards name decisions by ids that it sealed."""
    told = telemetry.rewarded if telemetry is not None else _untold
    return Rewards(RedisBandits(link, settings.write_timeout_ms / 1000), profiles, Tokens(parse_secret(settings.secret)).open, bandits, told)


def _untold(_bandit: str, _outcome: str) -> None:
    """For a command, which is counted by nobody."""


def build_dead_letters(settings: Settings, link: Link, telemetry: Telemetry | None = None) -> RedisDeadLetters:
    told = [telemetry.dead_letter] if telemetry is not None else []
    return RedisDeadLetters(link, settings.dead_letters_mb << 20, settings.write_timeout_ms / 1000, *told)


def holdings(settings: Settings, link: Link, dead: Holding) -> dict[str, Holding]:
    """Every place beside profiles where something of people lies. The spool comes first: what is in it passes on to others."""
    seconds = settings.write_timeout_ms / 1000
    return {
        "spool": SpoolHolding(settings.data / "spool"), "memberships": RedisMemberships(link, seconds), "triggers": RedisWaiting(link, seconds),
        "outgoing": RedisOutgoing(link, seconds), "dead_letters": dead,
    }
