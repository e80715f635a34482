"""The stream of a log: files that servers append records to, until they are packed."""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.domain.framing import HEAD, frame_at, frames
from app.domain.logged import Entry, unframe

SUFFIX = ".log"
FULL_BYTES = 64 << 20
OLD_SECONDS = 3_600.0
"""A file is closed when it is full or old: it can be packed then."""

Trouble = Callable[[Path, str], None]
"""(file, what is wrong with it): told, while the rest goes on."""


def day_of(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant / 1000, UTC):%Y-%m-%d}"


class Segment:
    """A file that this process appends to; its lock says that it is not done with it."""

    def __init__(self, folder: Path, number: int) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / f"{time.time_ns():020}-{os.getpid()}-{number}{SUFFIX}"
        self.size = 0
        self._born = time.monotonic()
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    @property
    def done(self) -> bool:
        return self.size >= FULL_BYTES or time.monotonic() - self._born > OLD_SECONDS

    def append(self, data: bytes) -> None:
        """OSError where the disk takes it not; a part that was written is cut off again."""
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError:
            os.ftruncate(self._fd, self.size)
            raise
        self.size += len(data)

    def close(self) -> None:
        os.close(self._fd)


def segments(folder: Path) -> list[Path]:
    """The files of the stream of a log's folder, oldest first."""
    return sorted((folder / "stream").glob(f"*{SUFFIX}"))


def closed(path: Path) -> bool:
    """Whether no process writes to the file any more."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def entries(path: Path, trouble: Trouble) -> Iterator[Entry]:
    """Every whole record, in order. A file that was cut in the middle gives what is before the cut."""
    data, at = path.read_bytes(), 0
    unknown = 0
    for payload, end in frames(data):
        at = end
        try:
            yield unframe(payload)
        except (msgspec.DecodeError, IndexError):
            unknown += 1
    if unknown:
        trouble(path, f"{unknown:,} records are of another version of Inlay and were passed over")
    if at != len(data) and closed(path):
        trouble(path, f"cut in the middle: the last {len(data) - at:,} of {len(data):,} bytes hold no whole record and were passed over")


def find(path: Path, id: bytes) -> Iterator[Entry]:
    """The records of one decision in a file of the stream."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            at = data.find(id)
            while at >= 0:
                payload = frame_at(_span(data, at - HEAD.size), 0)
                if payload is not None and payload.startswith(id):
                    yield unframe(payload)
                at = data.find(id, at + 1)


def _span(data: mmap.mmap, start: int) -> bytes:
    """The bytes of the record that may begin there."""
    if start < 0:
        return b""
    length = int.from_bytes(data[start : start + 4], "big")
    return data[start : start + HEAD.size + min(length, FULL_BYTES)]
