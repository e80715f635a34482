"""What people agree to: answers are noted, and hold from the next call on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from app.domain.change import Grant
from app.domain.consent import BY_GPC, Answer
from app.domain.event import Refused
from app.domain.order import Numbered
from app.domain.profile import Profile
from app.domain.receipt import Receipt
from app.errors import NotFound
from app.ports import ConsentLog, ProfileStore


class Consents:
    """`gpc` gives the purposes that a browser's Global Privacy Control denies. Raises `StoreUnavailable`."""

    def __init__(self, store: ProfileStore, log: ConsentLog, gpc: Callable[[], Sequence[str]]) -> None:
        self._store = store
        self._log = log
        self._gpc = gpc

    async def answer(self, key: str, answers: Sequence[Answer], now: int) -> None:
        """Of several answers about a purpose the latest holds, whichever came first. `NotFound` where the person was erased."""
        outcome = (await self._store.apply([(key, [Grant(each.purpose, each.granted, each.at) for each in answers])], now))[0]
        if outcome.erased:
            raise NotFound("this person was erased: nothing is kept of them any more", code="erased")
        await self._log.note(key, answers)

    async def history(self, key: str, profile: Profile) -> list[Answer]:
        """Every answer that is kept, under whichever identifier it was given, the oldest first."""
        return await self._log.answers((key, profile.key or key, *(each.key for each in profile.identities)))

    async def opt_out(self, keys: Iterable[str], now: int) -> None:
        """A browser asked for privacy (Global Privacy Control) in the name of these people. The first time it does, it denies;
        a consent that was given after that was given in spite of the signal, and stays. Of somebody unknown nothing is noted:
        without an answer everything is denied."""
        purposes = self._gpc()
        if purposes:
            await asyncio.gather(*(self._opt_out(key, purposes, now) for key in set(keys)))

    async def _opt_out(self, key: str, purposes: Sequence[str], now: int) -> None:
        profile = await self._store.read(key)
        asked = [purpose for purpose in purposes if profile.consents.get(purpose) is not False]
        if not asked or not profile.known or profile.erased:
            return
        told = {each.purpose for each in await self.history(key, profile) if each.source == BY_GPC}
        if denied := [Answer(now, purpose, False, BY_GPC) for purpose in asked if purpose not in told]:
            await self._store.apply([(key, [Grant(each.purpose, False, now) for each in denied])], now)
            await self._log.note(key, denied)


async def consented(store: ProfileStore, gates: Sequence[str], heard: Sequence[Numbered], receipt: Receipt) -> Sequence[Numbered]:
    """The events of people who agreed to every purpose that gates ingest; the rest are refused."""
    if not gates or not heard:
        return heard
    keys = {each.who.key for _, each in heard}
    profiles = dict(zip(keys, await asyncio.gather(*map(store.read, keys)), strict=True))
    found: list[Numbered] = []
    for index, each in heard:
        profile = profiles[each.who.key]
        missing = [purpose for purpose in gates if profile.consents.get(purpose) is not True]
        if missing and not profile.erased:
            receipt.rejected.append(Refused(index, "consent", f"this person has not consented to {', '.join(missing)}"))
        else:
            found.append((index, each))
    return found
