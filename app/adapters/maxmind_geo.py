"""Where an IP address is, from a MaxMind database in a file. The address is looked at and forgotten."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import maxminddb

from app.domain.enrichment import at
from app.errors import SettingsInvalid
from app.telemetry import log

LOOK_SECONDS = 10.0
"""How often a replaced file is looked for; MaxMind publishes twice a week."""
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "city": ("city", "names", "en"), "country": ("country", "iso_code"), "continent": ("continent", "code"), "region": ("subdivisions", "0", "iso_code"),
    "postal": ("postal", "code"), "lat": ("location", "latitude"), "lon": ("location", "longitude"), "timezone": ("location", "time_zone"),
    "accuracy_km": ("location", "accuracy_radius"),
}


class MaxmindGeo:
    """`Geography` from a file. A newer file is taken over within ten seconds; a broken one leaves the one before."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._looked = clock()
        self._stamp = self._stamped()
        try:
            self._open()
        except (OSError, RuntimeError, ValueError) as error:
            raise SettingsInvalid(f"INLAY_GEO_DATABASE: {path} is no MaxMind database that can be read") from error

    def place(self, address: str) -> dict[str, Any]:
        """`city country continent region postal lat lon timezone accuracy_km`, as far as they are known; empty where nothing
        is, or where this is no address."""
        self._follow()
        try:
            found: Any = self._reader.get(ip_address(address))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        except ValueError:
            return {}
        fields = {name: at(found, path) for name, path in _FIELDS.items()}
        return {name: value for name, value in fields.items() if value is not None}

    def _open(self) -> None:
        # read into memory: a mapped file that is replaced in place would end the process
        reader = maxminddb.open_database(self._path, maxminddb.MODE_MEMORY)  # pyright: ignore[reportUnknownMemberType]
        meta = reader.metadata()
        self._reader = reader
        self.source = f"{meta.database_type} {time.strftime('%Y-%m-%d', time.gmtime(meta.build_epoch))}"

    def _stamped(self) -> tuple[int, int]:
        with suppress(OSError):
            status = os.stat(self._path)
            return status.st_mtime_ns, status.st_ino
        return 0, 0

    def _follow(self) -> None:
        if self._clock() - self._looked < LOOK_SECONDS:
            return
        self._looked = self._clock()
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._open()
        except (OSError, RuntimeError, ValueError):
            log.warning("the new geography database cannot be read; the one before it is used")
