"""The spool as a place where something of people lies, whichever process it belongs to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from app.adapters.spool_file import SUFFIX, UNREADABLE, SpoolFile
from app.content.snapshot import iso
from app.domain.framing import framed, frames
from app.domain.spooled import Spooled
from app.domain.trail import Trail
from app.errors import StoreUnavailable

_decode = msgspec.msgpack.Decoder(Spooled).decode
SECONDS = 10.0
PAUSE_SECONDS = 0.05


class SpoolHolding:
    """`Holding` over a folder of spool files. What a living process holds is applied within moments, now that the store is
    there, and goes with the profile: `forget` waits for it, and raises `StoreUnavailable` where that takes too long. Files that
    nobody holds, and those that were set aside, are written anew without the person."""

    def __init__(self, folder: Path, seconds: float = SECONDS) -> None:
        self._folder = folder
        self._seconds = seconds

    async def held(self, trail: Trail) -> list[Any]:
        return await asyncio.to_thread(self._told, trail)

    async def forget(self, trail: Trail) -> int:
        deadline, gone = asyncio.get_running_loop().time() + self._seconds, 0
        while True:
            taken, waiting = await asyncio.to_thread(self._without, trail)
            gone += taken
            if not waiting:
                return gone
            if asyncio.get_running_loop().time() > deadline:
                raise StoreUnavailable("events of this person still wait in the spool; try again in a moment", code="spooled")
            await asyncio.sleep(PAUSE_SECONDS)

    def _files(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*") if path.suffix in (SUFFIX, UNREADABLE))

    def _told(self, trail: Trail) -> list[Any]:
        return [_json(payload) for path in self._files() for payload in _payloads(path) if _names(payload, trail)]

    def _without(self, trail: Trail) -> tuple[int, int]:
        """(records that were taken away, records that a living process still holds)."""
        taken = waiting = 0
        for path in self._files():
            number = sum(_names(payload, trail) for payload in _payloads(path))
            if not number:
                continue
            if _rewritten(path, trail):
                taken += number
            else:
                waiting += number
        return taken, waiting


def _payloads(path: Path) -> Iterator[bytes]:
    """Every whole record; none of a file that is gone meanwhile."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    for payload, _ in frames(data):
        yield payload


def _names(payload: bytes, trail: Trail) -> bool:
    """Whether a record is of this person, or is a letter that names them."""
    try:
        spooled = _decode(payload)
    except msgspec.DecodeError:
        return trail.crosses(payload)
    return bool(trail.keys & set(spooled.keys)) or (spooled.letter is not None and trail.crosses(spooled.letter.body))


def _rewritten(path: Path, trail: Trail) -> bool:
    """Whether it was nobody's, and holds nothing of the person any more. It is locked meanwhile: nobody adopts it half done."""
    file = SpoolFile.adopt(path)
    if file is None:
        return False
    kept = b"".join([framed(payload) for payload in _payloads(path) if not _names(payload, trail)])
    part = path.with_suffix(".part")
    with part.open("wb") as new:
        new.write(kept)
        new.flush()
        os.fsync(new.fileno())
    part.rename(path)
    file.close()
    return True


def _json(payload: bytes) -> Any:
    """A record as JSON; of one that this version cannot read only its size."""
    try:
        spooled = _decode(payload)
    except msgspec.DecodeError:
        return {"bytes": len(payload)}
    if spooled.letter is not None:
        return {"came": iso(spooled.at), "reason": spooled.letter.reason, "body": spooled.letter.body.decode("utf-8", "replace")}
    heard = spooled.heard
    return {"came": iso(spooled.at), **({"event": heard.event.name, "timestamp": iso(heard.event.at), "profile": str(heard.who), "properties": heard.event.properties, "traits": heard.traits} if heard else {})}
