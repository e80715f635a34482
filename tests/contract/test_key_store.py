"""What every key store promises, on a real Redis."""

from __future__ import annotations

import asyncio
import time

from app.adapters.breaker import Breaker
from app.adapters.redis_keys import RedisKeys
from app.adapters.redis_link import Link


def test_no_keys_and_lost_keys_are_told_apart(redis_socket):
    async def story():
        link = Link(f"unix://{redis_socket}", Breaker(time.monotonic), read_seconds=2.0)
        store = RedisKeys(link)
        never = await store.all()
        await store.put("a", {"name": "n"})
        one = await store.all()
        gone = await store.revoke("a"), await store.revoke("a"), await store.all()
        await link.close()
        return never, one, gone

    assert asyncio.run(story()) == (None, {"a": {"name": "n"}}, (True, False, {}))
