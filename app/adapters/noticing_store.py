"""A `ProfileStore` that has everybody looked at to whom it applies something."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import TypeVar

from app.domain.change import Applied, Change
from app.domain.whole import Filed
from app.errors import StoreUnavailable
from app.live.notes import Notices, Writes
from app.ports import IdentityStore, ProfileStore

Done = TypeVar("Done")


class NoticingStore:
    """Sets a timer before, over the same connection, and notices after."""

    def __init__(self, store: ProfileStore, act: Notices) -> None:
        self._store = store
        self._act = act
        self.read = store.read
        self.read_many = store.read_many
        self.record = store.record
        self.decision = store.decision

    async def apply(self, writes: Sequence[tuple[str, Sequence[Change]]], now: int, *, until: int = 0) -> list[Applied]:
        return await noticed(self._act, writes, now, self._store.apply(writes, now, until=until))

    async def erase(self, key: str, now: int) -> frozenset[str]:
        profile = await self._store.read(key)
        keys = {key, profile.key or key, *(identity.key for identity in profile.identities)}
        return await noticed(self._act, [(each, ()) for each in sorted(keys)], now, self._store.erase(key, now))


class NoticingIdentities:
    """An `IdentityStore` that has those looked at who become others, or of whom something passes to others."""

    def __init__(self, store: IdentityStore, act: Notices) -> None:
        self._store = store
        self._act = act
        self.load = store.load
        self.note = store.note
        self.done = store.done
        self.noted = store.noted

    async def replace(self, seen: Filed, filed: Filed) -> bool:
        return await noticed(self._act, [(filed.key, ())], self._act.now, self._store.replace(seen, filed))


async def noticed(act: Notices, writes: Writes, now: int, doing: Awaitable[Done]) -> Done:
    """Do it, with a timer set before and a look after."""
    noting = act.note(writes, now)
    try:
        done = await doing
    except BaseException:
        if noting is not None:
            with suppress(StoreUnavailable):
                await noting.written
        raise
    if noting is not None:
        await noting.written
        act.notice(noting)
    return done
