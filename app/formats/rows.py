"""Rows of a table -> Segment-shaped events, by a map that names the columns.

    event: order_completed            # or a list: [{when: {InvoiceNo: {starts_with: C}}, is: order_returned}, {is: order_completed}]
    profile: CustomerID
    timestamp: InvoiceDate
    timezone: Europe/London           # of timestamps without a zone; UTC where left out
    group_by: InvoiceNo               # lines that follow each other with one value are one event with `products`
    properties: {product_id: StockCode, quantity: Quantity, price: UnitPrice}
    reject: [{when: {CustomerID: {exists: false}}, reason: no customer}]
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.domain.json import Json
from app.domain.literals import parse_number
from app.errors import SettingsInvalid

Row = Mapping[str, Any]
"""Column -> value: text where the file is a CSV, whatever JSON holds in the others."""

KEYS = ("event", "profile", "timestamp", "timezone", "message_id", "group_by", "properties", "reject")
Holds = Callable[[Row], bool]


def _number(order: Callable[[Any, Any], bool]) -> Callable[[str, Any], bool]:
    return lambda have, want: (found := parse_number(have)) is not None and order(found, want)


_OF_NUMBERS = {"lt": _number(operator.lt), "lte": _number(operator.le), "gt": _number(operator.gt), "gte": _number(operator.ge)}
_OPERATORS: dict[str, Callable[[str, Any], bool]] = {
    "eq": lambda have, want: have == str(want), "ne": lambda have, want: bool(have) and have != str(want),
    "starts_with": lambda have, want: have.startswith(str(want)), "ends_with": lambda have, want: have.endswith(str(want)),
    "contains": lambda have, want: str(want) in have, "exists": lambda have, want: bool(have) == want, **_OF_NUMBERS,
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that makes no event: its number from 1, and why."""

    number: int
    reason: str
    row: Row


