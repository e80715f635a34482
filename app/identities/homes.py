"""Where people are filed, and how to write to them while others do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from random import random
from typing import Literal

from app.domain.whole import Filed, Whole
from app.errors import StoreUnavailable
from app.ports import IdentityStore

ATTEMPTS = 50
"""Times that a change is tried anew because the person changed meanwhile."""
APART_SECONDS = 0.0005
"""Those who keep each other from writing wait for up to this long, and twice as long each time until `APART_TIMES`."""
APART_TIMES = 6
Outcome = Literal["linked", "erased", "too_many"]


class Homes:
    """`limit` bounds how many identifiers a person gathers; `told` hears of each person that others, or what was others',
    became part of, as filed under that key."""

    def __init__(self, store: IdentityStore, limit: int, told: Callable[[str, Whole], Awaitable[None]] | None) -> None:
        self._store = store
        self.limit = limit
        self._told = told

    async def of(self, key: str) -> Filed:
        """Where a person is filed, pointers followed."""
        filed = await self._store.load(key)
        for _ in range(ATTEMPTS):
            if filed.owner is None:
                return filed
            filed = await self._store.load(filed.owner)
        raise StoreUnavailable("an alias leads nowhere", code="alias")

    async def tell(self, key: str, whole: Whole) -> None:
        if self._told is not None:
            await self._told(key, whole)


async def attempts() -> AsyncIterator[int]:
    """0, 1 ...: the later ones after a while, by chance."""
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(random() * APART_SECONDS * 2 ** min(attempt - 1, APART_TIMES))
        yield attempt


def fields_of(whole: Whole) -> frozenset[str]:
    return frozenset(name for holding in whole.holdings.values() for name in holding.fields)


def identifiers(whole: Whole) -> int:
    """How many identifiers a person has beside the one that they are filed under."""
    return len({name for name in fields_of(whole) if name.startswith("i:")} | {"i:" + edge.source for edge in whole.edges})
