"""What bandits draw is passed on to what they learn by, and so is what came of it; never on the request's path beyond memory.

A draw that was recorded waits here until the next turn of the loop. A reward is an event that names the decision, by its id or by the send;
what was drawn is read from the decision's record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from app.content.question import Answer
from app.content.snapshot import Snapshot
from app.domain.bandits import Bandit, Outcome, Posterior, Showing
from app.domain.decision import Record, decode_record, named_by, spoken_for
from app.domain.event import Event, Heard
from app.errors import StoreUnavailable
from app.ports import BanditStore, ProfileStore
from app.telemetry import log

AT_ONCE = 500
"""Draws that are passed on, or settled, in one step."""
WAITING = 200_000
"""Draws that wait at most while the store is away; beyond, they are not learnt from unless they are rewarded."""


class Rewards:
    """`posteriors` is what the worker's snapshots draw by: state -> the latest that is known here. `bandits` are those that are served."""

    def __init__(
        self, store: BanditStore, profiles: ProfileStore, opened: Callable[[str], tuple[str, str] | None], bandits: Callable[[], Mapping[str, Bandit]],
        told: Callable[[str, str], None],
    ) -> None:
        """`opened` gives the (profile, send) that a decision's id stands for; `told` is given (bandit, outcome) of each reward."""
        self.posteriors: dict[str, Posterior] = {}
        self._store = store
        self._profiles = profiles
        self._opened = opened
        self._bandits = bandits
        self._told = told
        self._shown: dict[str, list[Showing]] = {}
        self._warned = False

    # -- what was drawn --------------------------------------------------------------------------------------------

    def shown(self, snapshot: Snapshot, answer: Answer) -> None:
        """A decision was recorded: what bandits drew in it is learnt of soon."""
        decision, key = answer.decision, answer.profile.key
        for placement in answer.verdicts:
            choice = decision.choices[placement]
            if choice.drawn is not None and choice.offer is not None and key is not None and decision.send is not None:
                due = decision.decided_at + snapshot.rankings[placement].bandit.reward.within
                waiting = self._shown.setdefault(choice.drawn.state, [])
                if len(waiting) < WAITING:
                    waiting.append(Showing(key, decision.send, placement, choice.offer, choice.drawn, due))

    async def withdraw(self, key: str, send: str, data: bytes) -> None:
        """A decision was taken back: what bandits drew in it was shown to nobody, and nothing is learnt of it. Raises `StoreUnavailable`."""
        record, bandits = decode_record(data), self._bandits()
        drawn = [(placement, choice) for placement, choice in record.choices.items() if choice.drawn is not None]
        gone = [
            Showing(key, send, placement, choice.offer or "", choice.drawn, record.decided_at + bandits[choice.drawn.bandit].reward.within)
            for placement, choice in drawn if choice.drawn is not None and choice.drawn.bandit in bandits
        ]
        for each in gone:
            waiting = self._shown.get(each.drawn.state, [])
            if each in waiting:
                waiting.remove(each)
        await self._store.withdraw(gone)

    # -- what came of it -------------------------------------------------------------------------------------------

    async def take(self, events: Sequence[Heard], now: int) -> None:
        """Those that are rewards are counted, each draw's once. Raises `StoreUnavailable`; taking them again then harms nothing."""
        bandits = self._bandits()
        wanted = {each.reward.event for each in bandits.values()}
        await asyncio.gather(*[self._take(each, bandits, now) for each in events if each.event.name in wanted])

    async def _take(self, heard: Heard, bandits: Mapping[str, Bandit], now: int) -> None:
        event = heard.event
        named = named_by(event.properties, heard.who.key, self._opened)
        if named is None:
            return
        data = await self._profiles.decision(*named) if named[1] else None
        if data is None:
            await self._unknown(event, bandits)
            return
        record = decode_record(data)
        for choice in spoken_for(event.properties, record):
            bandit = bandits.get(choice.drawn.bandit) if choice.drawn is not None else None
            if bandit is not None and bandit.reward.event == event.name:
                assert choice.drawn is not None
                showing = Showing(*named, choice.placement, choice.offer or "", choice.drawn, record.decided_at + bandit.reward.within)
                self._told(bandit.id, await self._count(showing, bandit, event, record, now))

    async def _count(self, showing: Showing, bandit: Bandit, event: Event, record: Record, now: int) -> Outcome:
        if event.at > showing.due:
            await self._store.note(showing.drawn.state, "late")
            return "late"
        return await self._store.reward(showing, bandit.reward.of(event.properties), now)

    async def _unknown(self, event: Event, bandits: Mapping[str, Bandit]) -> None:
        for each in bandits.values():
            if each.reward.event == event.name:
                await self._store.note(each.state, "unknown")
                self._told(each.id, "unknown")
        if not self._warned:
            self._warned = True
            log.warning("a reward (%s) names a decision that is not known: no bandit learns from it; others like it are only counted, in inlay_bandit_rewards_total", event.name)

    # -- in the background -----------------------------------------------------------------------------------------

    async def turn(self, now: int) -> None:
        """Pass on what was drawn, settle what is over, publish what was learnt, and see what others published. Raises `StoreUnavailable`."""
        await self._flush()
        bandits = self._bandits()
        if not bandits:
            return
        for each in bandits.values():
            state = each.state
            while await self._store.settle(state, now, AT_ONCE) == AT_ONCE:
                await asyncio.sleep(0)
            await self._store.publish(state, now, each.every)
        for state, posterior in (await self._store.posteriors([each.state for each in bandits.values()])).items():
            if self.posteriors.get(state) != posterior:
                self.posteriors[state] = posterior

    async def _flush(self) -> None:
        while self._shown:
            state, showings = next(iter(self._shown.items()))
            await self._store.show(state, showings[:AT_ONCE])
            del showings[:AT_ONCE]
            if not showings:
                del self._shown[state]

    async def close(self) -> None:
        """Pass on what was drawn since the last turn."""
        try:
            await self._flush()
        except StoreUnavailable:
            log.warning("draws of bandits were not passed on: the store is away; they are learnt from only where they are rewarded")

