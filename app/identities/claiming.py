"""Identifiers that pass from person to person: an anonymous id, an address, a phone."""

from __future__ import annotations

from app.domain.claims import Claim, Claims, owner_at, with_claim
from app.domain.whole import Filed, Holding, Whole, dealt, joined, united
from app.errors import StoreUnavailable
from app.identities.homes import Homes, Outcome, attempts, fields_of, identifiers
from app.ports import IdentityStore


class Claiming:
    """Gives identifiers to those who claim them, with what came by them while they were theirs."""

    def __init__(self, store: IdentityStore, homes: Homes) -> None:
        self._store = store
        self._homes = homes

    async def claim(self, source: str, claim: Claim, now: int) -> Outcome:
        """From its instant on the identifier is the owner's, and what came before where nobody claimed it earlier."""
        async for attempt in attempts():
            outcome = await self._claimed(source, claim, now)
            if outcome is None:
                continue
            if attempt:  # what was given at first may be somebody else's by now
                await self.settle(source, claim.owner)
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
        if len({each.owner for each in claims}) > self._homes.limit:
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
            await self.settle(source, before)
        return "linked"

    async def _give(self, owner: str, given: Whole, source: str, at: int) -> Outcome:
        """The owner gets what the identifier brought, and is known by it."""
        known = Holding(fields={"i:" + source: frozenset({at.to_bytes(8, "big")})})
        async for _ in attempts():
            home = await self._homes.of(owner)
            if home.erased:
                return "erased"
            own = Whole({home.key: known}) if "i:" + source not in fields_of(home.whole) else Whole()
            whole = united(united(home.whole, own), given)
            if whole != home.whole and identifiers(whole) > max(self._homes.limit, identifiers(home.whole)):
                return "too_many"
            # written even where they have it all: who is about to take it from them, by older claims, must read anew
            if (whole == home.whole and not given) or await self._store.replace(home, Filed(home.key, whole)):
                await self._homes.tell(home.key, whole)
                return "linked"
        raise StoreUnavailable("a person keeps changing", code="busy")

    async def settle(self, source: str, holder: str) -> None:
        """Whatever the holder has of an identifier from times when it was somebody else's goes to them. Where others claimed it
        meanwhile, whom it went to may be the wrong ones by now: it goes on from there."""
        holders = {holder}
        async for _ in attempts():
            claims = (await self._store.load(source)).claims
            settled = all([await self._settled(source, each, claims or (Claim(0, b"", source),), holders) for each in sorted(holders)])
            if settled and (await self._store.load(source)).claims == claims:
                return
        raise StoreUnavailable("a person keeps changing", code="busy")

    async def _settled(self, source: str, holder: str, claims: Claims, given: set[str]) -> bool:
        """Whom something goes to is added to `given`; False where the holder changed meanwhile."""
        home = await self._homes.of(holder)
        if source == holder or source not in home.whole.holdings:
            return True
        homes = {owner: (await self._homes.of(owner)).key for owner in {claim.owner for claim in claims}}
        whole, gone = dealt(home.whole, source, lambda at, id: homes[owner_at(claims, at, id)] == home.key)
        if not gone:
            return True
        for owner, key in homes.items():
            _, theirs = dealt(Whole({source: gone}), source, lambda at, id: homes[owner_at(claims, at, id)] != key)  # noqa: B023
            if theirs and key != home.key:
                given.add(owner)
                if await self._give(owner, Whole({source: theirs}), source, claims[0].at) == "too_many":
                    return True  # better with the wrong person than with nobody
        return await self._store.replace(home, Filed(home.key, whole))

    async def tidy(self, key: str) -> None:
        """What came to a person by an identifier that is theirs no more goes to whose it is."""
        home = await self._homes.of(key)
        for origin in home.whole.holdings.keys() - joined(home.whole.edges, home.key):
            await self.settle(origin, key)
