"""Deadlines of many tasks by one clock: what `asyncio.timeout` does, at a tenth of its price where nobody is late.

`asyncio.timeout` sets a timer of the loop for each block and takes it back (measured: `bench/`, 4 µs of a request). Here
one timer looks at all blocks under way every few milliseconds, and none runs while there are none. The clock is
`time.monotonic`: uvloop's own counts whole milliseconds and stands still within a tick.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from types import TracebackType

LOOK_SECONDS = 0.005
"""So much later than its deadline a block may be stopped."""


class Deadlines:
    """`with deadlines.until(instant):` stops what the block awaits once `time.monotonic` is there, by `TimeoutError`."""

    def __init__(self) -> None:
        self.under_way: set[Deadline] = set()
        self.looking: asyncio.AbstractEventLoop | None = None
        """The loop whose timer looks at them; None while there is nothing to look at."""

    def until(self, instant: float) -> Deadline:
        return Deadline(self, instant)

    def look(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on, every few milliseconds, as long as blocks are under way."""
        self.looking = loop
        loop.call_later(LOOK_SECONDS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self.under_way:
            self.looking = None
            return
        now = monotonic()
        for late in [block for block in self.under_way if block.instant <= now]:
            late.stop()
        loop.call_later(LOOK_SECONDS, self._look, loop)


class Deadline:
    """One block of one task; entered once."""

    __slots__ = ("_all", "_late", "_task", "instant")

    def __init__(self, all: Deadlines, instant: float) -> None:
        self._all = all
        self.instant = instant
        self._late = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(loop)
        self._all.under_way.add(self)
        if self._all.looking is not loop:
            self._all.look(loop)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._all.under_way.discard(self)
        if self._late and self._task is not None and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def stop(self) -> None:
        self._late = True
        self._all.under_way.discard(self)
        if self._task is not None:
            self._task.cancel()
