"""What the web layer is made of; `wiring` fills it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from app.content.published import Published
from app.content.snapshot import Snapshot
from app.decide import Decider
from app.domain.identity import Identifiers
from app.errors import Overloaded, Starting
from app.ports import Catalogue, CatalogueStore, Circuit, Clock, ProfileStore
from app.security.tokens import Tokens
from app.telemetry import Telemetry
from app.web.auth import KeyRing


class Limits(Protocol):
    """What the web layer reads of the settings."""

    @property
    def max_inflight(self) -> int: ...
    @property
    def deadline_esp_ms(self) -> int: ...
    @property
    def deadline_amp_ms(self) -> int: ...
    @property
    def page_events_per_second(self) -> int: ...
    @property
    def trusted_proxies(self) -> tuple[str, ...]: ...
    @property
    def email_in_url(self) -> Literal["refuse", "allow"]: ...
    @property
    def amp_senders(self) -> tuple[str, ...]: ...
    @property
    def demo(self) -> bool: ...


class LogReader(Protocol):
    """What the decision log says of single decisions."""

    async def told(self, key: str, send: str, at: int) -> Mapping[str, Any]:
        """Of the decision of a (profile key, send) that was recorded at that instant: `placements`, `features`, `why`,
        `outcomes` and what else is known; `missing` says why there is nothing."""
        ...


def _nothing(_: str) -> None:
    """Where nothing is learned of people."""


async def _nothing_of(_: str) -> None:
    """Where nothing else is held of people than in the store."""


@dataclass(slots=True)
class Parts:
    """One worker's working parts. `snapshot` is replaced whole by a reload: take it once per request."""

    snapshot: Snapshot | None
    clock: Clock
    store: ProfileStore
    catalogue_store: CatalogueStore
    catalogue: Catalogue
    decider: Decider
    tokens: Tokens
    keys: KeyRing
    telemetry: Telemetry
    settings: Limits
    breaker: Circuit
    log: LogReader
    identifiers: Identifiers = field(default_factory=Identifiers)
    durability: str = "unknown"
    content_state: Published | None = None
    seen: Callable[[str], None] = _nothing
    """Told of each person a decision was taken for."""
    forget: Callable[[str], Awaitable[None]] = _nothing_of
    """Told of each person who is about to be erased."""
    store_away: bool = False
    """Whether the store did not serve when it was last looked at: it may answer, and still be loading its data."""
    stopping: bool = False
    inflight: int = 0
    latest: int = 0
    """The latest of `instant`."""

    def instant(self) -> int:
        """The clock, and later than whatever this gave before: of what is said of a person one call after the other the latest
        holds, even within one millisecond."""
        self.latest = max(self.clock(), self.latest + 1)
        return self.latest

    def admit(self, *, urgent: bool = True) -> None:
        """`Overloaded` where too much is in flight; what can wait is turned away at half of it."""
        limit = self.settings.max_inflight
        if self.inflight > (limit if urgent else max(1, limit // 2)):
            raise Overloaded("too many requests in flight; try again")


def current(parts: Parts) -> Snapshot:
    """The content that is served; `Starting` before the first."""
    if parts.snapshot is None:
        raise Starting("no content yet")
    return parts.snapshot
