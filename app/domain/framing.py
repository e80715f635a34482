"""Records in a file that is appended to: each with its length and checksum, so that what a crash tore is known.

    record  bytes u32 | CRC-32 of length and payload u32 | payload

All big-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

HEAD = struct.Struct(">II")
_LENGTH = struct.Struct(">I")
MAX_RECORD = 16 << 20
"""No record is longer: what says it is, is torn."""


def framed(payload: bytes) -> bytes:
    length = _LENGTH.pack(len(payload))
    return length + _LENGTH.pack(zlib.crc32(payload, zlib.crc32(length))) + payload


def frames(data: bytes) -> Iterator[tuple[bytes, int]]:
    """(payload, where it ends) of every whole record from the start; ends at the first that is torn or cut off."""
    at = 0
    while at + HEAD.size <= len(data):
        payload = frame_at(data, at)
        if payload is None:
            return
        at += HEAD.size + len(payload)
        yield payload, at


def frame_at(data: bytes, at: int) -> bytes | None:
    """The payload of the record that begins there; None where none does, or it is torn."""
    if at < 0 or at + HEAD.size > len(data):
        return None
    length, checksum = HEAD.unpack_from(data, at)
    end = at + HEAD.size + length
    if length > MAX_RECORD or end > len(data):
        return None
    payload = data[at + HEAD.size : end]
    return payload if zlib.crc32(payload, zlib.crc32(data[at : at + 4])) == checksum else None
