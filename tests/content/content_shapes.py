"""As much of JSON Schema as Inlay's own schemas use: enough to try them on examples without another dependency."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "null": (type(None),), "integer": (int,), "number": (int, float),
}
KNOWN = frozenset({
    "$schema", "title", "description", "$defs", "type", "enum", "const", "properties", "additionalProperties", "propertyNames", "required",
    "oneOf", "anyOf", "items", "minItems", "maxItems", "minimum", "maximum", "pattern", "$ref",
})


def fits(value: Any, schema: dict[str, Any], top: dict[str, Any] | None = None) -> bool:
    """Whether the value is valid by the schema; a keyword that is not known here is an error of the test."""
    top = schema if top is None else top
    assert not schema.keys() - KNOWN, schema.keys() - KNOWN
    if "$ref" in schema:
        return fits(value, top["$defs"][schema["$ref"].rsplit("/", 1)[1]], top)
    return all(_rules(value, schema, top))


def _rules(value: Any, schema: dict[str, Any], top: dict[str, Any]) -> Iterator[bool]:
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        yield any(type(value) in TYPES[name] for name in names)
    yield "const" not in schema or value == schema["const"]
    yield "enum" not in schema or value in schema["enum"]
    yield "oneOf" not in schema or sum(fits(value, each, top) for each in schema["oneOf"]) == 1
    yield "anyOf" not in schema or any(fits(value, each, top) for each in schema["anyOf"])
    if isinstance(value, str):
        yield re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, (int, float)):
        yield schema.get("minimum", value) <= value <= schema.get("maximum", value)
    if isinstance(value, list):
        yield schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        yield all(fits(each, schema.get("items", {}), top) for each in value)
    if isinstance(value, dict):
        yield from _entries(value, schema, top)


def _entries(value: dict[str, Any], schema: dict[str, Any], top: dict[str, Any]) -> Iterator[bool]:
    known, other = schema.get("properties", {}), schema.get("additionalProperties", {})
    yield all(name in value for name in schema.get("required", ()))
    yield all(fits(name, schema.get("propertyNames", {}), top) for name in value)
    yield all(fits(each, known[name], top) for name, each in value.items() if name in known)
    yield all(other is not False and fits(each, other, top) for name, each in value.items() if name not in known)
