"""A `ProfileStore` that counts what people do with what they were sent, for caps in total over exposures and clicks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.content.limits import CLICKED, OPENED, Limits
from app.domain.caps import Counting, Hold
from app.domain.change import Append, Applied, Change
from app.domain.decision import offers_sent
from app.domain.event import Event
from app.ports import ProfileStore, Stocks

COUNTS: dict[str, tuple[Counting, ...]] = {OPENED: ("exposure",), CLICKED: ("exposure", "click")}


class ReactingStore:
    """Counts before it applies: what fails between the two is sent again, and counted once all the same."""

    def __init__(self, store: ProfileStore, stocks: Stocks, holder: Callable[[str, str], str], limits: Callable[[], Limits | None]) -> None:
        self._store = store
        self._stocks = stocks
        self._holder = holder
        self._limits = limits
        self.read = store.read
        self.read_many = store.read_many
        self.erase = store.erase
        self.record = store.record
        self.decision = store.decision

    async def apply(self, writes: Sequence[tuple[str, Sequence[Change]]], now: int, *, until: int = 0) -> list[Applied]:
        limits = self._limits()
        if limits is not None and limits.reacting:
            for key, changes in writes:
                for change in changes:
                    if isinstance(change, Append) and change.event.name in COUNTS:
                        await self._count(limits, key, change.event)
        return await self._store.apply(writes, now, until=until)

    async def _count(self, limits: Limits, key: str, event: Event) -> None:
        send = event.properties.get("send")
        profile = await self._store.read(key, send) if isinstance(send, str) else None
        if profile is None or not profile.record or not isinstance(send, str):
            return
        _, shown = offers_sent(profile.record)
        holder = self._holder(profile.key or key, send)
        held = [Hold(limit.stock, holder) for limit in limits.reacting if limit.cap.counting in COUNTS[event.name] and limit.shows(shown)]
        await self._stocks.tick(held, event.at)
