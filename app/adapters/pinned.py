"""A connection to an address that was looked at, and to nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any, cast

import httpcore

from app.adapters.http_lookup import Address, Resolve
from app.errors import LookupFailed

MAX_ADDRESSES = 3


class Pinned(httpcore.AsyncNetworkBackend):
    """httpcore's network, where every address of a name is judged before one is connected to."""

    def __init__(self, resolve: Resolve, permitted: Callable[[Address], bool]) -> None:
        self._resolve = resolve
        self._permitted = permitted
        self._inner: httpcore.AsyncNetworkBackend = cast(httpcore.AsyncNetworkBackend, httpcore.AnyIOBackend())

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = [ip_address(text.partition("%")[0]) for text in await self._resolve(host, port)]
        except (OSError, UnicodeError, ValueError) as error:
            raise LookupFailed("has no address", code="unresolved") from error
        if not addresses:
            raise LookupFailed("has no address", code="unresolved")
        if not all(map(self._permitted, addresses)):
            raise LookupFailed("has a private address", code="private")
        return await self._first(addresses[:MAX_ADDRESSES], port, timeout, local_address, socket_options)

    async def _first(self, addresses: list[Address], port: int, *how: Any) -> httpcore.AsyncNetworkStream:
        """The connection to the first that answers."""
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(str(address), port, *how)
            except httpcore.ConnectError:
                continue
        return await self._inner.connect_tcp(str(addresses[-1]), port, *how)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)
