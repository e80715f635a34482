"""Taking people out of a log: what stays of a record leads to nobody.

The stream is changed in place, under the feet of who appends to it: an unlinked record is shorter than the one before, and is filled
up to its length.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from app.domain.framing import HEAD, framed, frames
from app.domain.logged import Entry, Outcome, decode_logged, encode_logged, padded, unframe, who_of
from app.errors import LogUnusable
from app.journal.packed import ROWS, arrow
from app.journal.segments import segments

FORGOTTEN_DAYS = 40


def forget(folder: Path, people: Collection[bytes], now: int) -> None:
    """These pseudonyms shall go: from what is there, and from what others bring later."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "erased").open("a") as file:
        file.writelines(f"{each.hex()} {now}\n" for each in sorted(people))


def erased(folder: Path, now: int) -> frozenset[bytes]:
    """Who shall go; not those of long ago, of whom nothing can come any more."""
    path = folder / "erased"
    rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return frozenset(bytes.fromhex(row[0]) for row in rows if len(row) == 2 and int(row[1]) > now - FORGOTTEN_DAYS * 86_400_000)


def sweep(folder: Path, gone: Collection[bytes]) -> int:
    """Take these people out of everything; how many rows were theirs. Doing it twice changes nothing."""
    found = sum(_in_stream(path, gone) for path in segments(folder))
    packed = list(folder.glob("date=*/*.parquet"))
    try:
        return found + sum(_in_parquet(path, gone) for path in packed) if packed else found
    except LogUnusable:  # no pyarrow here: who packs does it
        return found


def without_person(entry: Entry) -> Entry:
    """What may stay of an erased person: that somebody was shown something, and why; not who, for which send, nor what was known."""
    if isinstance(entry, Outcome):
        return msgspec.structs.replace(entry, id=b"", who=b"")
    return msgspec.structs.replace(entry, id=b"", who=b"", send="", features={}, given=None)


def _in_stream(path: Path, gone: Collection[bytes]) -> int:
    number = 0
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:  # packed meanwhile
        return 0
    try:
        data = path.read_bytes()
        for payload, end in frames(data):
            if who_of(payload) in gone:
                os.pwrite(fd, framed(padded(without_person(unframe(payload)), len(payload))), end - len(payload) - HEAD.size)
                number += 1
        if number:
            os.fdatasync(fd)
    finally:
        os.close(fd)
    return number


def _in_parquet(path: Path, gone: Collection[bytes]) -> int:
    pa = arrow()
    hexes = pa.array([each.hex() for each in gone])
    theirs = pa.compute.is_in(pa.parquet.read_table(path, columns=["who"])["who"], hexes)
    number: int = pa.compute.sum(theirs).as_py() or 0
    if not number:
        return 0
    table = pa.parquet.read_table(path)
    rows: list[dict[str, Any]] = [_unlinked(row) for row in table.filter(theirs).to_pylist()]
    kept = table.filter(pa.compute.invert(theirs))
    part = path.with_suffix(".part")
    pa.parquet.write_table(pa.concat_tables([pa.Table.from_pylist(rows, schema=table.schema), kept]), part, compression="zstd", row_group_size=ROWS)
    part.replace(path)
    return number


def _unlinked(row: dict[str, Any]) -> dict[str, Any]:
    row["decision"] = row["who"] = ""
    if "record" in row:
        row["send"], row["features"] = "", []
        row["record"] = encode_logged(without_person(decode_logged(row["record"])))  # pyright: ignore[reportArgumentType]
    return row
