"""One file of the spool: framed records (`domain/framing.py`), appended and fsynced; read up to the first that is torn.

A file belongs to the process that holds its lock, which the kernel lets go of when the process ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from app.domain.framing import MAX_RECORD, frames

READ_BYTES = 1 << 20
SUFFIX, UNREADABLE = ".spool", ".unreadable"


class SpoolFile:
    """`size` is how much of it is on the disk, `read_to` how much of that was applied; `sealed` takes nothing more."""

    def __init__(self, path: Path, fd: int, size: int, *, sealed: bool) -> None:
        self.path = path
        self.size = size
        self.read_to = 0
        self.sealed = sealed
        self._fd = fd

    @staticmethod
    def create(path: Path) -> SpoolFile:
        """A new one, whose name is on the disk too; it is locked before it can be seen. OSError where there is no room."""
        part = path.with_suffix(".part")
        fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return SpoolFile(path, fd, 0, sealed=False)

    @staticmethod
    def adopt(path: Path) -> SpoolFile | None:
        """One that a process left behind when it ended; None where it is another's, or gone."""
        try:
            fd = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_nlink:
                return SpoolFile(path, fd, os.fstat(fd).st_size, sealed=True)
        except BlockingIOError:
            pass
        os.close(fd)
        return None

    def append(self, data: bytes) -> None:
        """On the disk when it returns. OSError: nothing of it counts; the file is sealed where that cannot be undone."""
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._fd, view) :]
            os.fdatasync(self._fd)
        except OSError:
            self.sealed = True  # after a failed fsync nobody knows what later ones mean
            with suppress(OSError):
                os.ftruncate(self._fd, self.size)
            raise
        self.size += len(data)

    def records(self, start: int, most: int) -> tuple[Sequence[bytes], int]:
        """Up to `most` payloads from `start` on, and where the last of them ends; none where all that is whole was read."""
        span = READ_BYTES
        while True:
            data = os.pread(self._fd, min(span, self.size - start), start)
            found: list[bytes] = []
            last = 0
            for payload, end in islice(frames(data), most):
                found.append(payload)
                last = end
            if found or len(data) >= self.size - start or span > MAX_RECORD:
                return found, start + last
            span *= 4

    def remove(self) -> None:
        with suppress(FileNotFoundError):
            self.path.unlink()
        os.close(self._fd)

    def set_aside(self) -> None:
        """Keep it for people to look at; nobody adopts it any more."""
        self.path.rename(self.path.with_suffix(UNREADABLE))
        os.close(self._fd)

    def close(self) -> None:
        """Let go of it; whoever comes next may adopt it."""
        os.close(self._fd)
