"""What an item may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from app.domain.event import MAX_ID_BYTES
from app.domain.json import Json
from app.errors import RequestInvalid

MAX_RELATED = 200
MAX_BYTES = 64 << 10
MAX_FIELDS = 500
MAX_NAME = 128
ID_RULE = f"must be text of 1 to {MAX_ID_BYTES} bytes without control characters"


def parse_item(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The item's fields, checked; `RequestInvalid` names every key that is wrong. A key that is None is left out."""
    problems = [(key, message) for key, value in fields.items() if value is not None and (message := _problem(key, value))]
    if "id" not in fields:
        problems.append(("id", "is missing"))
    if len(fields) > MAX_FIELDS:
        problems = [("item", f"has {len(fields):,} keys; at most {MAX_FIELDS}")]
    if problems:
        raise RequestInvalid("the item cannot be taken: " + "; ".join(f"{key} {message}" for key, message in problems)[:500], problems=tuple(problems))
    return {key: value for key, value in fields.items() if value is not None}


def _problem(key: str, value: Json) -> str:
    match key:
        case "id":
            return "" if fits_id(value) else ID_RULE
        case "name" | "category":
            return "" if isinstance(value, str) and len(value) <= 2_000 else "must be text"
        case "price" | "stock":
            return "" if _number(value) and value >= 0 else "must be a number, 0 or more"
        case "url" | "image":
            return "" if _address(value) else "must be an http or https address"
        case "related":
            fits = isinstance(value, list) and len(value) <= MAX_RELATED and all(isinstance(each, str) for each in value)
            return "" if fits else f"must be a list of at most {MAX_RELATED} ids"
        case _:
            return _free(value, 0) if 0 < len(key) <= MAX_NAME else f"names of keys have 1 to {MAX_NAME} characters"


def fits_id(value: Any) -> bool:
    """Whether the value can be an item's id."""
    return isinstance(value, str) and value.isprintable() and "\ufffd" not in value and 0 < len(value.encode()) <= MAX_ID_BYTES


def _number(value: Json) -> TypeGuard[int | float]:
    return (type(value) is int or (type(value) is float and math.isfinite(value))) and abs(value) < 2**53


def _address(value: Json) -> bool:
    if not isinstance(value, str) or len(value) > 2_000 or not value.isprintable() or any(c in value for c in " <>\"'`\\"):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _free(value: Json, depth: int) -> str:
    if depth > 8:
        return "is nested too deeply"
    if isinstance(value, dict):
        return next((found for each in value.values() if (found := _free(each, depth + 1))), "")
    if isinstance(value, list):
        return next((found for each in value if (found := _free(each, depth + 1))), "")
    if isinstance(value, str):
        return "" if len(value) <= MAX_BYTES else "is too long"
    if value is None or isinstance(value, bool) or _number(value):
        return ""
    return "must be a plain JSON value with finite numbers"
