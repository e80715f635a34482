"""The rows of groups brought together, wherever they stand in a file: in parts, each held in memory by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from struct import Struct
from tempfile import SpooledTemporaryFile
from typing import Any
from zlib import crc32

import msgspec

from app.domain.event import Heard
from app.formats.row_groups import whole_events
from app.formats.rows import Entries, Entry, Rejected

PARTS = 64
IN_MEMORY = 1 << 20
"""Bytes of a part that stay in memory; what is beyond lies on disk until its turn comes."""
_LENGTH = Struct(">I")
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[str, int, Heard, Any]).decode


class Groups:
    """The entries of rows -> those of whole groups, by the cells of one column. Rows that are rejected come first, in the
    order of the file; groups come in that of the parts, which is the same for the same file. `done` is how much of the
    second way is behind, from 0 to 1."""

    def __init__(self, entries: Entries, name: str, place: int | str) -> None:
        self._entries = entries
        self._name = name
        self._place = place
        self.done = 0.0

    def __iter__(self) -> Entries:
        with ExitStack() as stack:
            parts = [stack.enter_context(SpooledTemporaryFile(IN_MEMORY)) for _ in range(PARTS)]
            for entry in self._entries:
                if isinstance(entry, Rejected):
                    yield entry
                    continue
                number, heard, row = entry
                group = row[self._place]
                if group is None or group == "":
                    yield Rejected(number, f"no {self._name}", row)
                    continue
                data = _pack((str(group), number, heard, row))
                parts[crc32(str(group).encode("utf-8", "surrogatepass")) % PARTS].write(_LENGTH.pack(len(data)) + data)
            for number, part in enumerate(parts, 1):
                part.seek(0)
                yield from whole_events(_kept(part.read()))
                self.done = number / PARTS


def _kept(data: bytes) -> Iterator[tuple[str, Entry]]:
    at = 0
    while at < len(data):
        end = at + 4 + _LENGTH.unpack_from(data, at)[0]
        group, number, heard, row = _unpack(data[at + 4 : end])
        yield group, (number, heard, row)
        at = end
