"""JSON Schema (draft 2020-12), compiled once into closures: what an event is checked against costs a microsecond or two.

Everything that says something about one document is known; what is not (`unevaluatedProperties`, `$dynamicRef`, remote
references) is refused at load, so that no word of a schema is silently passed over. `format` asserts. Patterns are RE2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from app.content.json_keywords import SIMPLE, BadSchema, Check, Fault, count, fits, list_of, mapping, names, pattern
from app.domain.json import Json

Schema: TypeAlias = "Mapping[str, Json]"

SAID_ONLY = frozenset({"title", "description", "examples", "default", "deprecated", "readOnly", "writeOnly", "$comment", "$schema", "$id", "$defs", "definitions"})
"""Keywords that say something about a schema, and nothing about a value."""


def compile_schema(schema: Json) -> Check:
    """`BadSchema` names the first thing in it that is wrong or not known."""
    return _Compiler(schema).check(schema, "", frozenset())


class _Compiler:
    def __init__(self, root: Json) -> None:
        self._root = root
        self._referred: dict[str, Check] = {}

    def check(self, schema: Json, at: str, here: frozenset[str]) -> Check:
        """`here` are the references under way to this very value: one that comes back to itself would never end."""
        if schema is True:
            return fits
        if schema is False:
            return lambda value: ("", "does not belong here")
        if not isinstance(schema, dict):
            raise BadSchema(at, "a schema is a mapping, true or false")
        checks: list[Check] = []
        for keyword, given in schema.items():
            if keyword in SAID_ONLY or keyword in _TAKEN_ALONG:
                continue
            place = f"{at}/{keyword}"
            if keyword in SIMPLE:
                checks.append(SIMPLE[keyword](given, place))
            elif keyword in _COMPOSED:
                checks.append(_COMPOSED[keyword](self, given, place, here))
            else:
                raise BadSchema(place, "is not available")
        checks += self._several(schema, at)
        return _all(checks)

    def _several(self, schema: Schema, at: str) -> list[Check]:
        """Keywords that are only understood together."""
        found: list[Check] = []
        if schema.keys() & {"properties", "patternProperties", "additionalProperties", "required"}:
            found.append(self._object(schema, at))
        if schema.keys() & {"items", "prefixItems"}:
            found.append(self._list(schema, at))
        if "contains" in schema:
            found.append(_contains(
                self.check(schema["contains"], f"{at}/contains", frozenset()),
                count(schema.get("minContains", 1), f"{at}/minContains"), count(schema.get("maxContains", 10**9), f"{at}/maxContains"),
            ))
        if "if" in schema:
            found.append(_conditional(*(self.check(schema.get(word, True), f"{at}/{word}", frozenset()) for word in ("if", "then", "else"))))
        return found

    def _object(self, schema: Schema, at: str) -> Check:
        required = names(schema.get("required", []), f"{at}/required")
        named = {name: self.check(each, f"{at}/properties/{name}", frozenset()) for name, each in mapping(schema.get("properties", {}), f"{at}/properties")}
        patterned = [
            (pattern(text, f"{at}/patternProperties"), self.check(each, f"{at}/patternProperties/{text}", frozenset()))
            for text, each in mapping(schema.get("patternProperties", {}), f"{at}/patternProperties")
        ]
        rest = self.check(schema["additionalProperties"], f"{at}/additionalProperties", frozenset()) if "additionalProperties" in schema else None
        return _members(required, named, patterned, rest)

    def _list(self, schema: Schema, at: str) -> Check:
        first = [self.check(each, f"{at}/prefixItems/{i}", frozenset()) for i, each in enumerate(list_of(schema.get("prefixItems", []), f"{at}/prefixItems"))]
        rest = self.check(schema["items"], f"{at}/items", frozenset()) if "items" in schema else None

        def check(value: Json) -> Fault | None:
            if type(value) is not list:
                return None
            for i, each in enumerate(value):
                member = first[i] if i < len(first) else rest
                if member is not None and (fault := member(each)) is not None:
                    return f"[{i}]{fault[0]}", fault[1]
            return None

        return check

    def refer(self, given: Json, at: str, here: frozenset[str]) -> Check:
        if not isinstance(given, str) or not (given == "#" or given.startswith("#/")):
            raise BadSchema(at, "only references within the schema are available, such as #/$defs/price")
        if given in here:
            raise BadSchema(at, "refers to itself without looking deeper")
        target = self._root
        for part in given.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or part not in target:
                raise BadSchema(at, f"there is no {given[:80]}")
            target = target[part]
        if given not in self._referred:
            self._referred[given] = fits  # what refers to it meanwhile looks it up when it is asked
            self._referred[given] = self.check(target, given[1:], here | {given})
        referred = self._referred
        return lambda value: referred[given](value)

    def each_of(self, given: Json, at: str, here: frozenset[str]) -> list[Check]:
        found = [self.check(each, f"{at}/{i}", here) for i, each in enumerate(list_of(given, at))]
        if not found:
            raise BadSchema(at, "is empty")
        return found


# -- what is checked -------------------------------------------------------------------------------------------------

def _all(checks: list[Check]) -> Check:
    if len(checks) <= 1:
        return checks[0] if checks else fits

    def check(value: Json) -> Fault | None:
        for each in checks:
            if (fault := each(value)) is not None:
                return fault
        return None

    return check


def _members(required: list[str], named: dict[str, Check], patterned: list[tuple[Any, Check]], rest: Check | None) -> Check:
    def others(value: dict[str, Json]) -> Fault | None:
        for name, each in value.items():
            known = name in named
            for search, member in patterned:
                if search(name):
                    known = True
                    if (fault := member(each)) is not None:
                        return f".{name}{fault[0]}", fault[1]
            if not known and rest is not None and (fault := rest(each)) is not None:
                return f".{name}{fault[0]}", fault[1]
        return None

    pairs, loose = list(named.items()), bool(patterned) or rest is not None

    def check(value: Json) -> Fault | None:
        if type(value) is not dict:
            return None
        for name in required:
            if name not in value:
                return f".{name}", "is missing"
        for name, member in pairs:
            if name in value and (fault := member(value[name])) is not None:
                return f".{name}{fault[0]}", fault[1]
        return others(value) if loose else None

    return check


def _contains(member: Check, least: int, most: int) -> Check:
    def check(value: Json) -> Fault | None:
        if type(value) is not list or least <= sum(member(each) is None for each in value) <= most:
            return None
        return "", "holds too few or too many of the elements that are wanted"

    return check


def _conditional(test: Check, then: Check, otherwise: Check) -> Check:
    return lambda value: then(value) if test(value) is None else otherwise(value)


def _property_names(compiler: _Compiler, given: Json, at: str, _: frozenset[str]) -> Check:
    member = compiler.check(given, at, frozenset())
    return lambda value: None if type(value) is not dict or all(member(name) is None for name in value) else ("", "has a key that is not allowed")


def _dependent_schemas(compiler: _Compiler, given: Json, at: str, here: frozenset[str]) -> Check:
    checks = [(name, compiler.check(each, f"{at}/{name}", here)) for name, each in mapping(given, at)]

    def check(value: Json) -> Fault | None:
        if type(value) is not dict:
            return None
        return next((fault for name, each in checks if name in value and (fault := each(value)) is not None), None)

    return check


def _all_of(compiler: _Compiler, given: Json, at: str, here: frozenset[str]) -> Check:
    return _all(compiler.each_of(given, at, here))


def _any_of(compiler: _Compiler, given: Json, at: str, here: frozenset[str]) -> Check:
    checks = compiler.each_of(given, at, here)
    return lambda value: None if any(each(value) is None for each in checks) else ("", "is none of the kinds that are allowed")


def _one_of(compiler: _Compiler, given: Json, at: str, here: frozenset[str]) -> Check:
    checks = compiler.each_of(given, at, here)
    return lambda value: None if sum(each(value) is None for each in checks) == 1 else ("", "is not exactly one of the kinds that are allowed")


def _not(compiler: _Compiler, given: Json, at: str, here: frozenset[str]) -> Check:
    check = compiler.check(given, at, here)
    return lambda value: ("", "is of a kind that is not allowed") if check(value) is None else None


_TAKEN_ALONG = frozenset({
    "properties", "patternProperties", "additionalProperties", "required", "items", "prefixItems", "contains", "minContains", "maxContains", "if", "then", "else",
})
_COMPOSED: dict[str, Callable[[_Compiler, Json, str, frozenset[str]], Check]] = {
    "$ref": _Compiler.refer, "allOf": _all_of, "anyOf": _any_of, "oneOf": _one_of, "not": _not, "propertyNames": _property_names, "dependentSchemas": _dependent_schemas,
}
KEYWORDS = (*SIMPLE, *_COMPOSED, *_TAKEN_ALONG, *SAID_ONLY)
"""All that are known."""
