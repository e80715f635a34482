"""How a person's events lie in one string of bytes: its parts, their writing, and decoders of payloads that lie end to end.

One string holds them, sorted by (timestamp, id):

    header  epoch u32 and size u32 of the dictionary of names | events u32 | tail entries u8 | trimmed types u8
    T       u64 per event, ms            I   6 bytes per event, the hashed messageId
    S       1 byte per event, its type   O   u16 per event, bytes of its payload
    P       payloads                     X   27 bytes per trimmed type: type u8, watermark (u64, 6 bytes),
                                             first instant u64, events trimmed u32

or, where `SEALED` is set in the number of tail entries, in place of O and P the columns of `sealing`, which lose nothing.

All big-endian. A tail of entries (u16 length, u64, 6 bytes, type, payload), in order of arrival and all later than the
columns, may follow; the store folds it in now and then. A payload is two msgpack values: the number of a shape (its interned property names) and the
array of the properties' values; shape 0 is followed by a map that carries its own names. So payloads laid end to end are
one msgpack array but for its header, decoded in one call. Type 255 is for event names beyond the 254th: the payload then
starts with the name's number. The layout and its figures: `apply.lua` writes it, `bench/` measures it.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from app.domain.dictionary import ESCAPE, Dictionary
from app.domain.event import ID_BYTES

HEADER = struct.Struct(">IIIBB")
SEALED = 128
TRIMMED = struct.Struct(">BQ6sQI")
ENTRY = struct.Struct(">Q6sB")
U2 = struct.Struct(">H")


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What outlives the events of a type that were trimmed: they all lie at or before `watermark`."""

    watermark: int
    first_at: int
    count: int


@cache
def leading(bits: int) -> Callable[[bytes], list[Any]]:
    """Decodes payloads laid end to end; what stands in a row behind its first `2 ** bits` values is skipped, not made."""
    row = msgspec.defstruct("Row", [(f"p{i}", Any, None) for i in range(1 << bits)], array_like=True, gc=False)
    return msgspec.msgpack.Decoder(list[int | row | dict[str, Any]]).decode


@lru_cache(256)
def plucking(at: int, key: str) -> tuple[Callable[[bytes], list[Any]], Callable[[Any], str]]:
    """Decodes payloads laid end to end, and reads one part."""
    part = msgspec.defstruct("Part", [("value", str)], rename={"value": key}, gc=False)
    row = msgspec.defstruct("Row", [*[(f"p{i}", Any) for i in range(at)], ("parts", list[part])], array_like=True, gc=False)
    return msgspec.msgpack.Decoder(list[int | row]).decode, attrgetter("value")


@cache
def property_at(position: int) -> Callable[[Any], Any]:
    """What a row that `History.rows` gave holds there."""
    return attrgetter(f"p{position}")


@cache
def only_type(code: int) -> bytes:
    """A table for `bytes.translate` that leaves 1 where a byte is `code`, else 0."""
    return bytes(byte == code for byte in range(256))


def trimmed_row(names: Dictionary, name: str, gone: Trimmed) -> bytes:
    """The row that tells what was trimmed of a type; the id of the last one is not known any more."""
    number = names.types.get(name) or names.learn_type(name)
    return TRIMMED.pack(min(number, ESCAPE), gone.watermark, b"\xff" * ID_BYTES, gone.first_at, gone.count)


def pack_columns(rows: list[tuple[int, bytes, int, bytes]], names: Dictionary, gone: Sequence[bytes] = ()) -> bytes:
    """Rows of (timestamp, id, type code, payload), sorted, as the stored string; `gone` are the rows of trimmed types."""
    ts = array("Q", [row[0] for row in rows])
    ts.byteswap()
    lengths = array("H", [len(row[3]) for row in rows])
    lengths.byteswap()
    header = HEADER.pack(names.epoch, names.size, len(rows), 0, len(gone))
    ids, types = b"".join([row[1] for row in rows]), bytes([row[2] for row in rows])
    return b"".join((header, ts.tobytes(), ids, types, lengths.tobytes(), *[row[3] for row in rows], *gone))
