"""The event path: parse -> validate -> identify -> apply to the profiles, once -> say what became of each event.

While the store is away events wait in the spool; what is refused is kept as a dead letter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any

import msgspec

from app.consents import consented
from app.content.event_rules import EventRules
from app.content.logbook import Logbook
from app.domain.change import changes_of
from app.domain.dead_letter import EVENTS, letter_of, to_be_kept, unaddressed
from app.domain.event import Refused
from app.domain.identity import Identifiers
from app.domain.order import Numbered, parted
from app.domain.receipt import Receipt
from app.domain.spooled import Spooled
from app.errors import StoreUnavailable
from app.formats.segment import NotHeard
from app.formats.wire import asks_for_privacy, parse
from app.identities import Identities
from app.ports import DeadLetters, Enrichment, ProfileStore, Spool, Synced
from app.rewards import Rewards

_encode = msgspec.json.Encoder().encode
CHUNK = 500


class Ingest:
    """Takes batches of raw events. Raises `StoreUnavailable`, or `SpoolFull`, where nothing may be claimed to be kept."""

    def __init__(
        self, store: ProfileStore, identities: Identities, random_id: Callable[[], bytes], hashed_id: Callable[[str], bytes],
        gates: Callable[[], Sequence[str]] = tuple, rules: Callable[[], EventRules] = EventRules, identifiers: Callable[[], Identifiers] = Identifiers,
        opt_out: Callable[[Iterable[str], int], Awaitable[None]] | None = None, *, spool: Spool | None = None, dead: DeadLetters | None = None, enrichment: Enrichment | None = None,
        synced: Synced | None = None, logbook: Logbook | None = None, rewards: Rewards | None = None,
    ) -> None:
        """`gates` gives the purposes without whose consent nothing is taken of a person, `rules` what is declared of events,
        `identifiers` how those are filed that name people; `opt_out` is told of people whose browser asks for privacy.
        Without a spool nothing is taken while the store is away. `synced` is waited for once a batch, for all that was written of it."""
        self._store = store
        self._identities = identities
        self._random_id = random_id
        self._hashed_id = hashed_id
        self._gates = gates
        self._rules = rules
        self._identifiers = identifiers
        self._opt_out = opt_out
        self._spool = spool
        self._dead = dead
        self._enrichment = enrichment
        self._synced = synced
        self._logbook = logbook
        self._rewards = rewards

    async def take(self, raws: Sequence[Any], now: int, body_of: Callable[[int], bytes] | None = None, *, private: Collection[int] = ()) -> Receipt:
        """What became of each; `body_of` gives the bytes of one as it came. Other requests get their turn after every few hundred.
        `private` are those that come from a browser that asks for privacy, beside the events that say so themselves: that holds from
        before these events on."""
        receipt, asking = Receipt(), {*private, *(index for index, raw in enumerate(raws) if asks_for_privacy(raw))}
        for at in range(0, len(raws), CHUNK):
            heard: Sequence[Numbered] = self._heard(at, raws[at : at + CHUNK], now, receipt)
            if self._enrichment is not None:
                heard = await self._enrichment.known(raws, heard)
            await self.apply(heard, now, receipt, private=asking)
        receipt.rejected.sort(key=lambda refused: refused.index)

        def body(index: int) -> bytes:
            raw = unaddressed(raws[index])
            return _encode(raw) if body_of is None or raw is not raws[index] else body_of(index)

        buried = await self.bury(receipt, now, body)
        if buried or receipt.accepted or receipt.duplicates:
            await self.synced()
        return receipt

    async def synced(self) -> None:
        """What was written is on the disk. Where that is not sure, it may be written again: that changes nothing."""
        if self._synced is not None:
            await self._synced()

    async def opt_out(self, raws: Sequence[Any], now: int) -> None:
        """The people of these events, of which nothing else is taken, ask for privacy."""
        if self._opt_out is not None:
            await self._opt_out([each.who.key for _, each in self._heard(0, raws, now, Receipt())], now)

    def _heard(self, first: int, raws: Sequence[Any], now: int, receipt: Receipt) -> list[Numbered]:
        found: list[Numbered] = []
        for index, raw in enumerate(raws, first):
            try:
                found.append((index, parse(raw, now, self._random_id, self._hashed_id)))
            except NotHeard as error:
                receipt.rejected.append(Refused(index, error.reason, error.detail))
        return found

    async def apply(self, heard: Sequence[Numbered], now: int, receipt: Receipt, *, private: Collection[int] = ()) -> None:
        """While the store is away all go to the spool, and whoever's earlier events are there go behind them."""
        filed = self._identifiers().heard
        ready, behind = self._valid([(index, filed(each)) for index, each in heard], receipt), ()
        if self._spool is not None and not self._spool.empty:
            ready, behind = parted(ready, self._spool.holds)
        left = await self.settle(ready, now, receipt, [each.who.key for index, each in ready if index in private] if private else ())
        if waiting := [*left, *behind]:
            if self._spool is None:
                raise StoreUnavailable("the store is away, and there is no spool")
            await self._spool.put([Spooled(now, each, private=index in private) for index, each in waiting])
            receipt.spooled += len(waiting)

    async def settle(self, heard: Sequence[Numbered], now: int, receipt: Receipt, private: Collection[str] = ()) -> Sequence[Numbered]:
        """Apply them, those of one person in their order, after these people's opt-out. Who is whom goes by the instant of what
        says so, not by its place. Gives all back where the store is away: done in part, they may be done again."""
        mark = receipt.mark()
        try:
            if private and self._opt_out is not None:
                await self._opt_out(private, now)
            agreed = await consented(self._store, self._gates(), heard, receipt)
            await self._apply(await self._linked(agreed, now, receipt), now, receipt)
        except StoreUnavailable:
            receipt.back_to(mark)
            return heard
        return ()

    async def bury(self, receipt: Receipt, now: int, body_of: Callable[[int], bytes], source: str = EVENTS) -> bool:
        """Keep what was refused, with its bytes. Whether the store has any of it, and not the spool."""
        letters = to_be_kept([letter_of(refused, body_of(refused.index), now, source) for refused in receipt.rejected])
        if not letters or self._dead is None:
            return False
        try:
            await self._dead.put(letters, now)
        except StoreUnavailable:
            if self._spool is None:
                raise
            await self._spool.put([Spooled(now, None, each) for each in letters])
            return False
        return True

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
        writes = [(key, changes_of([each for _, each in rows])) for key, rows in by_profile.items()]
        applied = await self._store.apply(writes, now)
        if self._enrichment is not None:
            self._enrichment.follow([each for _, each in heard])
        taken = list(zip(by_profile.values(), applied, strict=True))
        if self._rewards is not None:
            await self._rewards.take([each for rows, outcome in taken for (_, each), result in zip(rows, outcome.results, strict=False) if result in ("applied", "duplicate")], now)
        for rows, outcome in taken:
            receipt.note(rows, outcome)
            if self._logbook is not None:
                self._logbook.outcomes([each for (_, each), result in zip(rows, outcome.results, strict=False) if result == "applied"])
