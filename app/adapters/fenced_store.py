"""A `ProfileStore` whose writes are done under a lease."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.domain.caps import Full
from app.domain.change import Applied, Change
from app.domain.decision import Recording
from app.domain.profile import Profile
from app.ports import ProfileStore


class FencedStore:
    """Changes that come after `until()`, the end of the lease as it is known when they are sent, raise `LeaseLost`."""

    def __init__(self, store: ProfileStore, until: Callable[[], int]) -> None:
        self._store = store
        self._until = until

    async def read(self, key: str, send: str | None = None, *, sends: bool = False) -> Profile:
        return await self._store.read(key, send, sends=sends)

    async def read_many(self, asked: Sequence[tuple[str, str | None]], *, sends: bool = False) -> list[Profile]:
        return await self._store.read_many(asked, sends=sends)

    async def apply(self, writes: Sequence[tuple[str, Sequence[Change]]], now: int, *, until: int = 0) -> list[Applied]:
        return await self._store.apply(writes, now, until=until or self._until())

    async def erase(self, key: str, now: int) -> frozenset[str]:
        return await self._store.erase(key, now)

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | Full | None]:
        return await self._store.record(recordings, now)

    async def decision(self, key: str, send: str) -> bytes | None:
        return await self._store.decision(key, send)
