"""The stores that contract suites are run over: in memory, on one Redis, on a Redis Cluster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.adapters.breaker import Breaker
from app.adapters.redis_cluster import link_to
from app.adapters.redis_link import Link

STORES: list[Any] = ["memory", "redis", pytest.param("cluster", marks=pytest.mark.long)]


def store_url(request: pytest.FixtureRequest) -> str:
    """Of the kind that is on trial, with a server that is started for it."""
    if request.param == "cluster":
        return request.getfixturevalue("redis_cluster").url
    return f"unix://{request.getfixturevalue('redis_socket')}"


def over(url: str, story: Callable[[Link], Awaitable[Any]]) -> Any:
    """What a story comes to that is told with a link of its own."""

    async def told() -> Any:
        link = link_to(url, Breaker(time.monotonic), read_seconds=2.0)
        try:
            return await story(link)
        finally:
            await link.close()

    return asyncio.run(told())
