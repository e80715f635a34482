"""The keywords of JSON Schema that look at a value alone: each makes a check of what stands behind it."""

from __future__ import annotations

from collections.abc import Callable, Sized
from decimal import Decimal
from typing import Any, TypeAlias, cast

import re2

from app.content.formats_of_text import FORMATS
from app.domain.json import Json

Fault: TypeAlias = "tuple[str, str]"
"""Where, as `.products[0].price` or nothing for the value itself, and what is wrong there."""
Check: TypeAlias = "Callable[[Json], Fault | None]"
"""The first fault of a value, None where it fits. Never says the value itself, which may be personal."""



def fits(value: Json) -> Fault | None:
    """What every value passes."""
    return None


_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 1 << 20
_NAMED: dict[type, str] = {bool: "true or false", str: "text", dict: "an object", list: "a list", int: "a number", float: "a number", type(None): "null"}


class BadSchema(Exception):
    """`at` is the place in the schema, as a JSON pointer."""

    def __init__(self, at: str, message: str) -> None:
        super().__init__(message)
        self.at, self.message = at, message


def _type(given: Json, at: str) -> Check:
    several = given if isinstance(given, list) else [given]
    names = [name for name in several if isinstance(name, str) and name in _TYPES]
    if not names or len(names) < len(several):
        raise BadSchema(at, f"is none of {', '.join(_TYPES)}")
    types = frozenset(kind for name in names for kind in _TYPES[name])
    whole = "integer" in names and "number" not in names
    wanted = " or ".join(_WANTED[name] for name in names)
    if len(types) == 1:
        (only,) = types
        return lambda value: None if type(value) is only else ("", f"is {_NAMED[type(value)]}; {wanted} is wanted")

    def check(value: Json) -> Fault | None:
        kind = type(value)
        if kind in types and not (whole and isinstance(value, float) and not value.is_integer()):
            return None
        return "", f"is {_NAMED[kind]}; {wanted} is wanted"

    return check


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "number": (int, float), "integer": (int, float), "boolean": (bool,), "array": (list,), "object": (dict,), "null": (type(None),),
}
_WANTED = {
    "string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false", "array": "a list", "object": "an object", "null": "null",
}


def _enum(given: Json, at: str) -> Check:
    known = frozenset(frozen(each) for each in list_of(given, at))
    return lambda value: None if frozen(value) in known else ("", "is none of the values that are allowed")


def _const(given: Json, at: str) -> Check:
    known = frozen(given)
    return lambda value: None if frozen(value) == known else ("", "is not the one value that is allowed")


def frozen(value: Json) -> Any:
    """A key by which JSON values are equal: 1 is 1.0, and not true."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, dict):
        return frozenset((name, frozen(each)) for name, each in value.items())
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def _bound(holds: Callable[[Any, Any], bool], says: str) -> Any:
    """A keyword that compares numbers."""

    def make(given: Json, at: str) -> Check:
        if type(given) not in (int, float):
            raise BadSchema(at, "is no number")
        return lambda value: None if type(value) not in (int, float) or holds(value, given) else ("", f"{says} {given:g}")

    return make


def _multiple(value: Json, of: Any) -> bool:
    return value % of == 0 if type(value) is type(of) is int else Decimal(str(value)) % Decimal(str(of)) == 0


def _multiple_of(given: Json, at: str) -> Check:
    if not isinstance(given, (int, float)) or isinstance(given, bool) or given <= 0:
        raise BadSchema(at, "is no number above 0")
    return _bound(_multiple, "is no multiple of")(given, at)


def _sized(kind: type, holds: Callable[[int, int], bool], says: str) -> Any:
    """A keyword that counts characters, elements or members."""

    def make(given: Json, at: str) -> Check:
        limit = count(given, at)
        return lambda value: None if type(value) is not kind or holds(len(cast(Sized, value)), limit) else ("", f"{says} {limit:,}")

    return make


def _matches(given: Json, at: str) -> Check:
    search = pattern(given, at)
    return lambda value: None if type(value) is not str or search(value) else ("", "does not match the pattern")


def _format(given: Json, at: str) -> Check:
    holds = FORMATS.get(given) if isinstance(given, str) else None
    if holds is None:
        raise BadSchema(at, f"no such format; there are {', '.join(FORMATS)}")
    return lambda value: None if type(value) is not str or holds(value) else ("", f"is no {given}")


def _unique(given: Json, at: str) -> Check:
    if given is not True:
        return fits
    return lambda value: None if type(value) is not list or len(set(map(frozen, value))) == len(value) else ("", "holds an element twice")


def _dependent(given: Json, at: str) -> Check:
    wanted = [(name, names(each, f"{at}/{name}")) for name, each in mapping(given, at)]

    def check(value: Json) -> Fault | None:
        if type(value) is not dict:
            return None
        return next(((f".{each}", f"is missing where there is {name}") for name, those in wanted if name in value for each in those if each not in value), None)

    return check


SIMPLE: dict[str, Callable[[Json, str], Check]] = {
    "type": _type, "enum": _enum, "const": _const, "multipleOf": _multiple_of,
    "minimum": _bound(lambda a, b: a >= b, "is below"), "maximum": _bound(lambda a, b: a <= b, "is above"),
    "exclusiveMinimum": _bound(lambda a, b: a > b, "is not above"), "exclusiveMaximum": _bound(lambda a, b: a < b, "is not below"),
    "minLength": _sized(str, lambda a, b: a >= b, "is shorter than"), "maxLength": _sized(str, lambda a, b: a <= b, "is longer than"),
    "minItems": _sized(list, lambda a, b: a >= b, "has fewer elements than"), "maxItems": _sized(list, lambda a, b: a <= b, "has more elements than"),
    "minProperties": _sized(dict, lambda a, b: a >= b, "has fewer members than"), "maxProperties": _sized(dict, lambda a, b: a <= b, "has more members than"),
    "pattern": _matches, "format": _format, "uniqueItems": _unique, "dependentRequired": _dependent,
}
"""Keyword -> what makes its check of (what stands behind it, the place)."""


# -- shapes of keywords ----------------------------------------------------------------------------------------------

def mapping(given: Json, at: str) -> list[tuple[str, Json]]:
    if not isinstance(given, dict):
        raise BadSchema(at, "is no mapping")
    return list(given.items())


def list_of(given: Json, at: str) -> list[Json]:
    if not isinstance(given, list):
        raise BadSchema(at, "is no list")
    return given


def names(given: Json, at: str) -> list[str]:
    found = [each for each in list_of(given, at) if isinstance(each, str)]
    if len(found) < len(list_of(given, at)):
        raise BadSchema(at, "is no list of names")
    return found


def count(given: Json, at: str) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise BadSchema(at, "is no whole number from 0 on")
    return given


def pattern(given: Json, at: str) -> Callable[[str], Any]:
    try:
        return re2.compile(given, _OPTIONS).search if isinstance(given, str) else _no_text(at)
    except re2.error as error:
        raise BadSchema(at, f"is no RE2 pattern: {error}"[:120]) from error


def _no_text(at: str) -> Callable[[str], Any]:
    raise BadSchema(at, "is no text")