class RowMap:
    """A map, checked once: `SettingsInvalid` says what is wrong with it. `events` turns numbered rows into events and
    rejections, in order."""

    def __init__(self, given: Mapping[str, Json], source: str) -> None:
        unknown = sorted(set(given) - set(KEYS))
        missing = [key for key in ("event", "profile", "timestamp") if key not in given]
        if unknown or missing:
            raise SettingsInvalid(f"{source}: {'unknown keys ' + ', '.join(unknown) if unknown else 'missing ' + ', '.join(missing)}; a map has {', '.join(KEYS)}")
        self._source = source
        self._profile, self._timestamp = self._text(given, "profile"), self._text(given, "timestamp")
        self._group, self._message = self._text(given, "group_by"), self._text(given, "message_id")
        self._zone = self._zone_of(self._text(given, "timezone") or "UTC")
        self._properties = self._columns(given.get("properties"))
        named = given["event"]
        self._names = [self._rule(each, "event", "is", "") for each in named] if isinstance(named, list) else [(_always, self._text(given, "event"))]
        rejects = given.get("reject") or []
        self._rejects = [self._rule(each, "reject", "reason", "rejected") for each in (rejects if isinstance(rejects, list) else [rejects])]

    # -- reading the map -------------------------------------------------------------------------------------------

    def _text(self, given: Mapping[str, Json], key: str) -> str:
        value = given.get(key) or ""
        if not isinstance(value, str):
            raise SettingsInvalid(f"{self._source}: {key}: is {value!r:.40}; a name belongs here")
        return value

    def _zone_of(self, name: str) -> ZoneInfo:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise SettingsInvalid(f"{self._source}: timezone: no time zone {name!r:.60}; such as Europe/Berlin") from error

    def _columns(self, given: Json) -> dict[str, str]:
        if given is None:
            return {}
        if not isinstance(given, dict):
            raise SettingsInvalid(f"{self._source}: properties: a mapping of names to columns belongs here")
        return {name: self._text(given, name) for name in given}

    def _rule(self, given: Json, key: str, word: str, default: str) -> tuple[Holds, str]:
        """`{when: ..., is: ...}` and `{when: ..., reason: ...}`: a condition and its word."""
        if not isinstance(given, dict) or not (found := self._text(given, word) or default):
            raise SettingsInvalid(f"{self._source}: {key}: each is {{when: {{Column: value}}, {word}: ...}}")
        return self._condition(given.get("when")), found

    def _condition(self, given: Json) -> Holds:
        """`{Column: value}` or `{Column: {operator: value}}`; all have to hold."""
        if not given:
            return _always
        if not isinstance(given, dict):
            raise SettingsInvalid(f"{self._source}: when: {{Column: value}} or {{Column: {{operator: value}}}} belongs here")
        tests: list[tuple[str, Callable[[str, Any], bool], Json]] = []
        for column, want in given.items():
            for name, value in (want if isinstance(want, dict) else {"eq": want}).items():
                if name not in _OPERATORS:
                    raise SettingsInvalid(f"{self._source}: unknown operator {name!r}; known: {', '.join(_OPERATORS)}")
                if name in _OF_NUMBERS and not isinstance(value, (int, float)):
                    raise SettingsInvalid(f"{self._source}: {column}.{name}: is {value!r:.40}; a number belongs here")
                tests.append((column, _OPERATORS[name], value))
        return lambda row: all(check(_told(row, column), value) for column, check, value in tests)

    # -- reading rows ----------------------------------------------------------------------------------------------

    def events(self, rows: Iterable[tuple[int, Row]], file: str) -> Iterator[dict[str, Any] | Rejected]:
        kept: list[Rejected] = []

        def passing() -> Iterator[tuple[int, Row]]:
            for index, row in rows:
                reason = self._refusal(row)
                if reason:
                    kept.append(Rejected(index, reason, row))
                else:
                    yield index, row

        for _, lines in groupby(passing(), self._together):
            yield self._event(list(lines), file, grouped=bool(self._group))
            yield from kept
            kept.clear()
        yield from kept

    def _together(self, numbered: tuple[int, Row]) -> object:
        """What lines of one event have in common."""
        index, row = numbered
        return (row.get(self._group), row.get(self._profile)) if self._group else index

    def _refusal(self, row: Row) -> str:
        for holds, reason in self._rejects:
            if holds(row):
                return reason
        if not _told(row, self._profile):
            return f"no {self._profile}"
        return "" if self._instant(row) else f"{self._timestamp} is no instant"

    def _instant(self, row: Row) -> str:
        try:
            moment = datetime.fromisoformat(_told(row, self._timestamp))
        except ValueError:
            return ""
        return (moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).isoformat()

    def _event(self, lines: list[tuple[int, Row]], file: str, *, grouped: bool) -> dict[str, Any]:
        index, first = lines[0]
        name = next((name for holds, name in self._names if holds(first)), "row")
        products = [self._values(row) for _, row in lines]
        message = first.get(self._message)
        id = message if message and not grouped else blake2b(f"{file}\0{index}".encode(), digest_size=12).hexdigest()
        return {"type": "track", "userId": str(first[self._profile]), "event": name, "timestamp": self._instant(first), "messageId": id,
                "properties": {"products": products, "total": _total(products)} if grouped else products[0]}

    def _values(self, row: Row) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, column in self._properties.items():
            given = row.get(column)
            if given not in (None, ""):
                value = parse_number(given) if isinstance(given, str) else given
                found[name] = given if value is None or name.endswith("_id") else value
        return found


def _total(products: list[dict[str, Any]]) -> float:
    """The value of an order: price times quantity over its lines, in cents to be exact."""
    cents = 0.0
    for line in products:
        price, quantity = line.get("price"), line.get("quantity", 1)
        if isinstance(price, (int, float)) and isinstance(quantity, (int, float)):
            cents += round(price * 100) * quantity
    return cents / 100


def _told(row: Row, column: str) -> str:
    """A value of a row as conditions read it, empty where there is none."""
    value = row.get(column)
    return "" if value is None else str(value)


def _always(row: Row) -> bool:
    return True
