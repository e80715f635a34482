"""How far streams that do not keep that themselves were read, in Redis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.adapters.redis_link import Link
from app.adapters.redis_scripts import Script, evaluate
from app.errors import LeaseLost


class RedisCheckpoints:
    """`Checkpoints` over one link: a hash per name, field = partition, value = JSON."""

    def __init__(self, link: Link, write_seconds: float = 1.0) -> None:
        self._link = link
        self._seconds = write_seconds
        self._save = Script("checkpoint")

    async def load(self, name: str) -> dict[str, dict[str, Any]]:
        flat: list[bytes] = await self._link.call("HGETALL", _key(name), seconds=self._seconds)
        return {partition.decode(): msgspec.json.decode(value) for partition, value in zip(flat[::2], flat[1::2], strict=True)}

    async def save(self, name: str, partition: str, value: Mapping[str, Any], until: int) -> None:
        done = await evaluate(self._link, self._save, [_key(name)], [partition, msgspec.json.encode(dict(value)), until], self._seconds)
        if not done:
            raise LeaseLost("the lease ended before the checkpoint")


def _key(name: str) -> str:
    return f"inlay:checkpoints:{{{name}}}"
