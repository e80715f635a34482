"""Asking a third party over HTTP: only hosts that are listed, never a private address, no redirect, little time and little to read.

A name is resolved once, every address that it has is looked at, and the connection goes to exactly the one that was: a name
that answers differently a moment later (DNS rebinding) changes nothing. TLS is still checked against the name.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from app.errors import LookupFailed

if TYPE_CHECKING:
    import httpcore

MAX_BYTES = 64 << 10
MAX_PICTURE, PICTURE_SECONDS = 4 << 20, 5.0
MAX_CONNECTIONS = 20
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


def pool_of(resolve: Resolve, permitted: Callable[[Address], bool], trust: ssl.SSLContext | None) -> httpcore.AsyncConnectionPool:
    """Connections that are kept, to addresses that were looked at."""
    import httpcore

    from app.adapters.pinned import Pinned

    return httpcore.AsyncConnectionPool(
        ssl_context=trust or ssl.create_default_context(), max_connections=MAX_CONNECTIONS, keepalive_expiry=30.0, network_backend=Pinned(resolve, permitted),
    )


class HttpLookup:
    """`ThirdParty` over HTTP/1.1 with kept connections. `hosts` are those that may be asked, `name` or `name:port`. The
    client is loaded with the first question: most servers never ask one, and it weighs 5 MB."""

    def __init__(
        self, hosts: Collection[str], resolve: Resolve = system_resolve, permitted: Callable[[Address], bool] = is_public,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts = frozenset(each.lower() for each in hosts)
        self._resolve, self._permitted, self._trust = resolve, permitted, trust
        self._kept: httpcore.AsyncConnectionPool | None = None

    def _pool(self) -> httpcore.AsyncConnectionPool:
        if self._kept is None:
            self._kept = pool_of(self._resolve, self._permitted, self._trust)
        return self._kept

    async def ask(self, url: str, headers: Mapping[str, str], seconds: float) -> Any:
        """The JSON of a 200; None for a 404 or 410, where nothing is known. `LookupFailed` for anything else; its code is one of
        `not_listed unresolved private unreachable timeout status redirect too_large not_json`, and neither it nor its cause is
        told the address, which is about a person."""
        self._listed(url)
        import httpcore

        try:
            async with asyncio.timeout(seconds):
                status, body = await self._answer(url, headers)
        except TimeoutError:
            raise LookupFailed("does not answer in time", code="timeout") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.UnsupportedProtocol, OSError):
            raise LookupFailed("cannot be reached, or speaks no HTTP", code="unreachable") from None
        return _read(status, body)

    async def close(self) -> None:
        if self._kept is not None:
            await self._kept.aclose()

    def _listed(self, url: str) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if host not in self._hosts and f"{host}:{parts.port}" not in self._hosts:
            raise LookupFailed("is not among INLAY_LOOKUP_HOSTS", code="not_listed")

    async def _answer(self, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        given = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "Inlay", **headers}
        async with self._pool().stream("GET", url, headers=[*given.items()]) as answer:
            body = b""
            async for part in answer.aiter_stream():
                body += part
                if len(body) > MAX_BYTES:
                    raise LookupFailed(f"sends more than {MAX_BYTES:,} bytes", code="too_large")
            return answer.status, body


class HttpPictures:
    """`PictureSource` over https, of public addresses alone; who may be asked is the caller's to say."""

    def __init__(self, resolve: Resolve = system_resolve, permitted: Callable[[Address], bool] = is_public, trust: ssl.SSLContext | None = None) -> None:
        self._how = resolve, permitted, trust
        self._kept: httpcore.AsyncConnectionPool | None = None

    async def read(self, url: str) -> bytes:
        if not url.startswith("https://"):
            raise LookupFailed("is not asked without TLS", code="not_listed")
        import httpcore

        if self._kept is None:
            self._kept = pool_of(*self._how)
        headers = [("accept", "image/*"), ("accept-encoding", "identity"), ("user-agent", "Inlay")]
        try:
            async with asyncio.timeout(PICTURE_SECONDS), self._kept.stream("GET", url, headers=headers) as answer:
                found = b""
                async for part in answer.aiter_stream():
                    found += part
                    if len(found) > MAX_PICTURE or answer.status != 200:
                        raise LookupFailed(f"answers {answer.status}, or more than {MAX_PICTURE:,} bytes", code="status")
        except TimeoutError:
            raise LookupFailed("does not answer in time", code="timeout") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.UnsupportedProtocol, OSError):
            raise LookupFailed("cannot be reached, or speaks no HTTP", code="unreachable") from None
        if answer.status != 200:
            raise LookupFailed(f"answers {answer.status}", code="status")
        return found

    async def close(self) -> None:
        if self._kept is not None:
            await self._kept.aclose()


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
