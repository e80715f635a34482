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

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.literals import parse_number
from app.errors import SettingsInvalid

Row = Mapping[str, str]
KEYS = ("event", "profile", "timestamp", "timezone", "message_id", "group_by", "properties", "reject")
_OPERATORS: dict[str, Callable[[str, Any], bool]] = {
    "eq": lambda have, want: have == str(want), "ne": lambda have, want: bool(have) and have != str(want),
    "starts_with": lambda have, want: have.startswith(str(want)), "ends_with": lambda have, want: have.endswith(str(want)),
    "contains": lambda have, want: str(want) in have, "exists": lambda have, want: bool(have) == want,
    "lt": lambda have, want: (n := parse_number(have)) is not None and n < want, "gt": lambda have, want: (n := parse_number(have)) is not None and n > want,
    "lte": lambda have, want: (n := parse_number(have)) is not None and n <= want, "gte": lambda have, want: (n := parse_number(have)) is not None and n >= want,
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that makes no event: its number from 1, and why."""

    number: int
    reason: str
    row: Row


class RowMap:
    """A map, checked once. `events` turns numbered rows into events and rejections, in order."""

    def __init__(self, given: Mapping[str, Any], source: str) -> None:
        unknown = sorted(set(given) - set(KEYS))
        missing = [key for key in ("event", "profile", "timestamp") if key not in given]
        if unknown or missing:
            raise SettingsInvalid(f"{source}: {'unknown keys ' + ', '.join(unknown) if unknown else 'missing ' + ', '.join(missing)}; a map has {', '.join(KEYS)}")
        self.given = given
        self.source = source
        self._zone = ZoneInfo(given.get("timezone") or "UTC")
        self._properties: Mapping[str, str] = given.get("properties") or {}
        self._names = [(_condition(rule.get("when"), source), rule["is"]) for rule in given["event"]] if isinstance(given["event"], list) else [(_always, given["event"])]
        self._rejects = [(_condition(rule.get("when"), source), str(rule.get("reason", "rejected"))) for rule in given.get("reject") or ()]

    def columns(self) -> set[str]:
        found = {self.given["profile"], self.given["timestamp"], *self._properties.values()}
        return found | {self.given[key] for key in ("group_by", "message_id") if key in self.given}

    def events(self, rows: Iterable[tuple[int, Row]], file: str) -> Iterator[dict[str, Any] | Rejected]:
        kept: list[Rejected] = []

        def passing() -> Iterator[tuple[int, Row]]:
            for index, row in rows:
                reason = self._refusal(row)
                if reason:
                    kept.append(Rejected(index, reason, row))
                else:
                    yield index, row

        group = self.given.get("group_by")
        for _, lines in groupby(passing(), key=lambda pair: (pair[1].get(group), pair[1].get(self.given["profile"])) if group else pair[0]):
            yield self._event(list(lines), file, grouped=bool(group))
            yield from kept
            kept.clear()
        yield from kept

    def _refusal(self, row: Row) -> str:
        for holds, reason in self._rejects:
            if holds(row):
                return reason
        if not row.get(self.given["profile"]):
            return f"no {self.given['profile']}"
        return "" if self._instant(row) else f"{self.given['timestamp']} is no instant"

    def _instant(self, row: Row) -> str:
        try:
            moment = datetime.fromisoformat(str(row.get(self.given["timestamp"]) or ""))
        except ValueError:
            return ""
        return (moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).isoformat()

    def _event(self, lines: list[tuple[int, Row]], file: str, *, grouped: bool) -> dict[str, Any]:
        index, first = lines[0]
        name = next((name for holds, name in self._names if holds(first)), "row")
        products = [self._values(row) for _, row in lines]
        message = first.get(self.given.get("message_id", ""))
        id = message if message and not grouped else blake2b(f"{file}\0{index}".encode(), digest_size=12).hexdigest()
        return {"type": "track", "userId": str(first[self.given["profile"]]), "event": name, "timestamp": self._instant(first), "messageId": id,
                "properties": {"products": products, "total": _total(products)} if grouped else products[0]}

    def _values(self, row: Row) -> dict[str, Any]:
        found = {}
        for name, column in self._properties.items():
            text = row.get(column)
            if text not in (None, ""):
                value = parse_number(text) if isinstance(text, str) else text
                found[name] = text if value is None or name.endswith("_id") else value
        return found


def _total(products: list[dict[str, Any]]) -> float:
    """The value of an order: price times quantity over its lines, in cents to be exact."""
    cents = sum(round(float(line.get("price", 0)) * 100) * float(line.get("quantity", 1)) for line in products if isinstance(line.get("price"), (int, float)))
    return cents / 100


def _always(row: Row) -> bool:
    return True


def _condition(given: Any, source: str) -> Callable[[Row], bool]:
    """`{Column: value}` or `{Column: {operator: value}}`; all have to hold."""
    if not given:
        return _always
    tests: list[tuple[str, Callable[[str, Any], bool], Any]] = []
    for column, want in given.items():
        for name, value in (want if isinstance(want, dict) else {"eq": want}).items():
            if name not in _OPERATORS:
                raise SettingsInvalid(f"{source}: unknown operator {name!r}; known: {', '.join(_OPERATORS)}")
            tests.append((column, _OPERATORS[name], value))
    return lambda row: all(check(str(row.get(column) or ""), value) for column, check, value in tests)
