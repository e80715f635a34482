"""Who is whom: identifiers pass to people, people become one, and are parted again.

Everything here is written to the store as whole people that replace what was read, if it still is that. A person's own
slot changes at once, so that a reader sees all or nothing; what spans slots goes in an order that loses nothing (copy,
flip the pointer, take away), is noted in a journal before and repeated from there after a crash: each step is a union
of sets, and repeating it changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from app.domain.claims import Claim, Link
from app.domain.event import Identity
from app.domain.whole import Edge, Whole
from app.errors import NotFound, RequestInvalid
from app.identities.claiming import Claiming
from app.identities.homes import Homes, Outcome
from app.identities.merging import Merging
from app.identities.parting import Parting
from app.ports import IdentityStore

SETTLED_MILLISECONDS = 3_000
"""After this long no write is under way any more that was sent where an identifier pointed before."""
USUAL_LIMIT = 500


class Identities:
    """Changes who is whom. `limit` bounds how many identifiers a person gathers, and how many people an identifier passes
    through: beyond it something is wrong with the data, and nothing is linked."""

    def __init__(
        self, store: IdentityStore, *, limit: int = USUAL_LIMIT, refused: Callable[[str], None] | None = None,
        told: Callable[[str, Whole], Awaitable[None]] | None = None,
    ) -> None:
        """`refused` is told the kind of each identifier that was not linked because of the limit, `told` of each person that
        others, or what was others', became part of, as filed under that key; again where that is repeated after a crash."""
        self._store = store
        self._refused = refused
        homes = Homes(store, limit, told)
        self._claiming = Claiming(store, homes)
        self._merging = Merging(store, homes, self._claiming)
        self._parting = Parting(store, homes, self._claiming, self._merging)
        self.claim = self._claiming.claim
        self.merge = self._merging.merge
        self.unmerge = self._parting.unmerge
        self.keep_apart = self._parting.keep_apart

    async def link(self, links: Sequence[Link], now: int) -> list[Outcome]:
        """What became of each; those of one person in turn, the others side by side."""
        by_target: dict[str, list[int]] = {}
        for i, link in enumerate(links):
            by_target.setdefault(link.target, []).append(i)
        found: list[Outcome] = ["linked"] * len(links)

        async def take(places: list[int]) -> None:
            for i in places:
                found[i] = await self._take(links[i], now)
                if found[i] == "too_many" and self._refused is not None:
                    self._refused(Identity.from_key(links[i].source).kind)

        await asyncio.gather(*map(take, by_target.values()))
        return found

    async def _take(self, link: Link, now: int) -> Outcome:
        if link.merge:
            return await self.merge(Edge(link.at, link.id, link.target, link.source), now)
        return await self.claim(link.source, Claim(link.at, link.id, link.target), now)

    # -- after a crash --------------------------------------------------------------------------------------------------

    async def resume(self, now: int) -> int:
        """Finish what was begun some seconds ago and left, and see that nothing came to where it no longer belongs; how
        many entries of the journal that was. Safe to do on several servers at once."""
        due = [entry for entry, at in (await self._store.noted()).items() if now - at >= SETTLED_MILLISECONDS]
        for entry in due:
            await self._repeat(entry, now)
            await self._store.done(entry)
        return len(due)

    async def _repeat(self, entry: Sequence[str], now: int) -> None:
        match entry:
            case ["claim", source, owner, at, id, before]:
                await self.claim(source, Claim(int(at), bytes.fromhex(id), owner), now)
                await self._claiming.settle(source, before)
                await self._claiming.settle(source, owner)
            case ["merge", a, b]:
                await self._merging.merge_again(a, b, now)
            case ["part", a, b, at]:
                with suppress(NotFound, RequestInvalid):
                    await self._parting.part(a, b, int(at))
                await self._claiming.tidy(a)
                await self._claiming.tidy(b)
            case _:
                return
