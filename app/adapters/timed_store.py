"""A `ProfileStore` that measures the one it stands before."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from time import perf_counter
from types import CoroutineType
from typing import Any, TypeVar

from app.domain.caps import Full
from app.domain.change import Applied, Change
from app.domain.decision import Recording
from app.domain.profile import Profile
from app.errors import StoreUnavailable
from app.ports import ProfileStore
from app.telemetry import Telemetry

T = TypeVar("T")


class TimedStore:
    """Every call is timed as its caller experiences it, waiting and failing included; failures are counted by code."""

    def __init__(self, store: ProfileStore, telemetry: Telemetry) -> None:
        self._store = store
        self._telemetry = telemetry

    def read(self, key: str, send: str | None = None, *, sends: bool = False) -> CoroutineType[Any, Any, Profile]:
        return self._timed("read", self._store.read(key, send, sends=sends))

    def read_many(self, asked: Sequence[tuple[str, str | None]], *, sends: bool = False) -> CoroutineType[Any, Any, list[Profile]]:
        return self._timed("read", self._store.read_many(asked, sends=sends))

    def apply(self, writes: Sequence[tuple[str, Sequence[Change]]], now: int, *, until: int = 0) -> CoroutineType[Any, Any, list[Applied]]:
        return self._timed("apply", self._store.apply(writes, now, until=until))

    def erase(self, key: str, now: int) -> CoroutineType[Any, Any, frozenset[str]]:
        return self._timed("erase", self._store.erase(key, now))

    def record(self, recordings: Sequence[Recording], now: int) -> CoroutineType[Any, Any, list[bytes | Full | None]]:
        return self._timed("record", self._store.record(recordings, now))

    def decision(self, key: str, send: str) -> CoroutineType[Any, Any, bytes | None]:
        return self._timed("decision", self._store.decision(key, send))

    async def _timed(self, operation: str, call: Awaitable[T]) -> T:
        begun = perf_counter()
        try:
            return await call
        except StoreUnavailable as error:
            self._telemetry.store_failed(operation, error.code)
            raise
        finally:
            self._telemetry.store(operation, perf_counter() - begun)
