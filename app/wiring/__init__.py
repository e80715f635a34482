"""Settings -> working parts. The only package that names concrete adapters."""

from __future__ import annotations

from app.domain.event import hashed_id
from app.wiring.stores import (
    build_dead_letters, build_identifiers, build_identities, build_profiles, build_rewards, build_store, holdings, random_id, wall_clock,
)
from app.wiring.worker import Worker

__all__ = [
    "Worker", "build_dead_letters", "build_identifiers", "build_identities", "build_profiles", "build_rewards", "build_store", "hashed_id",
    "holdings", "random_id", "wall_clock",
]
