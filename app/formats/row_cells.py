"""What is in a cell: an instant, a number, somebody's id."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from app.domain.event import FUTURE_MILLISECONDS, Identity
from app.domain.identity import parse_profile_id
from app.domain.literals import parse_instant, parse_number
from app.errors import RequestInvalid
from app.formats.rows import RowMap
from app.formats.segment import LATEST, NotHeard

CACHED = 100_000
SECONDS, MILLISECONDS = 10**8, 10**11
"""From here on a plain number is an instant: in seconds (1973 and later), in milliseconds."""


class Cells:
    """Reads cells as a map says. Values that come often are read once. `now` is the clock in ms.

    `looks_grouped` counts, by property, the different texts that would be numbers if the map said which mark is which."""

    def __init__(self, map: RowMap, now: int, kinds: Collection[str] = ()) -> None:
        self._map = map
        self._kinds = kinds
        self._now = now
        self._people: dict[str, Identity] = {}
        self.values: dict[str, Any] = {}
        self.looks_grouped: dict[str, int] = {}

    # -- people ----------------------------------------------------------------------------------------------------

    def person(self, cell: Any) -> Identity:
        """`NotHeard` where there is none."""
        found = self._people.get(cell) if isinstance(cell, str) else None
        if found is None:
            found = self._identity(cell)
            if isinstance(cell, str):
                _keep(self._people, cell, found)
        return found

    def _identity(self, cell: Any) -> Identity:
        text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else "" if cell is None else str(cell).strip()
        if not text:
            raise NotHeard("no_identity", f"no {self._map.profile}")
        try:
            found = parse_profile_id(text, self._kinds)
        except RequestInvalid as error:
            raise NotHeard("invalid", f"{self._map.profile}: {error.message.partition(': ')[2]}") from error
        return found if found.kind != "user_id" or self._map.kind == "user_id" else parse_profile_id(f"{self._map.kind}:{text}", self._kinds)

    # -- instants --------------------------------------------------------------------------------------------------

    def instant(self, cell: Any) -> int:
        """Milliseconds; `NotHeard` where the cell holds no instant, or one that lies ahead."""
        at = parse_instant(cell, self._map.zone) if self._map.format is None else None
        if at is None:
            at = self._other_instant(cell)
        if at is None or not 0 <= at < LATEST:
            raise NotHeard("invalid", f"{self._map.timestamp} is no instant")
        if at > self._now + FUTURE_MILLISECONDS:
            raise NotHeard("future", f"{self._map.timestamp} is more than 24 h ahead of the clock")
        return at

    def _other_instant(self, cell: Any) -> int | None:
        """Of a date, of text in the map's format or with spaces around it, or of a number of seconds or milliseconds."""
        if isinstance(cell, date):
            return parse_instant(cell.isoformat(), self._map.zone)
        if isinstance(cell, str):
            cell = cell.strip()
            if self._map.format is not None:
                return self._formatted(cell, self._map.format)
            if (at := parse_instant(cell, self._map.zone)) is not None:
                return at
            cell = parse_number(cell)
        if isinstance(cell, bool) or not isinstance(cell, (int, float)):
            return None
        return round(cell) if cell >= MILLISECONDS else round(cell * 1000) if cell >= SECONDS else None

    def _formatted(self, text: str, format: str) -> int | None:
        try:
            return parse_instant(datetime.strptime(text, format).isoformat(), self._map.zone)
        except ValueError:
            return None

    # -- numbers ---------------------------------------------------------------------------------------------------

    def value(self, name: str, text: str) -> Any:
        """A number where the text is one, else the text; kept in `values`. What begins with + or with a 0 before another
        digit is a telephone number or a code: text."""
        plain = text.strip()
        number = None if plain[:1] == "+" or (plain[:1] == "0" and plain[1:2].isdigit()) else parse_number(plain)
        if number is None and ("," in plain or "." in plain):
            number = self._grouped(name, plain)
        value = text if number is None else number
        if len(text) < 100:
            _keep(self.values, text, value)
        return value

    def _grouped(self, name: str, text: str) -> float | int | None:
        """A number with a decimal comma or grouped digits, where the map says which mark is which."""
        match self._map.decimal:
            case None:
                if parse_number(text.replace(",", "").replace(".", "")) is not None:
                    self.looks_grouped[name] = self.looks_grouped.get(name, 0) + 1
                return None
            case ",":
                return parse_number(text.replace(".", "").replace(",", "."))
            case _:
                return parse_number(text.replace(",", ""))


def _keep(kept: dict[str, Any], key: str, value: Any) -> None:
    if len(kept) >= CACHED:
        kept.clear()
    kept[key] = value
