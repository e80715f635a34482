"""A `ProfileStore` that answers a write once it is on the disk."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.change import Applied, Change
from app.ports import ProfileStore, Synced


class SyncedStore:
    """For single writes. A batch is better written first, and waited for once."""

    def __init__(self, store: ProfileStore, synced: Synced) -> None:
        self._store = store
        self._synced = synced
        self.read = store.read
        self.read_many = store.read_many
        self.record = store.record
        self.decision = store.decision

    async def apply(self, writes: Sequence[tuple[str, Sequence[Change]]], now: int, *, until: int = 0) -> list[Applied]:
        applied = await self._store.apply(writes, now, until=until)
        await self._synced()
        return applied

    async def erase(self, key: str, now: int) -> frozenset[str]:
        gone = await self._store.erase(key, now)
        await self._synced()
        return gone
