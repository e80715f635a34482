"""A `ProfileStore` that keeps the variants of experiments whose unit is the account with the account, in Redis."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from types import CoroutineType
from typing import Any

from app.adapters.redis_link import Command, Link, refusal
from app.domain.caps import Full
from app.domain.decision import Recording
from app.domain.experiments import account_of
from app.domain.profile import Profile
from app.errors import StoreUnavailable
from app.ports import ProfileStore

KEPT_SECONDS = 400 * 86_400
"""How long after the account was last given a variant."""


class SharingStore:
    """`shared` names those experiments. Only where there are any does it ask for accounts: one round trip more, for those who have one."""

    def __init__(self, store: ProfileStore, link: Link, seconds: float, shared: Callable[[], Collection[str]]) -> None:
        self._store = store
        self._link = link
        self._seconds = seconds
        self._shared = shared
        self.apply = store.apply
        self.erase = store.erase
        self.decision = store.decision

    def read(self, key: str, send: str | None = None, *, sends: bool = False) -> CoroutineType[Any, Any, Profile]:
        found = self._store.read(key, send, sends=sends)
        return self._of_one(found, shared) if (shared := self._shared()) else found

    def read_many(self, asked: Sequence[tuple[str, str | None]], *, sends: bool = False) -> CoroutineType[Any, Any, list[Profile]]:
        found = self._store.read_many(asked, sends=sends)
        return self._of_many(found, shared) if (shared := self._shared()) else found

    async def _of_one(self, reading: Awaitable[Profile], shared: Collection[str]) -> Profile:
        return (await self._with_accounts([await reading], shared))[0]

    async def _of_many(self, reading: Awaitable[list[Profile]], shared: Collection[str]) -> list[Profile]:
        return await self._with_accounts(await reading, shared)

    async def _with_accounts(self, found: list[Profile], shared: Collection[str]) -> list[Profile]:
        accounts = [(profile, account) for profile in found if (account := account_of(profile.traits))]
        if accounts:
            kept = await self._sent([("HMGET", _key(account), *shared) for _, account in accounts])
            for (profile, _), values in zip(accounts, kept, strict=True):
                own = {id: value.decode() for id, value in zip(shared, values, strict=True) if value is not None}
                profile.variants = {**{id: stored for id, stored in profile.variants.items() if id not in shared}, **own}
        return found

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | Full | None]:
        shared = self._shared()
        if not shared or not any(each.account for each in recordings):
            return await self._store.record(recordings, now)
        outcomes = await self._store.record([_apart(each, shared) for each in recordings], now)
        commands: list[Command] = []
        for each, outcome in zip(recordings, outcomes, strict=True):
            fresh = [part for id, stored in each.variants.items() if id in shared and stored for part in (id, stored)]
            if outcome is None and each.account and fresh:
                commands += [("HSET", _key(each.account), *fresh), ("EXPIRE", _key(each.account), KEPT_SECONDS)]
        if commands:
            with suppress(StoreUnavailable):  # it is recorded: what the account did not get now it gets with its next decision
                await self._sent(commands)
        return outcomes

    async def _sent(self, commands: Sequence[Command]) -> list[list[bytes | None]]:
        replies = await self._link.pipeline(commands, self._seconds)
        for reply in replies:
            if isinstance(reply, Exception):
                raise refusal(reply)
        return replies


def _apart(recording: Recording, shared: Collection[str]) -> Recording:
    return replace(recording, variants={id: stored for id, stored in recording.variants.items() if id not in shared})


def _key(account: str) -> str:
    return "inlay:account:{" + account + "}"
