"""How a command reaches the store: the running server's, the one that INLAY_REDIS_URL names, or the embedded one."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from app.adapters.breaker import Breaker
from app.adapters.redis_cluster import link_to
from app.adapters.redis_link import Link
from app.errors import SettingsInvalid
from app.settings import Settings
from app.supervise.embedded import EmbeddedRedis
from app.supervise.folder import kept_url, lock_folder

LOAD_SECONDS = 600.0
"""A command waits for the data; a server does not."""
FAILURES = 1_000_000
"""A command has nothing to fall back to: its links go on trying."""


@asynccontextmanager
async def store_link(settings: Settings) -> AsyncGenerator[Link]:
    """A link for the time of a command."""
    with store_url(settings) as url:
        link = new_link(url)
        try:
            yield link
        finally:
            await link.close()


def new_link(url: str) -> Link:
    return link_to(url, Breaker(time.monotonic, failures=FAILURES), read_seconds=2.0, connect_seconds=10.0)


@contextmanager
def store_url(settings: Settings) -> Generator[str]:
    """Where the store is. Where no server runs on the data folder, its embedded Redis is started for the time of a
    command, unless the last server had another one."""
    if found := settings.redis_url or kept_url(settings.data):
        yield found
        return
    settings.data.mkdir(parents=True, exist_ok=True)
    embedded = EmbeddedRedis(settings.data, durable=settings.durability == "durable")
    try:
        lock = lock_folder(settings.data)
    except SettingsInvalid:
        yield embedded.url
        return
    try:
        embedded.start()
        if not embedded.loaded(LOAD_SECONDS):
            raise SettingsInvalid(f"the embedded Redis did not load its data within {LOAD_SECONDS:g} s; they are in {settings.data}/redis")
        yield embedded.url
    finally:
        embedded.stop()
        del lock
