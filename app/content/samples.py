"""What a block is tried with where nothing real is at hand: its `sample`, and what that leaves out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.content.listing import field_name
from app.domain.definitions import BlockDefinition
from app.domain.item import Item
from app.domain.json import Json


def sample_values(definition: BlockDefinition) -> tuple[dict[str, Any], list[Item]]:
    """Variables and items to try a block with: its `sample`, and what is missing and has no default made from the types."""
    made = {"string": "Sample", "number": 1, "boolean": True, "url": "https://example.com/", "date": datetime(2026, 1, 1, tzinfo=UTC).date().isoformat()}
    values = {each.name: definition.sample.get(each.name, made[each.type]) for each in definition.variables if each.default is None or each.name in definition.sample}
    return values, sample_items(definition)


def sample_items(definition: BlockDefinition) -> list[Item]:
    rows: Json = definition.sample.get("items")
    if not isinstance(rows, list):
        fields: dict[str, Json] = {"price": 19.9, "stock": 5, "url": "https://example.com/item", "image": "https://example.com/item.png"}
        names = [field_name(field) for field in definition.item_fields]
        rows = [{name: fields.get(name, f"Sample {name}") for name in names} for _ in range(4)] if names else []
    return [Item({"id": f"sample{i}", **row}) for i, row in enumerate(rows) if isinstance(row, dict)]
