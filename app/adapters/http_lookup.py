"""Asking a third party over HTTP: only hosts that are listed, never a private address, no redirect, little time and little to read.

A name is resolved once, every address that it has is looked at, and the connection goes to exactly the one that was: a name
that answers differently a moment later (DNS rebinding) changes nothing. TLS is still checked against the name.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, cast
from urllib.parse import urlsplit

import httpcore
import msgspec

from app.errors import LookupFailed

MAX_BYTES = 64 << 10
MAX_CONNECTIONS = 20
MAX_ADDRESSES = 3
Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""`resolve(host, port)`: its addresses, in the order in which they are tried."""


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet's own: not of this machine, its network, its cloud, or anything reserved."""
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if mapped is not None:
        return is_public(mapped)
    teredo = getattr(address, "teredo", None)
    return address.is_global and not address.is_multicast and not address.is_reserved and teredo is None and not _translated(address)


def _translated(address: Address) -> bool:
    """NAT64: an IPv4 address, of whatever kind, in IPv6's clothes."""
    return isinstance(address, IPv6Address) and (int(address) >> 32) in (0x64FF9B << 64, 0x64FF9B0001 << 48)


async def system_resolve(host: str, port: int) -> list[str]:
    rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(row[4][0]) for row in rows]


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to an address that was looked at, and to nothing else."""

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


class HttpLookup:
    """`ThirdParty` over HTTP/1.1 with kept connections. `hosts` are those that may be asked, `name` or `name:port`."""

    def __init__(
        self, hosts: Collection[str], resolve: Resolve = system_resolve, permitted: Callable[[Address], bool] = is_public,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts = frozenset(each.lower() for each in hosts)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust or ssl.create_default_context(), max_connections=MAX_CONNECTIONS, keepalive_expiry=30.0,
            network_backend=_Pinned(resolve, permitted),
        )

    async def ask(self, url: str, headers: Mapping[str, str], seconds: float) -> Any:
        """The JSON of a 200; None for a 404 or 410, where nothing is known. `LookupFailed` for anything else; its code is one of
        `not_listed unresolved private unreachable timeout status redirect too_large not_json`, and neither it nor its cause is
        told the address, which is about a person."""
        self._listed(url)
        try:
            async with asyncio.timeout(seconds):
                status, body = await self._answer(url, headers)
        except TimeoutError:
            raise LookupFailed("does not answer in time", code="timeout") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.UnsupportedProtocol, OSError):
            raise LookupFailed("cannot be reached, or speaks no HTTP", code="unreachable") from None
        return _read(status, body)

    async def close(self) -> None:
        await self._pool.aclose()

    def _listed(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if host not in self._hosts and f"{host}:{parts.port}" not in self._hosts:
            raise LookupFailed("is not among INLAY_LOOKUP_HOSTS", code="not_listed")

    async def _answer(self, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        given = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "Inlay", **headers}
        async with self._pool.stream("GET", url, headers=[*given.items()]) as answer:
            body = b""
            async for part in answer.aiter_stream():
                body += part
                if len(body) > MAX_BYTES:
                    raise LookupFailed(f"sends more than {MAX_BYTES:,} bytes", code="too_large")
            return answer.status, body


def _read(status: int, body: bytes) -> Any:
    if status in (404, 410):
        return None
    if 300 <= status < 400:
        raise LookupFailed("answers with a redirect, which is not followed", code="redirect")
    if status != 200:
        raise LookupFailed(f"answers {status}", code="status")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise LookupFailed("answers with what is no JSON", code="not_json") from None
