"""Calling webhooks: a name is resolved once, and the address that was judged is the one connected to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.domain.message import Outgoing
from app.domain.triggers import Webhook
from app.errors import SinkRefused, SinkUnavailable
from app.ports import Clock
from app.security.outgoing import keys_of, signed

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 5.0
GONE = 410
DAY = 86_400_000


class HttpxWebhooks:
    """An `EventSink` for each webhook, over one client. `environment` holds their secrets. Follows no redirect, and calls no
    address that is not public unless `private`."""

    def __init__(self, environment: Mapping[str, str], clock: Clock, *, private: bool) -> None:
        self._environment = environment
        self._clock = clock
        self._private = private
        self._client: httpx.AsyncClient | None = None

    def sink(self, webhook: Webhook) -> HttpxWebhook:
        return HttpxWebhook(self, webhook)

    async def call(self, webhook: Webhook, message: Outgoing) -> None:
        try:
            keys = keys_of(self._environment.get(webhook.secret, ""))
        except ValueError as error:
            raise SinkUnavailable(f"{webhook.secret}: {error}") from error
        import httpx  # 4 MB that few servers ever need

        headers = {**message.headers, **signed(keys, message.id, self._clock() // 1000, message.body), "idempotency-key": message.id, "user-agent": "Inlay"}
        try:
            async with asyncio.timeout(webhook.timeout / 1000):
                answer = await self._post(webhook, headers, message.body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise SinkUnavailable(f"{webhook.id} does not answer: {type(error).__name__}") from error
        if answer.status_code == GONE:
            raise SinkRefused(f"{webhook.id} answers {GONE}")
        if not answer.is_success:
            raise SinkUnavailable(f"{webhook.id} answers {answer.status_code}", wait=_wait(answer))

    async def _post(self, webhook: Webhook, headers: dict[str, str], body: bytes) -> httpx.Response:
        import httpx

        url = httpx.URL(webhook.url)
        address = await self._resolved(webhook.id, url)
        if self._client is None:
            limits = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=30)
            self._client = httpx.AsyncClient(follow_redirects=False, timeout=httpx.Timeout(30.0, connect=CONNECT_SECONDS), limits=limits, trust_env=False)
        host = url.netloc.decode("ascii")
        request = self._client.build_request("POST", url.copy_with(host=address), headers={**headers, "host": host}, content=body, extensions={"sni_hostname": url.host})
        answer = await self._client.send(request, stream=True)
        await answer.aclose()
        return answer

    async def _resolved(self, id: str, url: httpx.URL) -> str:
        """The first address of the host that may be called."""
        port = url.port or (443 if url.scheme == "https" else 80)
        rows = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        found = [str(row[4][0]) for row in rows]
        allowed = [address for address in found if self._private or _public(address)]
        if not allowed:
            raise SinkUnavailable(f"{id} is at no public address; INLAY_PRIVATE_WEBHOOKS=allow lets it be called")
        return allowed[0]

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


class HttpxWebhook:
    """`EventSink` to one webhook."""

    def __init__(self, calls: HttpxWebhooks, webhook: Webhook) -> None:
        self._calls = calls
        self._webhook = webhook

    async def send(self, message: Outgoing) -> None:
        await self._calls.call(self._webhook, message)

    async def close(self) -> None:
        """The client is shared."""


def _public(text: str) -> bool:
    """Whether it is an address of the Internet, also where one of IPv4 is wrapped into one of IPv6."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return inner.is_global and address.is_global and not inner.is_multicast
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF).is_global
    return address.is_global and not address.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _wait(answer: httpx.Response) -> int:
    """What Retry-After asks for in seconds, a day at most."""
    text = answer.headers.get("retry-after", "")
    return min(int(text) * 1000, DAY) if text.isascii() and text.isdigit() and len(text) < 9 else 0
