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
        self._under_way: set[Deadline] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking = False

    def until(self, instant: float) -> Deadline:
        return Deadline(self, instant)

    def begin(self, block: Deadline, loop: asyncio.AbstractEventLoop) -> None:
        self._under_way.add(block)
        if not self._looking or self._loop is not loop:
            self._looking, self._loop = True, loop
            loop.call_later(LOOK_SECONDS, self._look)

    def end(self, block: Deadline) -> None:
        self._under_way.discard(block)

    def _look(self) -> None:
        assert self._loop is not None
        if not self._under_way:
            self._looking = False
            return
        now = monotonic()
        for late in [block for block in self._under_way if block.instant <= now]:
            late.stop()
        self._loop.call_later(LOOK_SECONDS, self._look)


class Deadline:
    """One block of one task; entered once."""

    __slots__ = ("_all", "_late", "_task", "instant")

    def __init__(self, all: Deadlines, instant: float) -> None:
        self._all = all
        self.instant = instant
        self._late = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task = task
        self._all.begin(self, loop)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._all.end(self)
        if self._late and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def stop(self) -> None:
        self._late = True
        self._all.end(self)
        self._task.cancel()
