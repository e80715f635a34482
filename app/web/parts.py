"""What the web layer is made of; `wiring.py` fills it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.content.snapshot import Snapshot
from app.decide import Decider
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
