"""The spool: what was acknowledged while the store was away, on the disk of this machine.

Each worker appends to files of its own in one folder. What several requests bring at once shares one fsync. A file is
removed when all of it was applied; those of a worker that ended are adopted by another. Being applied twice, after a crash
in between, changes nothing: events have ids.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.adapters.spool_file import SUFFIX, SpoolFile
from app.domain.framing import framed
from app.domain.spooled import Spooled
from app.errors import SpoolFull
from app.telemetry import log

FILE_BYTES = 8 << 20
"""A file takes no more once it is this large."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Spooled).decode


@dataclass(slots=True)
class _Waiting:
    data: bytes
    keys: Counter[str]
    done: asyncio.Future[None]


class FileSpool:
    """`Spool` in a folder of which all workers of a machine together use at most `limit` bytes."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._files: list[SpoolFile] = []
        self._keys: Counter[str] = Counter()
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._saving: asyncio.Task[None] | None = None
        self._given: tuple[SpoolFile, int, Counter[str]] | None = None
        self._filled = asyncio.Event()
        self._others = 0
        self._number = 0
        self._oldest = 0

    # -- what is known of it -----------------------------------------------------------------------------------------

    @property
    def empty(self) -> bool:
        return not self._keys

    @property
    def size(self) -> int:
        return sum(file.size - file.read_to for file in self._files)

    @property
    def oldest(self) -> int | None:
        return self._oldest if self._files else None

    def holds(self, key: str) -> bool:
        return key in self._keys

    # -- filling -----------------------------------------------------------------------------------------------------

    async def put(self, records: Sequence[Spooled]) -> None:
        data = b"".join([framed(_encode(each)) for each in records])
        if self._others + sum(file.size for file in self._files) + self._waiting_bytes + len(data) > self._limit:
            raise SpoolFull(f"the spool holds its {self._limit >> 20:,} MB: the store has been away for too long; try again later")
        if not self._files and records:
            self._oldest = records[0].at
        waiting = _Waiting(data, Counter(key for each in records for key in each.keys), asyncio.get_running_loop().create_future())
        self._keys.update(waiting.keys)
        self._waiting.append(waiting)
        self._waiting_bytes += len(data)
        if self._saving is None:
            self._saving = asyncio.create_task(self._save())
        await asyncio.shield(waiting.done)

    async def _save(self) -> None:
        """What came while the disk was busy shares the next fsync."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await asyncio.to_thread(self._append, b"".join([each.data for each in batch]))
            except OSError as error:
                for each in batch:
                    self._release(each.keys)
                    each.done.set_exception(SpoolFull(f"the spool cannot be written: {error.strerror}"))
                    each.done.exception()
            else:
                for each in batch:
                    each.done.set_result(None)
                self._filled.set()
            self._waiting_bytes -= sum(len(each.data) for each in batch)
        self._saving = None

    def _append(self, data: bytes) -> None:
        last = self._files[-1] if self._files else None
        if last is None or last.sealed or last.size >= FILE_BYTES:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._number += 1
            last = SpoolFile.create(self._folder / f"{time.time_ns():020}-{os.getpid()}-{self._number}{SUFFIX}")
            self._files.append(last)
        last.append(data)

    # -- emptying ----------------------------------------------------------------------------------------------------

    async def next(self, most: int) -> Sequence[Spooled]:
        while True:
            for file in list(self._files):
                payloads, end = await asyncio.to_thread(file.records, file.read_to, most)
                if payloads:
                    records = self._decoded(file, payloads)
                    if records is None:
                        continue
                    self._given = file, end, Counter(key for each in records for key in each.keys)
                    self._oldest = records[0].at
                    return records
                self._leave(file)
            self._filled.clear()
            await self._filled.wait()

    def _decoded(self, file: SpoolFile, payloads: Sequence[bytes]) -> list[Spooled] | None:
        """The records; None where another version of Inlay wrote them in a way of its own: the file is set aside then."""
        try:
            return [_decode(payload) for payload in payloads]
        except msgspec.DecodeError:
            log.error("the spool file %s cannot be read by this version of Inlay; it is kept as .unreadable", file.path.name)
            self._files.remove(file)
            file.set_aside()
            return None

    def _release(self, keys: Counter[str]) -> None:
        """What waited for these profiles waits no more. Whole-counter arithmetic would look at every key there is."""
        for key, number in keys.items():
            left = self._keys[key] - number
            if left > 0:
                self._keys[key] = left
            else:
                del self._keys[key]

    def done(self) -> None:
        assert self._given is not None
        file, end, keys = self._given
        self._given = None
        file.read_to = end
        self._release(keys)
        if end == file.size:
            self._leave(file)

    def _leave(self, file: SpoolFile) -> None:
        """Remove a file that holds nothing more, unless something is just being written to it."""
        if file.sealed or file.size >= FILE_BYTES or self._saving is None:
            if file in self._files:
                self._files.remove(file)
                file.remove()

    async def adopt(self) -> None:
        """Take over what others left behind, and see how much of the room the living use."""
        adopted, self._others = await asyncio.to_thread(self._look_round, {file.path for file in self._files})
        for file in adopted:
            self._keys.update(await asyncio.to_thread(_keys_of, file))
        if adopted:
            self._files = [*adopted, *self._files]
            self._filled.set()

    def _look_round(self, own: set[Path]) -> tuple[list[SpoolFile], int]:
        adopted: list[SpoolFile] = []
        others = 0
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            if path in own:
                continue
            file = SpoolFile.adopt(path)
            if file is not None:
                adopted.append(file)
            else:
                with suppress(OSError):
                    others += path.stat().st_size
        return adopted, others

    async def close(self) -> None:
        """What is being written is written; the files stay for whoever comes next."""
        if self._saving is not None:
            await self._saving
        for file in self._files:
            file.close()
        self._files = []


def _keys_of(file: SpoolFile) -> Counter[str]:
    """The profiles that a file is about; what is torn at its end does not count."""
    found: Counter[str] = Counter()
    at = 0
    while True:
        payloads, end = file.records(at, 1_000)
        if not payloads:
            file.size = at
            return found
        for payload in payloads:
            with suppress(msgspec.DecodeError):
                found.update(_decode(payload).keys)
        at = end
