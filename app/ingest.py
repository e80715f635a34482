"""The event path: parse -> validate -> identify -> apply to the profiles, once -> say what became of each event."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.content.event_rules import EventRules
from app.domain.change import Append, Change, Merge
from app.domain.event import Heard, Refused
from app.formats.segment import NotHeard
from app.formats.wire import parse
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
        self, store: ProfileStore, random_id: Callable[[], bytes], hashed_id: Callable[[str], bytes], gates: Callable[[], Sequence[str]] = tuple,
        rules: Callable[[], EventRules] = EventRules, opt_out: Callable[[Iterable[str], int], Awaitable[None]] | None = None,
    ) -> None:
        """`gates` gives the purposes without whose consent nothing is taken of a person, `rules` what is declared of events;
        `opt_out` is told of people whose browser asks for privacy."""
        self._store = store
        self._random_id = random_id
        self._hashed_id = hashed_id
        self._gates = gates
        self._rules = rules
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
        """Events of one person keep their order; one store write for all events up to the next that links people."""
        waiting: list[Numbered] = []
        for each in self._valid(heard, receipt):
            if each[1].link is None:
                waiting.append(each)
                continue
            await self._apply(waiting, now, receipt)
            waiting = []
            await self._linked(*each, now, receipt)
        await self._apply(waiting, now, receipt)

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

    async def _linked(self, index: int, heard: Heard, now: int, receipt: Receipt) -> None:
        """`identify` with both ids, and `alias`: the anonymous id's past and future become the user's."""
        assert heard.link is not None
        if heard.kind == "alias" and (await self._store.read("u:" + heard.link.value)).known:
            receipt.rejected.append(Refused(index, "conflict", "previousId is a user of its own: two users are not merged"))
            return
        before = len(receipt.rejected)
        await self._apply([(index, heard)], now, receipt)
        if len(receipt.rejected) == before:
            await self._store.link(heard.link.key, heard.who.key, now)

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

    async def _apply(self, events: Sequence[Numbered], now: int, receipt: Receipt) -> None:
        heard = await self._consented(events, receipt)
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
