"""What the web layer is made of; `wiring.py` fills it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.content.snapshot import Snapshot
from app.decide import Decider
from app.errors import Overloaded, Starting
from app.ports import CatalogueStore, Clock, ProfileStore
from app.security.tokens import Tokens


@dataclass(slots=True)
class Parts:
    """One worker's working parts. `snapshot` is replaced whole by a reload: take it once per request."""

    snapshot: Snapshot | None
    clock: Clock
    store: ProfileStore
    catalogue_store: CatalogueStore
    catalogue: Any
    decider: Decider
    tokens: Tokens
    keys: Any
    telemetry: Any
    settings: Any
    breaker: Any
    load_table: Callable[[str], Any]
    content_state: Any = None
    stopping: bool = False
    inflight: int = 0

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
