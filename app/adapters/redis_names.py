"""The fleet's dictionary of names, kept in Redis and mirrored in each worker."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterable

from app.adapters.redis_link import Link
from app.adapters.redis_scripts import Script, evaluate
from app.domain.dictionary import Dictionary, Unnamed
from app.errors import RequestInvalid

KEYS = ["{inlay:names}", "{inlay:names}:order"]
MOST = 60_000
"""Event names, and shapes, that are numbered at most."""
SECONDS = 1.0


class Names:
    """`dictionary` is the mirror. It grows, and is replaced where the shared one was born anew (an emptied Redis) or
    shrank (a restored one). It counts as current only since the connection was made: what is written over a new
    connection is never packed with names from before."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._read, self._intern = Script("names"), Script("intern")
        self.dictionary = Dictionary()
        self.loaded = False
        self._loading: asyncio.Task[None] | None = None
        link.on_drop.append(self.forget)

    def forget(self) -> None:
        """The connection was lost: Redis may come back as another."""
        self.loaded = False

    async def current(self) -> Dictionary:
        """The mirror, read first where it may be out of date. Readers that come together share one reading."""
        if not self.loaded:
            if self._loading is None:
                self._loading = asyncio.create_task(self.load())
                self._loading.add_done_callback(self._loaded)
            await asyncio.shield(self._loading)
        return self.dictionary

    def _loaded(self, task: asyncio.Task[None]) -> None:
        self._loading = None
        if not task.cancelled():
            task.exception()

    async def load(self) -> None:
        """Take in what the shared dictionary has beyond the mirror, or all of it where it is another. Several at once are
        harmless: what another has taken in meanwhile is passed over."""
        known, size = self.dictionary, self.dictionary.size
        born = known.epoch % (2**32 - 1) + 1 if known.epoch else secrets.randbelow(2**32 - 1) + 1
        epoch, continued, names = await evaluate(self._link, self._read, KEYS, [known.epoch, size, born], SECONDS)
        fresh = known if continued else Dictionary(int(epoch))
        for name in names[fresh.size - size :] if continued else names:
            kind, text = name[:2], name[2:].decode()
            if kind == b"e:":
                fresh.learn_type(text)
            else:
                fresh.learn_shape(tuple(json.loads(text)))
        self.dictionary, self.loaded = fresh, True

    async def intern(self, missing: Iterable[Unnamed]) -> None:
        """Number the names that events lack, for the whole fleet. `RequestInvalid` where there are too many event names."""
        known = self.dictionary
        wanted: dict[str, None] = {}
        for each in missing:
            if each.event_name is not None:
                wanted["e:" + each.event_name] = None
            if each.shape is not None:
                wanted["s:" + json.dumps(each.shape, ensure_ascii=False)] = None
        await evaluate(self._link, self._intern, KEYS, [known.epoch, MOST, *wanted], SECONDS)
        await self.load()
        if self.dictionary is known:
            self._refuse_more(wanted)

    def _refuse_more(self, wanted: Iterable[str]) -> None:
        names = self.dictionary
        names.full = len(names.shapes) >= MOST
        strange = [name[2:] for name in wanted if name.startswith("e:") and name[2:] not in names.types]
        if strange:
            raise RequestInvalid(f"{MOST:,} different event names are known; {strange[0][:60]!r} would be one more", code="too_many_names")

    async def refresh(self) -> None:
        """Notice that Redis was emptied: then every name must be interned again."""
        epoch = await self._link.call("HGET", KEYS[0], "epoch")
        if epoch is None or int(epoch) != self.dictionary.epoch:
            await self.load()
