"""The rows of a group as one event: an order out of the lines of an invoice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.domain.event import Event, Heard
from app.formats.row_reading import MAX_PAYLOAD
from app.formats.rows import Entries, Entry, Group, Rejected
from app.formats.segment import NotHeard, check_payload


def whole_events(entries: Iterable[tuple[str, Entry]]) -> Entries:
    """An event for each group and person among these entries of rows: that of the group's first row, with `products`,
    the properties of every row, and their `total` where they have prices. All rows are held meanwhile."""
    found: dict[tuple[str, str, str], Group] = {}
    for group, entry in entries:
        who = entry[1].who
        found.setdefault((group, who.kind, who.value), Group()).append(entry)
    for group in found.values():
        try:
            yield group[0][0], _whole(group), group
        except NotHeard as error:
            yield Rejected(group[0][0], error.detail, group)


def _whole(group: Group) -> Heard:
    first: Heard = group[0][1]
    products = [heard.event.properties for _, heard, _ in group]
    properties: dict[str, Any] = {"products": products}
    if any(isinstance(product.get("price"), (int, float)) for product in products):
        properties["total"] = _total(products)
    check_payload(properties, MAX_PAYLOAD)
    return Heard(first.kind, first.who, Event(first.event.name, first.event.at, first.event.id, properties))


def _total(products: Sequence[Mapping[str, Any]]) -> float | int:
    """Price times quantity over the products, counted in hundredths to be exact."""
    hundredths = 0.0
    for product in products:
        price, quantity = product.get("price"), product.get("quantity", 1)
        if isinstance(price, (int, float)) and isinstance(quantity, (int, float)):
            hundredths += round(price * 100) * quantity
    return round(hundredths) / 100
