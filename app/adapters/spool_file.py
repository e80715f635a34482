"""One file of the spool: records of length, checksum and payload, appended and fsynced; read up to the first that is torn.

    record  bytes u32 | CRC-32 of length and payload u32 | payload

All big-endian. A file belongs to the process that holds its lock, which the kernel lets go of when the process ends.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

HEAD = struct.Struct(">II")
_LENGTH = struct.Struct(">I")
MAX_RECORD = 16 << 20
"""No record is longer: what says it is, is torn."""
READ_BYTES = 1 << 20
SUFFIX, UNREADABLE = ".spool", ".unreadable"


def framed(payload: bytes) -> bytes:
    length = _LENGTH.pack(len(payload))
    return length + _LENGTH.pack(zlib.crc32(payload, zlib.crc32(length))) + payload


def frames(data: bytes) -> Iterator[tuple[bytes, int]]:
    """(payload, where it ends) of every whole record from the start; ends at the first that is torn or cut off."""
    at = 0
    while at + HEAD.size <= len(data):
        length, checksum = HEAD.unpack_from(data, at)
        end = at + HEAD.size + length
        if length > MAX_RECORD or end > len(data):
            return
        payload = data[at + HEAD.size : end]
        if zlib.crc32(payload, zlib.crc32(data[at : at + 4])) != checksum:
            return
        yield payload, end
        at = end


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
