"""What the types of blocks' variables take: of a literal in a file, and of what a field holds at the request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from app.content.escapes import NO_URL, safe_url, text_of
from app.content.reader import Reader
from app.content.source import Node
from app.domain.conditions import Scalar
from app.domain.definitions import VariableType
from app.domain.literals import parse_instant


def typed(reader: Reader, kind: VariableType, node: Node, at: str) -> Scalar:
    """A literal as a variable of this type holds it; a problem where it is none. An empty address stands for none."""
    value = node.value
    if kind == "url" and value == "":
        return ""
    found = None if kind == "string" and type(value) is bool else TAKES[kind](value)
    if found is None:
        reader.wrong(node.line, at, f"is {node.plain()!r:.60}", f"a {kind} variable takes {WANTED[kind]}")
        return ""
    return found


def _text(value: Any) -> str | None:
    if type(value) is str:
        return value
    return text_of(value) if isinstance(value, (int, float)) else None


def _number(value: Any) -> int | float | None:
    return value if type(value) in (int, float) else None


def _boolean(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _url(value: Any) -> str | None:
    return value if type(value) is str and safe_url(value) != NO_URL else None


def _date(value: Any) -> str | None:
    return value if type(value) is str and parse_instant(value, UTC) is not None else None


TAKES: dict[VariableType, Callable[[Any], Scalar | None]] = {
    "string": _text, "number": _number, "boolean": _boolean, "url": _url, "date": _date,
}
"""By type, what becomes of a value as JSON has it: None, which is absent, where it is none of the type."""

FITS: dict[VariableType, frozenset[str]] = {
    "string": frozenset({"string", "number", "boolean", "instant"}), "number": frozenset({"number"}), "boolean": frozenset({"boolean"}),
    "url": frozenset({"string"}), "date": frozenset({"string", "instant"}),
}
"""The kinds of fields that a variable of each type can take anything from."""

WANTED: dict[VariableType, str] = {
    "string": "text", "number": "a number", "boolean": "true or false", "url": "an http, https or mailto address",
    "date": "a date such as 2026-10-01 or 2026-10-01T09:00:00Z",
}
