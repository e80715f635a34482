"""The decision log of a worker: where its records go, and how one is told again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.adapters.file_log import FileLog
from app.content.logbook import Logbook
from app.content.snapshot import iso
from app.content.told import Teller
from app.domain.logged import Logged, Outcome
from app.domain.trail import Trail
from app.errors import LogUnusable
from app.journal.archive import Archive
from app.journal.packed import alone
from app.journal.reading import decision
from app.journal.unlinking import erased, forget, sweep
from app.security.pseudonyms import Pseudonyms
from app.settings import Settings
from app.telemetry import Telemetry
from app.web.parts import Parts

JUST_NOW = 5_000
"""Ms within which a record may still be on its way to the file."""
TRIES = 20
TRY_SECONDS = 0.05
SWEEP_AGAIN_SECONDS = 3.0


class Journal:
    """Fills `Parts.log`, and takes erased people out. Where the log is off there is no `logbook`."""

    def __init__(self, settings: Settings, telemetry: Telemetry, parts: Parts | None = None) -> None:
        self.parts = parts
        self.folder = settings.log_home
        self.pseudonyms = Pseudonyms(settings.identity_key)
        self._archive = Archive(self.folder)
        self._tellers: dict[str, Teller] = {}
        self._swept = 0.0
        self.file: FileLog | None = None
        self.logbook: Logbook | None = None
        if settings.log == "on":
            self.file = FileLog(self.folder, settings.log_stream_mb << 20, telemetry.logged, self._content, self._items)
            self.logbook = Logbook(self.file, self.pseudonyms)

    def _content(self) -> tuple[str, Path] | None:
        state = self.parts.content_state if self.parts is not None else None
        return (state.version, Path(state.path)) if state is not None else None

    def _items(self) -> list[Mapping[str, Any]]:
        return [item.fields for item in self.parts.catalogue.rows] if self.parts is not None else []

    # -- telling ---------------------------------------------------------------------------------------------------

    async def told(self, key: str, send: str, at: int) -> Mapping[str, Any]:
        """`LogReader`."""
        id = self.pseudonyms.decision(key, send)
        try:
            records, outcomes = await self._found(id, at)
            if not records:
                return _missing("the log has no record of it: the log was off, the record was dropped, or another server holds it")
            return await asyncio.to_thread(self._tell, records, outcomes)
        except LogUnusable as error:
            return _missing(error.message)

    async def _found(self, id: bytes, at: int) -> tuple[list[Logged], list[Outcome]]:
        """One that was made just now may take a moment to come."""
        for _ in range(TRIES):
            found = await asyncio.to_thread(decision, self.folder, id, at)
            if found[0] or time.time_ns() // 1_000_000 - at > JUST_NOW:
                return found
            await asyncio.sleep(TRY_SECONDS)
        return [], []

    def _tell(self, records: list[Logged], outcomes: list[Outcome]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "placements": {}, "features": {}, "why": {}, "ages": {}, "latency_ms": records[0].micros / 1000,
            "outcomes": [{"event": each.event, "at": iso(each.at), "value": each.value} for each in outcomes],
        }
        for record in records:
            teller = self._teller(record.content)
            told = teller.told(record, self._archive.history(record.given)) if record.given is not None else teller.outcomes_only(record)
            for name in ("placements", "features", "why", "ages"):
                found[name] = told[name] | found[name]
        return found

    def _teller(self, version: str) -> Teller:
        served = self.parts.snapshot if self.parts is not None else None
        snapshot = served if served is not None and served.version == version else self._archive.snapshot(version)
        if version not in self._tellers:
            if len(self._tellers) >= 4:
                self._tellers.pop(next(iter(self._tellers)))
            self._tellers[version] = Teller(snapshot)
        return self._tellers[version]

    # -- people's rights -------------------------------------------------------------------------------------------

    async def unlink(self, trail: Trail) -> None:
        """The pseudonyms of a person shall go. At once nobody finds the decisions any more, for the store forgets them; `sweep` then
        takes them out of the files."""
        people = [self.pseudonyms.who(key) for key in trail.keys]
        await asyncio.to_thread(forget, self.folder, people, time.time_ns() // 1_000_000)

    async def sweep(self) -> None:
        """Take who was erased out of the files, where somebody was since the last time; once more a little later, for what was on its way."""
        try:
            stamp = (self.folder / "erased").stat().st_mtime
        except OSError:
            return
        if self._swept < stamp + SWEEP_AGAIN_SECONDS:
            begun = time.time()
            if await asyncio.to_thread(self._sweep):
                self._swept = begun

    def _sweep(self) -> bool:
        try:
            with alone(self.folder):
                sweep(self.folder, erased(self.folder, time.time_ns() // 1_000_000))
        except LogUnusable:
            return False
        return True


def _missing(why: str) -> dict[str, Any]:
    return {"placements": {}, "features": {}, "why": {}, "missing": why}
