"""`inlay consume` as a process, and what is known of people after it."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.adapters.breaker import Breaker
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.identities import Identities
from app.ingest import Ingest
from app.wiring import hashed_id, random_id
from tests.fakes import MemoryStore

ROOT = Path(__file__).parent.parent.parent


class Consuming:
    """A consumer that runs until it is stopped or killed."""

    def __init__(self, *words: str, store: str, data: Path, **environment: str) -> None:
        command = [sys.executable, "-m", "app", "consume", *words, "--data", str(data), "--redis-url", f"unix://{store}"]
        given = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **environment}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=given)

    def stop(self) -> tuple[int, dict[str, int], str]:
        """(exit code, counts that it printed, what it said on standard error) after SIGTERM, or when it ended by itself."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> tuple[int, dict[str, int], str]:
        said, logged = self.process.communicate(timeout=60)
        counts = {name: int(number.replace(",", "")) for number, name in re.findall(r"^ *([\d,]+)  (.*)$", said, re.MULTILINE)}
        return self.process.returncode, counts, logged

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come about in time")
        time.sleep(0.01)


def track(user: str, n: int, **more: Any) -> dict[str, Any]:
    at = datetime.fromtimestamp(1_750_000_000 + n, UTC).isoformat()
    return {"type": "track", "event": "seen", "userId": user, "messageId": f"{user}-{n}", "timestamp": at, "properties": {"n": n}, **more}


def happenings(seed: str, number: int) -> list[dict[str, Any]]:
    """What some people do, in order: visits without a name, which later turn out to be theirs, on devices that change hands."""
    draw = random.Random(seed)
    found = []
    for n in range(number):
        person, device = draw.randrange(20), draw.randrange(20)
        user, anonymous = f"{seed}-u{person}", f"{seed}-a{device}"
        at = datetime.fromtimestamp(1_750_000_000 + n, UTC).isoformat()
        event: dict[str, Any] = {"type": "track", "event": draw.choice(("seen", "bought")), "properties": {"n": n}, "timestamp": at, "messageId": f"{seed}-{n}"}
        match draw.randrange(10):
            case 0:
                event = {"type": "identify", "userId": user, "anonymousId": anonymous, "traits": {"plan": n}, "timestamp": at, "messageId": f"{seed}-{n}"}
            case 1 | 2 | 3:
                event["anonymousId"] = anonymous
            case _:
                event["userId"] = user
        found.append(event)
    return found


def keys_of(seeds: Sequence[str]) -> list[str]:
    """Everybody in the happenings of these seeds, by user id and anonymous id."""
    return [f"{kind}:{seed}-{kind}{n}" for seed in seeds for kind in "ua" for n in range(20)]


def known(redis_socket: str, keys: Sequence[str]) -> dict[str, Any]:
    """What the store knows of these people."""

    async def read() -> dict[str, Any]:
        link = Link(f"unix://{redis_socket}", Breaker(time.monotonic), read_seconds=5.0)
        try:
            store = RedisStore(link, Names(link))
            return {key: await _shown(store, key) for key in keys}
        finally:
            await link.close()

    return asyncio.run(read())


def expected(events: Sequence[Mapping[str, Any]], keys: Sequence[str], now: int) -> dict[str, Any]:
    """What one pass in order gives."""

    async def told() -> dict[str, Any]:
        store = MemoryStore()
        await Ingest(store, Identities(store), random_id, hashed_id).take([json.loads(json.dumps(event)) for event in events], now)
        return {key: await _shown(store, key) for key in keys}

    return asyncio.run(told())


async def _shown(store: Any, key: str) -> Any:
    profile = await store.read(key)
    return profile.key, list(profile.history.events()), profile.traits, sorted(map(str, profile.identities))
