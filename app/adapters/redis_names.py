"""The fleet's dictionary of names, kept in Redis and mirrored in each worker."""

from __future__ import annotations

import json
import secrets

from app.adapters.redis_link import Link
from app.adapters.redis_scripts import Script, evaluate
from app.domain.history import MAX_NUMBER, Dictionary, Unnamed

KEY = "inlay:names"
_INTERN = Script("intern")


class Names:
    """`dictionary` is the mirror; it is replaced when the shared one was born anew (a flushed Redis)."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.dictionary = Dictionary()
        self.loaded = False

    async def load(self) -> Dictionary:
        """Read the whole shared dictionary, giving birth to it where there is none."""
        await self._link.call("HSETNX", KEY, "epoch", secrets.randbelow(2**32 - 1) + 1, seconds=1.0)
        flat = await self._link.call("HGETALL", KEY, seconds=1.0)
        rows = dict(zip(flat[::2], flat[1::2], strict=True))
        fresh = Dictionary(int(rows.pop(b"epoch")))
        for name, number in rows.items():
            self._learn(fresh, name.decode(), int(number))
        self.dictionary, self.loaded = fresh, True
        return fresh

    async def refresh(self) -> None:
        """Notice that Redis was emptied: then every name must be interned again."""
        epoch = await self._link.call("HGET", KEY, "epoch")
        if epoch is None or int(epoch) != self.dictionary.epoch:
            await self.load()

    async def intern(self, missing: Unnamed) -> None:
        """Number the names that an event lacks, for the whole fleet."""
        wanted = [] if missing.event_name is None else ["e:" + missing.event_name]
        if missing.shape is not None:
            wanted.append("s:" + json.dumps(missing.shape, ensure_ascii=False))
        numbers = await evaluate(self._link, _INTERN, [KEY], [*wanted, str(MAX_NUMBER - 5_535)], seconds=1.0)
        for name, number in zip(wanted, numbers, strict=True):
            self._learn(self.dictionary, name, int(number))

    @staticmethod
    def _learn(dictionary: Dictionary, name: str, number: int) -> None:
        if name.startswith("e:"):
            dictionary.learn_type(name[2:], number)
        elif name.startswith("s:"):
            dictionary.learn_shape(tuple(json.loads(name[2:])), number)
