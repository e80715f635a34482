"""A `ProfileStore` that measures the one it stands before."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from app.domain.caps import Full
from app.domain.change import Applied, Change
from app.domain.decision import Recording
from app.domain.profile import Profile
from app.errors import StoreUnavailable
from app.ports import ProfileStore
from app.telemetry import Telemetry


class TimedStore:
    """Every call is timed as its caller experiences it, waiting and failing included; failures are counted by code."""

    def __init__(self, store: ProfileStore, telemetry: Telemetry) -> None:
        self._store = store
        self._telemetry = telemetry

    async def read(self, key: str, send: str | None = None, *, sends: bool = False) -> Profile:
        with _Timed(self._telemetry, "read"):
            return await self._store.read(key, send, sends=sends)

    async def read_many(self, asked: Sequence[tuple[str, str | None]], *, sends: bool = False) -> list[Profile]:
        with _Timed(self._telemetry, "read"):
            return await self._store.read_many(asked, sends=sends)

    async def apply(self, writes: Sequence[tuple[str, Sequence[Change]]], now: int, *, until: int = 0) -> list[Applied]:
        with _Timed(self._telemetry, "apply"):
            return await self._store.apply(writes, now, until=until)

    async def erase(self, key: str, now: int) -> frozenset[str]:
        with _Timed(self._telemetry, "erase"):
            return await self._store.erase(key, now)

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | Full | None]:
        with _Timed(self._telemetry, "record"):
            return await self._store.record(recordings, now)

    async def decision(self, key: str, send: str) -> bytes | None:
        with _Timed(self._telemetry, "decision"):
            return await self._store.decision(key, send)


class _Timed:
    __slots__ = ("_begun", "_operation", "_telemetry")

    def __init__(self, telemetry: Telemetry, operation: str) -> None:
        self._telemetry = telemetry
        self._operation = operation
        self._begun = perf_counter()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._telemetry.store(self._operation, perf_counter() - self._begun)
        if isinstance(error, StoreUnavailable):
            self._telemetry.store_failed(self._operation, error.code)
