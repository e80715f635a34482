"""What a Redis URL says of where to connect and how to greet."""

from __future__ import annotations

from typing import Any

import pytest

from app.adapters.redis_url import target_of
from app.errors import SettingsInvalid


@pytest.mark.parametrize(
    "url,target,greeting",
    [
        ("redis://localhost", ("tcp", ("localhost", 6379)), []),
        ("redis://h:1/2", ("tcp", ("h", 1)), [("SELECT", 2)]),
        ("redis://:p%40ss@h", ("tcp", ("h", 6379)), [("AUTH", "p@ss")]),
        ("redis://user:pw@[::1]:7000/0", ("tcp", ("::1", 7000)), [("AUTH", "user", "pw")]),
        ("unix:///run/redis.sock", ("unix", "/run/redis.sock"), []),
        ("unix://user:pw@/run/redis.sock?db=3", ("unix", "/run/redis.sock"), [("AUTH", "user", "pw"), ("SELECT", 3)]),
    ],
)
def test_a_url_names_host_password_and_database(url: str, target: Any, greeting: Any) -> None:
    kind, where, context, greets = target_of(url)

    assert ((kind, where), context, greets) == (target, None, greeting)


def test_rediss_is_spoken_over_tls() -> None:
    assert target_of("rediss://h")[2] is not None


@pytest.mark.parametrize("url", ["http://h", "h:6379", "redis://h:port", "redis://h/first", "unix:///s?db=one"])
def test_a_url_that_names_no_redis_is_refused_with_what_would_be_right(url: str) -> None:
    with pytest.raises(SettingsInvalid, match="redis://"):
        target_of(url)
