"""Who may call, what was taken already, and whether a store answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class KeyStore(Protocol):
    """API keys, as SHA-256 hashes. Raises `StoreUnavailable`."""

    async def put(self, id: str, entry: Mapping[str, Any]) -> None: ...

    async def revoke(self, id: str) -> bool: ...

    async def all(self) -> dict[str, dict[str, Any]] | None:
        """id -> entry; empty where all were revoked, None where no key was ever made, or the store lost them."""
        ...


class Replays(Protocol):
    """What was taken and must not be taken again, as the whole fleet knows it. Raises `StoreUnavailable`."""

    async def seen(self, once: bytes) -> bool: ...

    async def remember(self, once: bytes, seconds: int) -> None:
        """From now on it is seen, for at least that long."""
        ...


class Fetch(Protocol):
    async def __call__(self, url: str) -> bytes:
        """What lies at an https address: at most 64 KiB, within seconds, without following a redirect. `Unreachable` for
        anything else than a 200."""
        ...


class Circuit(Protocol):
    @property
    def open(self) -> bool:
        """True while calls to the store fail at once, without being tried."""
        ...
