"""The words of the JSON Schemas: values, records and lists of them, and conditions, which stand in many places of a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.content import leaves
from app.content.windows import DAYS

Shape = dict[str, Any]

TEXT: Shape = {"type": "string"}
NUMBER: Shape = {"type": "number"}
SCALAR: Shape = {"type": ["string", "number", "boolean"]}
NAMES: Shape = {"type": "array", "items": TEXT}
ID = "^[\\w-]{1,64}$"
DURATION: Shape = {"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d|w)$", "description": "a number with a unit: ms s m h d w"}
DATE: Shape = {"type": "string", "description": "2026-10-01 or 2026-10-01T09:00:00Z"}
EXPRESSION: Shape = {"type": ["string", "number"], "description": "rooted names, numbers, + - * /, min max abs log exp, parentheses"}
CLOCK: Shape = {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}


def record(keys: Iterable[str], shapes: Mapping[str, Shape], required: Iterable[str] = ()) -> Shape:
    found: Shape = {"type": "object", "properties": {key: shapes[key] for key in keys}, "additionalProperties": False}
    return {**found, "required": list(required)} if required else found


def named(shape: Shape) -> Shape:
    return {"type": "object", "propertyNames": {"pattern": ID}, "additionalProperties": shape}


def several(shape: Shape) -> Shape:
    return {"type": "array", "items": shape}


def use(name: str) -> Shape:
    return {"$ref": f"#/$defs/{name}"}


def clock() -> Shape:
    return record(("from", "to", "days"), {"from": CLOCK, "to": CLOCK, "days": several({"enum": list(DAYS)})})


def operators() -> dict[str, Shape]:
    right, text, any_of = use("right"), {"anyOf": [TEXT, use("reference")]}, {"anyOf": [several(SCALAR), use("reference")]}
    special: dict[str, Shape] = {
        "in": any_of, "not_in": any_of, "starts_with": text, "ends_with": text, "matches": TEXT, "exists": {"type": "boolean"},
        "between": {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 2, "maxItems": 2}, "before": text, "after": text,
        "within_km": record(("lat", "lon", "km"), dict.fromkeys(("lat", "lon", "km"), NUMBER), ("lat", "lon", "km")),
    }
    return {name: special.get(name, right) for name in leaves.OPERATORS}


def windows() -> dict[str, Shape]:
    shapes: dict[str, Shape] = {
        "within": DURATION, "since": {"anyOf": [DATE, record(("last",), {"last": TEXT}, ("last",))]},
        "between": {"type": "array", "items": DATE, "minItems": 2, "maxItems": 2}, "calendar": {"enum": list(leaves.PERIODS)},
    }
    return {name: shapes[name] for name in leaves.WINDOWS}


def groups() -> list[Shape]:
    several = {"type": "array", "items": use("condition"), "minItems": 1}
    return [record((kind,), {"all": several, "any": several, "not": use("condition")}, (kind,)) for kind in ("all", "any", "not")]


def conditions() -> list[Shape]:
    """The kinds of conditions that are no group, by the reader's own table."""
    count = {"anyOf": [{"type": "integer", "minimum": 0}, use("operators")]}
    did = {"where": use("where"), "count": count, **windows()}
    shapes: dict[str, dict[str, Shape]] = {
        "field": {"field": TEXT, **operators()}, "did": {"did": TEXT, **did}, "did_not": {"did_not": TEXT, **did},
        "changed": {"changed": TEXT, **windows()}, "segment": {"segment": TEXT}, "consent": {"consent": TEXT}, "local_time": {"local_time": clock()}, "variant": {"variant": TEXT},
    }
    return [record(shapes[kind], shapes[kind], (kind,)) for kind in leaves.KINDS if kind not in ("all", "any", "not")]
