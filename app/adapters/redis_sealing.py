"""Long histories in Redis, sealed after they were folded: their payloads column by column (see `app.domain.sealing`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from hashlib import sha1

from app.adapters.redis_link import Command, Link, refusal
from app.adapters.redis_names import Names
from app.adapters.redis_scripts import Script, evaluate_many
from app.domain.history import History
from app.domain.layout import HEADER
from app.errors import StoreUnavailable


class Sealing:
    """A history that another call wrote meanwhile is left as it is."""

    def __init__(self, link: Link, names: Names, seconds: float) -> None:
        self._link = link
        self._names = names
        self._seconds = seconds
        self._seal = Script("seal")

    async def seal(self, keys: Collection[str]) -> None:
        await self._rewrite(keys, History.sealed)

    async def open(self, keys: Collection[str]) -> None:
        """`StoreUnavailable` where the names are lost that they were sealed with."""
        await self._rewrite(keys, History.opened)

    async def _rewrite(self, keys: Collection[str], form: Callable[[History], bytes | None]) -> None:
        commands: list[Command] = [("GET", _key(key)) for key in keys]
        calls: list[tuple[list[str], list[bytes | str]]] = []
        for key, base in zip(keys, await self._link.pipeline(commands, self._seconds), strict=True):
            if isinstance(base, Exception):
                raise refusal(base)
            found = form(await self._history(base))
            await asyncio.sleep(0)  # a form takes up to a millisecond: others have their turn in between
            if found is not None:
                calls.append(([_key(key)], [sha1(base[HEADER.size :]).hexdigest(), found]))  # noqa: S324 (whether it is the same, no secret)
        if calls:
            await evaluate_many(self._link, self._seal, calls, self._seconds)

    async def _history(self, base: bytes | None) -> History:
        history = History(base, None, await self._names.current())
        if history.unknown:
            await self._names.load()
            history = History(base, None, await self._names.current())
        if history.unknown:
            raise StoreUnavailable("the names that a history was sealed with are lost", code="names")
        return history


def _key(key: str) -> str:
    return "h:{" + key + "}"
