"""People with user ids of their own who become one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.domain.whole import Edge, Filed, Whole, joined, pair_of, root_of, united, with_edges
from app.errors import StoreUnavailable
from app.identities.claiming import Claiming
from app.identities.homes import Homes, Outcome, attempts, identifiers
from app.ports import IdentityStore


class Merging:
    """Makes two people one, under the id that goes on."""

    def __init__(self, store: IdentityStore, homes: Homes, claiming: Claiming) -> None:
        self._store = store
        self._homes = homes
        self._claiming = claiming

    async def merge(self, edge: Edge, now: int) -> Outcome:
        """Two people become one, filed under the id that goes on. Between their being one to readers of the one and to
        readers of the other lie milliseconds; neither ever sees a part of it."""
        async for attempt in attempts():
            a, b = await self._homes.of(edge.target), await self._homes.of(edge.source)
            if a.key == b.key:  # one person, looked at twice: what left them in between must not come back
                a = b
            whole = united(a.whole, b.whole)
            if edge.at <= whole.parted.get(pair_of(edge.target, edge.source), -1) or edge.target == edge.source:
                return "linked"
            whole, goes_on, seen = await self._united(replace(whole, edges=with_edges(whole.edges, {edge})), edge.target, a, b)
            if any(each.erased for each in seen):
                return "erased"
            if a.key != b.key and identifiers(whole) > self._homes.limit:
                return "too_many"
            done = whole == a.whole and [each.key for each in seen] == [goes_on]
            if not done:
                await self._store.note(("merge", a.key, b.key), now)
            if done or await self.filed_under(goes_on, whole, seen):
                if attempt:  # what was copied at first may have passed to somebody else meanwhile
                    await self._claiming.tidy(goes_on)
                await self._homes.tell(goes_on, whole)
                return "linked"
        raise StoreUnavailable("these people keep changing", code="busy")

    async def merge_again(self, a: str, b: str, now: int) -> None:
        edges = (await self._homes.of(a)).whole.edges | (await self._homes.of(b)).whole.edges
        for edge in edges:
            if {edge.target, edge.source} <= joined(edges, a):
                await self.merge(edge, now)
        await self._claiming.tidy(a)

    async def _united(self, whole: Whole, key: str, *seen: Filed) -> tuple[Whole, str, list[Filed]]:
        """(the person, under which key they go on, all that was seen of them). While merges are half done more than one of
        their keys has something of its own, and all of it is theirs."""
        filed, looked = {each.key: each for each in seen}, {each.key for each in seen}
        while (goes_on := root_of(whole.edges, key)) not in filed or joined(whole.edges, key) - looked:
            for each in sorted(joined(whole.edges, key) - looked):
                home = await self._homes.of(each)
                looked |= {each, home.key}
                if not home.erased and home.key not in filed:
                    filed[home.key] = home
                    whole = united(whole, home.whole)
            if goes_on not in filed:  # it pointed elsewhere; by now somebody may have filed them there
                filed[goes_on] = await self._store.load(goes_on)
                whole = united(whole, filed[goes_on].whole)
        return whole, goes_on, list(filed.values())

    async def filed_under(self, key: str, whole: Whole, before: Iterable[Filed]) -> bool:
        """The person is written under `key` first; then the pointers of the others flip."""
        filed = {each.key: each for each in before}
        kept = filed.pop(key, None)
        if kept is None:
            kept = await self._store.load(key)
            whole = united(kept.whole, whole)
        if kept.erased or not await self._store.replace(kept, Filed(key, whole)):
            return False
        for each in filed.values():
            if not await self._store.replace(each, Filed(each.key, owner=key)):
                return False
        return True
