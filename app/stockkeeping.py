"""Looking after stocks: what was held and never recorded goes back, and somebody is told when a pool runs low."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.content.limits import Limits
from app.domain.caps import Doubtful, Level
from app.ports import ProfileStore, Replays, Stocks
from app.voiding import held_by

PATIENCE = 3_600_000
"""Ms after which what is in doubt is looked at: long after any decision that it was taken for can still be recorded."""
MOST = 256
QUIET_SECONDS = 86_400
"""For so long nobody is told again of the same codes running low."""


class Stockkeeping:
    """`opened` tells the (profile key, send) of a decision's id, None of what is none; `low` is told of a pool, how many
    codes are left of how many."""

    def __init__(
        self, stocks: Stocks, store: ProfileStore, told: Replays, opened: Callable[[str], tuple[str, str] | None], low: Callable[[str, int, int], None],
    ) -> None:
        self._stocks = stocks
        self._store = store
        self._told = told
        self._opened = opened
        self._low = low
        self.levels: Mapping[str, Level] = {}

    async def turn(self, limits: Limits, now: int) -> None:
        """One round of both. Repeatable, by several processes at once too."""
        if not limits:
            return
        for each in await self._stocks.doubtful(sorted(limits.stocks), now - PATIENCE, MOST):
            await self._settle(each, now)
        self.levels = await self._stocks.levels(list(limits.pools))
        for pool, level in self.levels.items():
            await self._tell(pool, level, limits.pools[pool])

    async def _settle(self, doubtful: Doubtful, now: int) -> None:
        """Kept where a decision shows it, or where that cannot be told any more: better lost than given twice."""
        opened = self._opened(doubtful.who)
        profile = await self._store.read(*opened) if opened is not None else None
        if profile is None or profile.erased or (profile.record and doubtful.held in held_by(profile.record)):
            await self._stocks.keep([doubtful.held])
        else:
            await self._stocks.lapse([doubtful.held], now - PATIENCE)

    async def _tell(self, pool: str, level: Level, low: int) -> None:
        if level.free > low:
            return
        once = f"low:{pool}:{level.free + level.given}:{level.free == 0}".encode()
        if not await self._told.seen(once):
            await self._told.remember(once, QUIET_SECONDS)
            self._low(pool, level.free, level.free + level.given)
