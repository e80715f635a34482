"""Histories whose parts arrive at once, every step of theirs put off by chance: what any schedule of servers may come to.

One seed is one case, on the store in memory. What a change waits before it is tried anew is drawn apart from the seed, as ever: a
case that fails may have to be run some hundred times to fail again.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from app.identities import Identities
from app.ingest import Ingest
from app.wiring import hashed_id, random_id
from tests.fakes import MemoryStore

NOW = 1_760_000_000_000
DAY = 86_400_000
USERS, DEVICES, ADDRESSES = ("ann", "ben", "cyd"), ("phone", "tablet"), ("a@x.example", "b@x.example")
WAITS = (0, 0, 1, 2, 5, 9)
"""Turns of the event loop before and after each call of the store."""
Event = dict[str, Any]
Person = tuple[str | None, list[tuple[bytes, int]], dict[str, str], list[str]]


class Slow:
    """A store each of whose calls takes some turns."""

    def __init__(self, store: MemoryStore, random: Random) -> None:
        self._store = store
        self._random = random

    def __getattr__(self, name: str) -> Any:
        called = getattr(self._store, name)
        return self._slowly(called) if inspect.iscoroutinefunction(called) else called

    def _slowly(self, called: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def slowly(*arguments: Any, **named: Any) -> Any:
            await self._wait()
            done = await called(*arguments, **named)
            await self._wait()
            return done

        return slowly

    async def _wait(self) -> None:
        for _ in range(self._random.choice(WAITS)):
            await asyncio.sleep(0)


def history(random: Random) -> list[Event]:
    """Three people with two devices and two addresses among them."""
    kinds: list[Callable[[], Event]] = [
        lambda: {"type": "track", "event": "seen", "userId": random.choice(USERS)},
        lambda: {"type": "track", "event": "seen", "anonymousId": random.choice(DEVICES)},
        lambda: {"type": "identify", "anonymousId": random.choice(DEVICES), "traits": {"city": random.choice(("Bonn", "Ulm"))}},
        lambda: {"type": "identify", "userId": random.choice(USERS), "anonymousId": random.choice(DEVICES), "traits": random.choice(({}, {"city": "Kiel"}))},
        lambda: {"type": "identify", "userId": random.choice(USERS), "traits": {"email": random.choice(ADDRESSES)}},
        lambda: {"type": "alias", "userId": random.choice(USERS), "previousId": random.choice((*USERS, *DEVICES))},
    ]
    return [
        {"messageId": f"m{n}", "timestamp": datetime.fromtimestamp(NOW / 1000 + n, UTC).isoformat(), **random.choice(kinds)()}
        for n in range(random.randrange(3, 14))
    ]


def batches(random: Random, number: int) -> list[list[int]]:
    """All of them in some order, some twice, in batches of up to eight."""
    order = [*range(number), *(random.randrange(number) for _ in range(random.randrange(5)))]
    random.shuffle(order)
    found: list[list[int]] = []
    while order:
        size = random.randrange(1, 9)
        found.append(order[:size])
        del order[:size]
    return found


async def people(store: MemoryStore) -> dict[str, Person]:
    keys = [f"u:{user}" for user in USERS] + [f"a:{name}" for name in (*DEVICES, *USERS)] + [f"email:{each}" for each in ADDRESSES]
    found: dict[str, Person] = {}
    for key in keys:
        profile = await store.read(key)
        found[key] = (
            profile.key, [(event.id, event.at) for event in profile.history.events()],
            {name: str(value) for name, value in profile.traits.items()}, sorted(map(str, profile.identities)),
        )
    return found


async def _alike(seed: int) -> bool:
    random = Random(seed)
    events = history(random)
    at_once, in_turn = MemoryStore(), MemoryStore()
    slow: Any = Slow(at_once, random)
    ingest = Ingest(slow, Identities(slow), random_id, hashed_id)
    await asyncio.gather(*(ingest.take([events[i] for i in batch], NOW + DAY) for batch in batches(random, len(events))))
    ingest = Ingest(in_turn, Identities(in_turn), random_id, hashed_id)
    for event in events:
        await ingest.take([event], NOW + DAY)
    return await people(at_once) == await people(in_turn)


def unlike(seeds: range) -> list[int]:
    """The seeds whose people are others when everything comes at once."""
    return [seed for seed in seeds if not asyncio.run(_alike(seed))]
