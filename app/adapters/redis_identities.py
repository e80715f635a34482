"""`IdentityStore` on the keys that `RedisStore` keeps, and `o:{K}` (`whole_keys.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_scripts import Script, evaluate
from app.adapters.whole_keys import pointer, read_pointer
from app.adapters.whole_reading import read_whole
from app.adapters.whole_writing import written
from app.domain.history import History
from app.domain.whole import Filed

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
KEPT_SECONDS = 35 * 86_400
"""How long decisions are kept."""
JOURNAL = "{inlay:identities}:journal"


class RedisIdentities:
    def __init__(self, link: Link, names: Names, *, seconds: float = 1.0) -> None:
        self._link = link
        self._names = names
        self._seconds = seconds
        self._whole, self._replace = Script("whole"), Script("replace")

    async def load(self, key: str) -> Filed:
        version, h, t, m, o, d = await evaluate(self._link, self._whole, _keys(key), [], self._seconds)
        meta, origins, records = (dict(zip(flat[::2], flat[1::2], strict=True)) for flat in (m, o, d))
        if b"!" in meta:
            return Filed(key, erased=True, version=version)
        if b">" in meta:
            owner = meta[b">"].decode()
            return Filed(key, owner=owner, claims=read_pointer(meta.get(b"<"), owner, weak=not key.startswith("u:")), version=version)
        history = await self._history(h, t) if h else None
        return Filed(key, read_whole(key, history, meta, origins, records), version=version)

    async def _history(self, h: bytes, t: bytes) -> History | None:
        """None where no dictionary explains it any more."""
        history = History(h, t, await self._names.current())
        if history.unknown:
            await self._names.load()
            history = History(h, t, await self._names.current())
        return None if history.unknown else history

    async def replace(self, seen: Filed, filed: Filed) -> bool:
        names = await self._names.current()
        history, *hashes = written(filed.key, filed.whole, names) if filed.owner is None else pointer(filed.owner, filed.claims)
        arguments: list[Any] = [seen.version, KEPT_SECONDS, history]
        for fields in hashes:
            arguments.append(2 * len(fields))
            for pair in fields.items():
                arguments += pair
        return await evaluate(self._link, self._replace, _keys(filed.key), arguments, self._seconds) == 1

    async def note(self, entry: Sequence[str], now: int) -> None:
        await self._link.call("HSET", JOURNAL, _pack(list(entry)), now, seconds=self._seconds)

    async def done(self, entry: Sequence[str]) -> None:
        await self._link.call("HDEL", JOURNAL, _pack(list(entry)), seconds=self._seconds)

    async def noted(self) -> dict[tuple[str, ...], int]:
        flat = await self._link.call("HGETALL", JOURNAL, seconds=self._seconds)
        return {tuple(_unpack(entry)): int(at) for entry, at in zip(flat[::2], flat[1::2], strict=True)}


def _keys(key: str) -> list[str]:
    return [f"{part}:{{{key}}}" for part in "htmod"]
