"""People who were made one and are two again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.domain.claims import owner_at
from app.domain.event import Identity
from app.domain.whole import NOTHING, Edge, Filed, Holding, Whole, dealt, joined, pair_of, root_of, united
from app.errors import NotFound, RequestInvalid, StoreUnavailable
from app.identities.claiming import Claiming
from app.identities.homes import Homes, attempts
from app.identities.merging import Merging
from app.ports import IdentityStore


class Parting:
    """Parts those who were merged, and keeps apart those who are not to be."""

    def __init__(self, store: IdentityStore, homes: Homes, claiming: Claiming, merging: Merging) -> None:
        self._store = store
        self._homes = homes
        self._claiming = claiming
        self._merging = merging

    async def unmerge(self, a: str, b: str, now: int) -> None:
        """Two people who were made one are two again: each keeps what came by their own identifiers, then and since.

        `NotFound` where they are not one; `RequestInvalid` where a third joins them: part them from that one first.
        """
        await self._store.note(("part", a, b, str(now)), now)
        await self.part(a, b, now)

    async def keep_apart(self, a: str, b: str, now: int) -> None:
        """Two people stay two: what was said of them until now does not make them one. `RequestInvalid` where they are one."""
        async for _ in attempts():
            home, other = await self._homes.of(a), await self._homes.of(b)
            if home.key == other.key:
                raise RequestInvalid("they are one person: unmerge them", code="joined")
            parted = {pair_of(a, b): now}
            written = [await self._store.replace(each, Filed(each.key, united(each.whole, Whole(parted=parted)))) for each in (home, other)]
            if all(written):
                return
        raise StoreUnavailable("these people keep changing", code="busy")

    async def part(self, a: str, b: str, now: int) -> None:
        async for attempt in attempts():
            home = await self._both_home(a, b)
            edges = frozenset(edge for edge in home.whole.edges if pair_of(edge.target, edge.source) != pair_of(a, b))
            if b in joined(edges, a):
                between = sorted(str(Identity.from_key(each)) for each in _neighbours(edges, a))
                raise RequestInvalid(f"they are one person through {', '.join(between)}: unmerge from there first", code="joined")
            parted = {**home.whole.parted, pair_of(a, b): now}
            stays, leaves = (a, b) if home.key in joined(edges, a) else (b, a)
            ours = replace(home.whole, edges=edges, parted=parted)
            theirs = await self._share(ours, leaves, stays)
            ours = replace(
                _without(ours, theirs), edges=frozenset(edge for edge in edges if edge.target in joined(edges, stays))
            )
            if await self._write_parted(home, ours, theirs, stays, leaves):
                if attempt:
                    await self._claiming.tidy(leaves)
                    await self._claiming.tidy(stays)
                return
        raise StoreUnavailable("these people keep changing", code="busy")

    async def _both_home(self, a: str, b: str) -> Filed:
        """Where the two are one, or (a parting that was cut short) still are."""
        for key in (a, b):
            home = await self._homes.of(key)
            if any(pair_of(edge.target, edge.source) == pair_of(a, b) for edge in home.whole.edges):
                return home
        raise NotFound(f"{Identity.from_key(a)} and {Identity.from_key(b)} were not merged with each other", code="not_merged")

    async def _share(self, whole: Whole, leaves: str, stays: str) -> Whole:
        """What belongs to the one who leaves: all of their user ids' holdings, and of each other identifier's what came
        while it was theirs."""
        keys, found = joined(whole.edges, leaves), Whole()
        names = {name for key in keys for name in whole.holdings.get(key, NOTHING).fields if name.startswith("i:")}
        for origin, holding in whole.holdings.items():
            claims = () if origin in keys else (await self._store.load(origin)).claims
            if origin in keys:
                found = united(found, Whole({origin: holding}))
            elif claims:
                _, theirs = dealt(Whole({origin: holding}), origin, lambda at, id: owner_at(claims, at, id) not in keys)  # noqa: B023
                found = united(found, Whole({origin: theirs}))
            elif "i:" + origin in names:
                found = united(found, Whole({origin: holding}))
        edges = frozenset(edge for edge in whole.edges if edge.target in keys)
        return replace(found, edges=edges, parted={pair_of(leaves, stays): whole.parted[pair_of(leaves, stays)]})

    async def _write_parted(self, home: Filed, ours: Whole, theirs: Whole, stays: str, leaves: str) -> bool:
        """Who leaves is written first, then every pointer, last what is left."""
        there = await self._store.load(root_of(theirs.edges, leaves))
        kept = there.whole if there.owner is None else Whole()
        if not await self._store.replace(there, Filed(there.key, united(kept, theirs))):
            return False
        root = root_of(ours.edges, stays)
        for key, leading in ((leaves, there.key), (stays, root)):
            for each in joined((theirs if key == leaves else ours).edges, key) - {leading, home.key}:
                filed = await self._store.load(each)
                if filed.owner not in (None, leading) and not await self._store.replace(filed, replace(filed, owner=leading)):
                    return False
        return await self._merging.filed_under(root, ours, [home])


def _neighbours(edges: Iterable[Edge], key: str) -> set[str]:
    return {edge.source for edge in edges if edge.target == key} | {edge.target for edge in edges if edge.source == key}


def _without(whole: Whole, gone: Whole) -> Whole:
    holdings: dict[str, Holding] = {}
    for origin, holding in whole.holdings.items():
        theirs = gone.holdings.get(origin, NOTHING)
        kept = Holding(
            {id: row for id, row in holding.rows.items() if id not in theirs.rows},
            {name: rest for name, values in holding.fields.items() if (rest := values - theirs.fields.get(name, frozenset()))},
            {send: each for send, each in holding.sends.items() if send not in theirs.sends},
            {code: mark for code, mark in holding.marks.items() if code not in theirs.marks},
        )
        if kept:
            holdings[origin] = kept
    return replace(whole, holdings=holdings)
