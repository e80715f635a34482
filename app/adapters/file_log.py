"""The decision log's stream in a folder: what is put waits in memory for a moment, and a thread appends it to a file.

Nobody who decides ever waits for the disk. What finds no room is dropped and counted: in memory, where the disk is too slow;
on the disk, where the stream has grown to its limit because nobody packs it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.domain.framing import framed
from app.domain.dictionary import Dictionary
from app.domain.history import NO_HISTORY
from app.journal.archive import Archive
from app.journal.segments import Segment, day_of, segments

FLUSH_SECONDS = 0.1
BUFFER_BYTES = 32 << 20
MEASURE_SECONDS = 10.0


class FileLog:
    """`DecisionLog` in `folder`, of which the stream takes at most `limit` bytes. `counted` is told (what became of records:
    written, buffer, full or disk; how many). `content` says where the files of the served version are, `items` what there is."""

    def __init__(
        self, folder: Path, limit: int, counted: Callable[[str, int], None], content: Callable[[], tuple[str, Path] | None],
        items: Callable[[], list[Mapping[str, Any]]],
    ) -> None:
        self._folder = folder
        self._archive = Archive(folder)
        self._limit = limit
        self._counted = counted
        self._content = content
        self._items = items
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._names: Dictionary = NO_HISTORY.names
        self._kept_names = (0, 0)
        self._kept_day = ""
        self._segment: Segment | None = None
        self._number = 0
        self._size = 0
        self._measured = 0.0
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def put(self, payload: bytes, names: Dictionary | None = None) -> None:
        if self._bytes + len(payload) > BUFFER_BYTES:
            self._counted("buffer", 1)
            return
        self._waiting.append(payload)
        self._bytes += len(payload)
        if names is not None and names.epoch:
            self._names = names

    # -- writing ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while not self._stopping:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Append what waits; when it returns, others find it."""
        batch, self._waiting, held = self._waiting, [], self._bytes
        if not batch:
            return
        items = self._items() if self._kept_day != day_of(time.time_ns() // 1_000_000) else None
        outcome = await asyncio.to_thread(self._write, batch, items)
        self._bytes -= held
        self._counted(outcome, len(batch))

    def _write(self, batch: list[bytes], items: list[Mapping[str, Any]] | None) -> str:
        try:
            if not self._room():
                return "full"
            self._keep(items)
            data = b"".join(map(framed, batch))
            if self._segment is None or self._segment.done:
                self._roll()
            assert self._segment is not None
            self._segment.append(data)
        except OSError:
            return "disk"
        self._size += len(data)
        return "written"

    def _room(self) -> bool:
        """Whether the stream, of all processes together, is below its limit."""
        if time.monotonic() - self._measured > MEASURE_SECONDS:
            self._measured, self._size = time.monotonic(), sum(map(_size, segments(self._folder)))
        return self._size < self._limit

    def _keep(self, items: list[Mapping[str, Any]] | None) -> None:
        """What the records will be read with, before they can be read."""
        names = self._names
        if names.epoch and (names.epoch, names.size) != self._kept_names:
            kept = names.epoch, names.size
            self._archive.keep_names(names)
            self._kept_names = kept
        served = self._content()
        if served is not None:
            self._archive.keep_content(*served)
        if items is not None:
            self._kept_day = day_of(time.time_ns() // 1_000_000)
            self._archive.keep_items(self._kept_day, items)

    def _roll(self) -> None:
        if self._segment is not None:
            self._segment.close()
        self._number += 1
        self._segment = Segment(self._folder / "stream", self._number)

    async def stop(self) -> None:
        """What waits is written; the file can be packed."""
        self._stopping = True
        if self._task is not None:
            await self._task
        await self.flush()
        if self._segment is not None:
            self._segment.close()
            self._segment = None


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
