"""One thing that the shop sells, as the catalogue holds it."""

from __future__ import annotations

from typing import Any


class Item:
    """Immutable. `fields` are all its keys as given (`id` included); known ones are `name price url image category
    stock related`. Templates read `item.name` of them (`content/sandbox.py`).

    `fragments` caches rendered cards of exactly this version of the item; it goes when the item is replaced.
    """

    __slots__ = ("fields", "fragments", "id")

    def __init__(self, fields: dict[str, Any]) -> None:
        self.id: str = fields["id"]
        self.fields = fields
        self.fragments: dict[object, str] = {}

    def __repr__(self) -> str:
        return f"Item({self.id!r})"
