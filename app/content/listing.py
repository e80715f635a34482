"""The JSON of a block's amp-list: the fields of its items, as the block wants them, and its variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from jinja2 import TemplateSyntaxError

from app.content.amp import mustache_urls
from app.content.escapes import NO_URL, safe_url
from app.content.sandbox import Sandbox, refusals
from app.domain.definitions import BlockDefinition
from app.domain.item import Item

_ADDRESSES = frozenset({"url", "image"})


def field_name(field: str) -> str:
    """The name of an entry of `item_fields`: `price` of `price|money`."""
    return field.partition("|")[0].strip()


class Listing:
    """`problems` says what is wrong with the filters of `item_fields`; a listing that has some is of no use."""

    def __init__(self, definition: BlockDefinition, zone: tzinfo) -> None:
        markup = definition.templates.get("amp", ("", ""))[1]
        self._addresses = mustache_urls(markup) | _ADDRESSES | {each.name for each in definition.variables if each.type == "url"}
        self._env = Sandbox(amp=False, zone=zone)
        self.problems: list[str] = []
        self._fields = [(field_name(field), self._filtered(field)) for field in definition.item_fields]

    def of(self, values: Mapping[str, Any], items: Sequence[Item]) -> dict[str, Any]:
        """`{"items": [...], ...variables}`; one item that holds the variables where the block names no fields, or there are no items."""
        self._env.start()
        known = {name: self._safe(name, value) for name, value in values.items()}
        rows = [dict(self._row(item)) for item in items] if self._fields else []
        return {"items": rows or [dict(known)], **known}

    def _row(self, item: Item) -> Iterator[tuple[str, Any]]:
        for name, filtered in self._fields:
            value = item.fields.get(name)
            yield name, self._safe(name, value if filtered is None or value is None else filtered(value=value))

    def _safe(self, name: str, value: Any) -> Any:
        """Addresses are whole http(s) or mailto ones, or empty: then Mustache passes over what stands around them."""
        if name not in self._addresses or not (isinstance(value, str) or value is None):
            return value
        found = safe_url(value or "")
        return "" if found == NO_URL else found

    def _filtered(self, field: str) -> Callable[..., Any] | None:
        _, bar, filters = field.partition("|")
        if not bar:
            return None
        try:
            tree = self._env.parse("{{ value|" + filters + " }}")
            self.problems += [f"{field}: {message}" for _, message in refusals(tree)]
            return self._env.compile_expression(f"value|{filters}")
        except TemplateSyntaxError as error:
            self.problems.append(f"{field}: {error.message}")
            return None
