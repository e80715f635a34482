"""Reading a small file at an https address."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from app.errors import Unreachable

if TYPE_CHECKING:
    import httpx

SECONDS = 5.0
MAX_BYTES = 64 << 10


class HttpsFetch:
    """`Fetch` by httpx; a client an address, for what is asked once and then kept."""

    async def __call__(self, url: str) -> bytes:
        import httpx  # 4 MB that few servers ever need

        host = httpx.URL(url).host
        if not url.startswith("https://"):
            raise Unreachable(f"{host} is not asked without TLS")
        try:
            async with asyncio.timeout(SECONDS), httpx.AsyncClient(follow_redirects=False, timeout=SECONDS) as client, client.stream("GET", url) as answer:
                return await _whole(answer, host)
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unreachable(f"{host} does not answer: {type(error).__name__}") from error


async def _whole(answer: httpx.Response, host: str) -> bytes:
    if answer.status_code != 200:
        raise Unreachable(f"{host} answers {answer.status_code}")
    found = b""
    async for part in answer.aiter_bytes():
        found += part
        if len(found) > MAX_BYTES:
            raise Unreachable(f"{host} sends more than {MAX_BYTES:,} bytes")
    return found
