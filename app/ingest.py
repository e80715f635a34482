"""The event path: parse -> validate -> identify -> apply to the profiles, once -> say what became of each event."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.content.event_rules import EventRules
from app.domain.change import Append, Change, Merge
from app.domain.event import Heard, Refused
from app.domain.identity import Identifiers
from app.formats.segment import NotHeard
from app.formats.wire import parse
from app.identities import Identities
from app.ports import ProfileStore


@dataclass(slots=True)
class Receipt:
    """`accepted`, `duplicates` and `rejected` are disjoint and sum to what was sent."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Refused] = field(default_factory=list)


Numbered = tuple[int, Heard]
CHUNK = 500


class Ingest:
    """Takes batches of raw events. Raises `StoreUnavailable` where nothing may be claimed to be applied."""

    def __init__(
        self, store: ProfileStore, identities: Identities, random_id: Callable[[], bytes], hashed_id: Callable[[str], bytes],
        gates: Callable[[], Sequence[str]] = tuple, rules: Callable[[], EventRules] = EventRules, identifiers: Callable[[], Identifiers] = Identifiers,
        opt_out: Callable[[Iterable[str], int], Awaitable[None]] | None = None,
    ) -> None:
        """`gates` gives the purposes without whose consent nothing is taken of a person, `rules` what is declared of events,
        `identifiers` how those are filed that name people; `opt_out` is told of people whose browser asks for privacy."""
        self._store = store
        self._identities = identities
        self._random_id = random_id
        self._hashed_id = hashed_id
        self._gates = gates
        self._rules = rules
        self._identifiers = identifiers
        self._opt_out = opt_out

    async def take(self, raws: Sequence[Any], now: int, *, private: bool = False) -> Receipt:
        """What became of each. Other requests get their turn after every few hundred. `private`: a browser sends them that
        asks for privacy, which holds from before these events on."""
        receipt = Receipt()
        for at in range(0, len(raws), CHUNK):
            heard = self._heard(at, raws[at : at + CHUNK], now, receipt)
            if private and self._opt_out is not None:
                await self._opt_out([each.who.key for _, each in heard], now)
            await self.apply(heard, now, receipt)
        receipt.rejected.sort(key=lambda refused: refused.index)
        return receipt

    def _heard(self, first: int, raws: Sequence[Any], now: int, receipt: Receipt) -> list[Numbered]:
        found: list[Numbered] = []
        for index, raw in enumerate(raws, first):
            try:
                found.append((index, parse(raw, now, self._random_id, self._hashed_id)))
            except NotHeard as error:
                receipt.rejected.append(Refused(index, error.reason, error.detail))
        return found

    async def apply(self, heard: Sequence[Numbered], now: int, receipt: Receipt) -> None:
        """Events of one person keep their order. Who is whom goes by the instant of what says so, not by its place."""
        valid = self._valid([(index, self._identifiers().heard(each)) for index, each in heard], receipt)
        consented = await self._consented(valid, receipt)
        await self._apply(await self._linked(consented, now, receipt), now, receipt)

    def _valid(self, heard: Sequence[Numbered], receipt: Receipt) -> Sequence[Numbered]:
        """Those that are as `events:` declares them, without what is personal; the rest are refused."""
        rules = self._rules()
        if rules.idle:
            return heard
        found: list[Numbered] = []
        for index, each in heard:
            try:
                found.append((index, rules.taken(each)))
            except NotHeard as error:
                receipt.rejected.append(Refused(index, error.reason, error.detail))
        return found

    async def _consented(self, heard: Sequence[Numbered], receipt: Receipt) -> Sequence[Numbered]:
        """The events of people who agreed to every purpose that gates ingest; the rest are refused."""
        gates = self._gates()
        if not gates or not heard:
            return heard
        keys = {each.who.key for _, each in heard}
        profiles = dict(zip(keys, await asyncio.gather(*map(self._store.read, keys)), strict=True))
        found: list[Numbered] = []
        for index, each in heard:
            profile = profiles[each.who.key]
            missing = [purpose for purpose in gates if profile.consents.get(purpose) is not True]
            if missing and not profile.erased:
                receipt.rejected.append(Refused(index, "consent", f"this person has not consented to {', '.join(missing)}"))
            else:
                found.append((index, each))
        return found

    async def _linked(self, heard: Sequence[Numbered], now: int, receipt: Receipt) -> Sequence[Numbered]:
        """What `identify` and `alias` say of identities is done; those that would make too many people one are refused."""
        asked = [(index, link) for index, each in heard for link in self._identifiers().links(each)]
        if not asked:
            return heard
        outcomes = await self._identities.link([link for _, link in asked], now)
        refused = {index for (index, link), outcome in zip(asked, outcomes, strict=True) if link.asked and outcome == "too_many"}
        receipt.rejected += [Refused(index, "conflict", "this would make more people one than one person's identifiers can be") for index in refused]
        return [each for each in heard if each[0] not in refused]

    async def _apply(self, heard: Sequence[Numbered], now: int, receipt: Receipt) -> None:
        if not heard:
            return
        by_profile: dict[str, list[Numbered]] = {}
        for each in heard:
            by_profile.setdefault(each[1].who.key, []).append(each)
        writes = [(key, changes_of(rows)) for key, rows in by_profile.items()]
        applied = await self._store.apply(writes, now)
        for rows, outcome in zip(by_profile.values(), applied, strict=True):
            if outcome.erased:
                receipt.rejected += [Refused(index, "erased", "this person was erased") for index, _ in rows]
                continue
            for (index, each), result in zip(rows, outcome.results, strict=True):
                if result == "applied":
                    receipt.accepted += 1
                elif result == "duplicate":
                    receipt.duplicates += 1
                elif result == "erased":
                    receipt.rejected.append(Refused(index, "erased", "this person was erased"))
                else:
                    detail = f"older than what is still kept of {each.event.name}"
                    receipt.rejected.append(Refused(index, "too_old", detail))


def changes_of(rows: Sequence[Numbered]) -> list[Change]:
    """An event means changes: it enters the history, and its traits merge."""
    found: list[Change] = []
    for _, heard in rows:
        found.append(Append(heard.event))
        if heard.traits:
            found.append(Merge(heard.traits, heard.event.at, heard.event.id))
    return found


def receipt_json(receipt: Receipt) -> Mapping[str, Any]:
    return {
        "accepted": receipt.accepted, "duplicates": receipt.duplicates,
        "rejected": [{"index": each.index, "reason": each.reason, "detail": each.detail} for each in receipt.rejected],
    }
