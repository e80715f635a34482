"""Everything that is held of a person, wherever it lies: to be told, and to be gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.domain.profile import Profile
from app.domain.trail import Trail
from app.ports import Compaction, ConsentLog, Holding, ProfileStore


class Erasure:
    """`holdings` are the places beside profiles where something of people lies, by their names. Raises `StoreUnavailable`,
    and can then be repeated: the profile, which knows all the names of a person, goes last."""

    def __init__(self, store: ProfileStore, consents: ConsentLog, holdings: Mapping[str, Holding], compaction: Compaction, unlink: Callable[[Trail], Awaitable[None]]) -> None:
        """`unlink` has the decision log forget who somebody was."""
        self._store = store
        self._consents = consents
        self._holdings = holdings
        self._compaction = compaction
        self._unlink = unlink

    async def held(self, key: str, profile: Profile) -> dict[str, list[Any]]:
        """What lies beside the profile, by the name of the place."""
        trail = Trail.of(key, profile)
        return {name: await holding.held(trail) for name, holding in self._holdings.items()}

    async def erase(self, key: str, now: int) -> dict[str, int]:
        """How much went, by the name of the place. Nobody who was erased comes back: see `Tombstones`."""
        profile = await self._store.read(key)
        trail = Trail.of(key, profile)
        found = {name: await holding.forget(trail) for name, holding in self._holdings.items()}
        found["consents"] = await self._consents.forget(trail.keys)
        await self._unlink(trail)
        found["profiles"] = int(profile.known and not profile.erased)
        await self._store.erase(key, now)
        await self._compaction.ask(now)
        return found
