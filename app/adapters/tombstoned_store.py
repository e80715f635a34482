"""A `ProfileStore` that stands before another and lets nobody who was erased come back.

The store behind marks an erased profile for some seconds, so that no write which is under way slips through; that mark
names it. From then on the tombstones know it, by a hash that names nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.caps import Full
from app.domain.change import Applied, Change
from app.domain.decision import Recording
from app.domain.profile import Profile
from app.domain.whole import Filed
from app.ports import IdentityStore, ProfileStore, Tombstones

GONE = Applied((), erased=True)


class TombstonedStore:
    def __init__(self, store: ProfileStore, tombstones: Tombstones) -> None:
        self._store = store
        self._gone = tombstones

    async def read(self, key: str, send: str | None = None, *, sends: bool = False) -> Profile:
        profile = await self._store.read(key, send, sends=sends)
        return profile if profile.known else self._told(key, profile)

    async def read_many(self, asked: Sequence[tuple[str, str | None]], *, sends: bool = False) -> list[Profile]:
        found = await self._store.read_many(asked, sends=sends)
        return [profile if profile.known else self._told(key, profile) for (key, _), profile in zip(asked, found, strict=True)]

    def _told(self, key: str, profile: Profile) -> Profile:
        """Somebody of whom nothing is known."""
        if self._gone.holds(key):
            profile.erased = True
        return profile

    async def apply(self, writes: Sequence[tuple[str, Sequence[Change]]], now: int, *, until: int = 0) -> list[Applied]:
        await self._gone.follow()
        living = [write for write in writes if not self._gone.holds(write[0])]
        applied = iter(await self._store.apply(living, now, until=until))
        if len(living) == len(writes):
            return list(applied)
        return [GONE if self._gone.holds(key) else next(applied) for key, _ in writes]

    async def erase(self, key: str, now: int) -> frozenset[str]:
        gone = await self._store.erase(key, now)
        await self._gone.add(gone)
        return gone

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | Full | None]:
        living = [each for each in recordings if not self._gone.holds(each.key)]
        found = iter(await self._store.record(living, now) if living else [])
        return [None if self._gone.holds(each.key) else next(found) for each in recordings]

    async def decision(self, key: str, send: str) -> bytes | None:
        return await self._store.decision(key, send)


class TombstonedIdentities:
    """An `IdentityStore` that stands before another: nobody is linked to who was erased."""

    def __init__(self, store: IdentityStore, tombstones: Tombstones) -> None:
        self._store = store
        self._gone = tombstones

    async def load(self, key: str) -> Filed:
        await self._gone.follow()
        return Filed(key, erased=True) if self._gone.holds(key) else await self._store.load(key)

    async def replace(self, seen: Filed, filed: Filed) -> bool:
        return not self._gone.holds(filed.key) and await self._store.replace(seen, filed)

    async def note(self, entry: Sequence[str], now: int) -> None:
        await self._store.note(entry, now)

    async def done(self, entry: Sequence[str]) -> None:
        await self._store.done(entry)

    async def noted(self) -> dict[tuple[str, ...], int]:
        return await self._store.noted()
