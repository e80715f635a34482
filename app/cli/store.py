"""How a command reaches the store: the running server's, the one that INLAY_REDIS_URL names, or the embedded one."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.adapters.breaker import Breaker
from app.adapters.redis_link import Link
from app.errors import SettingsInvalid
from app.settings import Settings
from app.supervise.embedded import EmbeddedRedis
from app.supervise.parent import lock_folder

LOAD_SECONDS = 600.0
"""A command waits for the data; a server does not."""


@asynccontextmanager
async def store_link(settings: Settings) -> AsyncGenerator[Link]:
    """A link for the time of a command; where no server runs, the embedded Redis is started for it."""
    embedded = None
    lock = None
    url = settings.redis_url
    if not url:
        settings.data.mkdir(parents=True, exist_ok=True)
        embedded = EmbeddedRedis(settings.data, durable=settings.durability == "durable")
        url = embedded.url
        try:
            lock = lock_folder(settings.data)
        except SettingsInvalid:
            embedded = None
        else:
            embedded.start()
            if not embedded.loaded(LOAD_SECONDS):
                embedded.stop()
                raise SettingsInvalid(f"the embedded Redis did not load its data within {LOAD_SECONDS:g} s; they are in {settings.data}/redis")
    link = Link(url, Breaker(time.monotonic), read_seconds=2.0, connect_seconds=10.0)
    try:
        yield link
    finally:
        await link.close()
        if embedded is not None:
            embedded.stop()
        del lock
