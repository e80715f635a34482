"""Who is whom: identifiers pass to people, people become one, and are parted again.

Everything here is written to the store as whole people that replace what was read, if it still is that. A person's own
slot changes at once, so that a reader sees all or nothing; what spans slots goes in an order that loses nothing (copy,
flip the pointer, take away), is noted in a journal before and repeated from there after a crash: each step is a union
of sets, and repeating it changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from random import random
from typing import Literal

from app.domain.claims import Claim, Claims, Link, owner_at, with_claim
from app.domain.event import Identity
from app.domain.whole import NOTHING, Edge, Filed, Holding, Whole, dealt, joined, pair_of, root_of, united, with_edges
from app.errors import NotFound, RequestInvalid, StoreUnavailable
from app.ports import IdentityStore

ATTEMPTS = 50
"""Times that a change is tried anew because the person changed meanwhile."""
APART_SECONDS = 0.0005
"""Those who keep each other from writing wait for up to this long, and twice as long each time until `APART_TIMES`."""
APART_TIMES = 6
SETTLED_MILLISECONDS = 3_000
"""After this long no write is under way any more that was sent where an identifier pointed before."""
USUAL_LIMIT = 500


Outcome = Literal["linked", "erased", "too_many"]


async def _attempts() -> AsyncIterator[int]:
    """0, 1 ...: the later ones after a while, by chance."""
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(random() * APART_SECONDS * 2 ** min(attempt - 1, APART_TIMES))
        yield attempt


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
        self._limit = limit
        self._refused = refused
        self._told = told

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

    # -- identifiers that pass from person to person ------------------------------------------------------------------

    async def claim(self, source: str, claim: Claim, now: int) -> Outcome:
        """From its instant on the identifier is the owner's, and what came before where nobody claimed it earlier."""
        async for attempt in _attempts():
            outcome = await self._claimed(source, claim, now)
            if outcome is None:
                continue
            if attempt:  # what was given at first may be somebody else's by now
                await self._settle(source, claim.owner)
            return outcome
        raise StoreUnavailable("an identifier keeps changing", code="busy")

    async def _claimed(self, source: str, claim: Claim, now: int) -> Outcome | None:
        """None where the identifier changed meanwhile."""
        filed = await self._store.load(source)
        if filed.erased:
            return "erased"
        claims = with_claim(filed.claims, claim)
        if claims == filed.claims:
            return "linked"
        if len({each.owner for each in claims}) > self._limit:
            return "too_many"
        before = owner_at(filed.claims, claim.at, claim.id) if filed.claims else None
        if before != claim.owner:
            if filed.whole or before is not None:
                await self._store.note(("claim", source, claim.owner, str(claim.at), claim.id.hex(), before or source), now)
            outcome = await self._give(claim.owner, Whole(filed.whole.holdings), source, claim.at)
            if outcome != "linked":
                return outcome
        if not await self._store.replace(filed, Filed(source, owner=claims[-1].owner, claims=claims)):
            return None
        if before is not None and before != claim.owner:
            await self._settle(source, before)
        return "linked"

    async def _give(self, owner: str, given: Whole, source: str, at: int) -> Outcome:
        """The owner gets what the identifier brought, and is known by it."""
        known = Holding(fields={"i:" + source: frozenset({at.to_bytes(8, "big")})})
        async for _ in _attempts():
            home = await self._home(owner)
            if home.erased:
                return "erased"
            own = Whole({home.key: known}) if "i:" + source not in _fields(home.whole) else Whole()
            whole = united(united(home.whole, own), given)
            if whole != home.whole and _identifiers(whole) > max(self._limit, _identifiers(home.whole)):
                return "too_many"
            # written even where they have it all: who is about to take it from them, by older claims, must read anew
            if (whole == home.whole and not given) or await self._store.replace(home, Filed(home.key, whole)):
                await self._tell(home.key, whole)
                return "linked"
        raise StoreUnavailable("a person keeps changing", code="busy")

    async def _settle(self, source: str, holder: str) -> None:
        """Whatever the holder has of an identifier from times when it was somebody else's goes to them. Where others claimed it
        meanwhile, whom it went to may be the wrong ones by now: it goes on from there."""
        holders = {holder}
        async for _ in _attempts():
            claims = (await self._store.load(source)).claims
            settled = all([await self._settled(source, each, claims or (Claim(0, b"", source),), holders) for each in sorted(holders)])
            if settled and (await self._store.load(source)).claims == claims:
                return
        raise StoreUnavailable("a person keeps changing", code="busy")

    async def _settled(self, source: str, holder: str, claims: Claims, given: set[str]) -> bool:
        """Whom something goes to is added to `given`; False where the holder changed meanwhile."""
        home = await self._home(holder)
        if source == holder or source not in home.whole.holdings:
            return True
        homes = {owner: (await self._home(owner)).key for owner in {claim.owner for claim in claims}}
        whole, gone = dealt(home.whole, source, lambda at, id: homes[owner_at(claims, at, id)] == home.key)
        if not gone:
            return True
        for owner, key in homes.items():
            _, theirs = dealt(Whole({source: gone}), source, lambda at, id: homes[owner_at(claims, at, id)] != key)  # noqa: B023
            if theirs and key != home.key:
                given.add(owner)
                await self._give(owner, Whole({source: theirs}), source, claims[0].at)
        return await self._store.replace(home, Filed(home.key, whole))

    async def _home(self, key: str) -> Filed:
        """Where a person is filed, pointers followed."""
        filed = await self._store.load(key)
        for _ in range(ATTEMPTS):
            if filed.owner is None:
                return filed
            filed = await self._store.load(filed.owner)
        raise StoreUnavailable("an alias leads nowhere", code="alias")

    # -- people with user ids of their own ------------------------------------------------------------------------------

    async def merge(self, edge: Edge, now: int) -> Outcome:
        """Two people become one, filed under the id that goes on. Between their being one to readers of the one and to
        readers of the other lie milliseconds; neither ever sees a part of it."""
        async for attempt in _attempts():
            a, b = await self._home(edge.target), await self._home(edge.source)
            whole = united(a.whole, b.whole)
            if edge.at <= whole.parted.get(pair_of(edge.target, edge.source), -1) or edge.target == edge.source:
                return "linked"
            whole, goes_on, seen = await self._united(replace(whole, edges=with_edges(whole.edges, {edge})), edge.target, a, b)
            if any(each.erased for each in seen):
                return "erased"
            if a.key != b.key and _identifiers(whole) > self._limit:
                return "too_many"
            done = whole == a.whole and [each.key for each in seen] == [goes_on]
            if not done:
                await self._store.note(("merge", a.key, b.key), now)
            if done or await self._filed_under(goes_on, whole, seen):
                if attempt:  # what was copied at first may have passed to somebody else meanwhile
                    await self._tidy(goes_on)
                await self._tell(goes_on, whole)
                return "linked"
        raise StoreUnavailable("these people keep changing", code="busy")

    async def _tell(self, key: str, whole: Whole) -> None:
        if self._told is not None:
            await self._told(key, whole)

    async def _united(self, whole: Whole, key: str, *seen: Filed) -> tuple[Whole, str, list[Filed]]:
        """(the person, under which key they go on, all that was seen of them). While merges are half done more than one of
        their keys has something of its own, and all of it is theirs."""
        filed, looked = {each.key: each for each in seen}, {each.key for each in seen}
        while (goes_on := root_of(whole.edges, key)) not in filed or joined(whole.edges, key) - looked:
            for each in sorted(joined(whole.edges, key) - looked):
                home = await self._home(each)
                looked |= {each, home.key}
                if not home.erased and home.key not in filed:
                    filed[home.key] = home
                    whole = united(whole, home.whole)
            if goes_on not in filed:  # it pointed elsewhere; by now somebody may have filed them there
                filed[goes_on] = await self._store.load(goes_on)
                whole = united(whole, filed[goes_on].whole)
        return whole, goes_on, list(filed.values())

    async def _filed_under(self, key: str, whole: Whole, before: Iterable[Filed]) -> bool:
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

    async def unmerge(self, a: str, b: str, now: int) -> None:
        """Two people who were made one are two again: each keeps what came by their own identifiers, then and since.

        `NotFound` where they are not one; `RequestInvalid` where a third joins them: part them from that one first.
        """
        await self._store.note(("part", a, b, str(now)), now)
        await self._part(a, b, now)

    async def keep_apart(self, a: str, b: str, now: int) -> None:
        """Two people stay two: what was said of them until now does not make them one. `RequestInvalid` where they are one."""
        async for _ in _attempts():
            home, other = await self._home(a), await self._home(b)
            if home.key == other.key:
                raise RequestInvalid("they are one person: unmerge them", code="joined")
            parted = {pair_of(a, b): now}
            written = [await self._store.replace(each, Filed(each.key, united(each.whole, Whole(parted=parted)))) for each in (home, other)]
            if all(written):
                return
        raise StoreUnavailable("these people keep changing", code="busy")

    async def _part(self, a: str, b: str, now: int) -> None:
        async for attempt in _attempts():
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
                    await self._tidy(leaves)
                    await self._tidy(stays)
                return
        raise StoreUnavailable("these people keep changing", code="busy")

    async def _both_home(self, a: str, b: str) -> Filed:
        """Where the two are one, or (a parting that was cut short) still are."""
        for key in (a, b):
            home = await self._home(key)
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
        return await self._filed_under(root, ours, [home])

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
                await self._settle(source, before)
                await self._settle(source, owner)
            case ["merge", a, b]:
                await self._merged_again(a, b, now)
            case ["part", a, b, at]:
                with suppress(NotFound, RequestInvalid):
                    await self._part(a, b, int(at))
                await self._tidy(a)
                await self._tidy(b)
            case _:
                return

    async def _tidy(self, key: str) -> None:
        """What came to a person by an identifier that is theirs no more goes to whose it is."""
        home = await self._home(key)
        for origin in home.whole.holdings.keys() - joined(home.whole.edges, home.key):
            await self._settle(origin, key)

    async def _merged_again(self, a: str, b: str, now: int) -> None:
        edges = (await self._home(a)).whole.edges | (await self._home(b)).whole.edges
        for edge in edges:
            if {edge.target, edge.source} <= joined(edges, a):
                await self.merge(edge, now)
        await self._tidy(a)


def _fields(whole: Whole) -> frozenset[str]:
    return frozenset(name for holding in whole.holdings.values() for name in holding.fields)


def _identifiers(whole: Whole) -> int:
    """How many identifiers a person has beside the one that they are filed under."""
    return len({name for name in _fields(whole) if name.startswith("i:")} | {"i:" + edge.source for edge in whole.edges})


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
