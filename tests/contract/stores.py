"""The stores that contract suites are run over: in memory, on one Redis, on a Redis Cluster."""

from __future__ import annotations

from typing import Any

import pytest

STORES: list[Any] = ["memory", "redis", pytest.param("cluster", marks=pytest.mark.long)]


def store_url(request: pytest.FixtureRequest) -> str:
    """Of the kind that is on trial, with a server that is started for it."""
    if request.param == "cluster":
        return request.getfixturevalue("redis_cluster").url
    return f"unix://{request.getfixturevalue('redis_socket')}"
