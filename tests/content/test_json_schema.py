"""JSON Schema as it is compiled for events, held to what the reference implementation says."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.content.json_schema import BadSchema, compile_schema

VALUES: list[Any] = [
    None, True, False, 0, 1, 1.0, -3, 2.5, 10**12, "", "a", "abc", "2026-10-12", "2026-10-12T09:00:00Z", "ann@shop.example", "https://shop.example/x",
    [], [1], [1, "a"], [1, 1], [1, True], [{"a": 1}, {"a": 1.0}], {}, {"a": 1}, {"a": "x", "b": 2}, {"b": 1}, {"x_1": 3}, {"a": {"a": {"a": 1}}}, {"a": [1, 2, 3]},
]
SCHEMAS: list[Any] = [
    True, False, {}, {"type": "string"}, {"type": "integer"}, {"type": ["number", "null"]}, {"type": "boolean"}, {"type": "array"}, {"type": ["object", "string"]},
    {"enum": [1, "a", None, [1, True]]}, {"const": {"a": 1}}, {"const": False}, {"minimum": 1}, {"maximum": 2.5}, {"exclusiveMinimum": 0}, {"exclusiveMaximum": 1},
    {"multipleOf": 2}, {"multipleOf": 0.5}, {"minLength": 1}, {"maxLength": 2}, {"pattern": "^a"}, {"pattern": "b"}, {"minItems": 1}, {"maxItems": 1}, {"uniqueItems": True},
    {"items": {"type": "integer"}}, {"prefixItems": [{"type": "integer"}], "items": False}, {"prefixItems": [{"type": "integer"}, {"type": "string"}]},
    {"contains": {"const": 1}}, {"contains": {"const": 1}, "minContains": 2}, {"contains": {"const": 1}, "minContains": 0, "maxContains": 1},
    {"required": ["a"]}, {"properties": {"a": {"type": "integer"}}}, {"properties": {"a": True}, "additionalProperties": False},
    {"patternProperties": {"^x_": {"minimum": 5}}}, {"patternProperties": {"^x_": {"minimum": 2}}, "additionalProperties": {"type": "string"}},
    {"minProperties": 1}, {"maxProperties": 1}, {"propertyNames": {"pattern": "^a$"}}, {"dependentRequired": {"a": ["b"]}},
    {"dependentSchemas": {"a": {"properties": {"b": {"type": "string"}}}}},
    {"allOf": [{"type": "integer"}, {"minimum": 1}]}, {"anyOf": [{"type": "string"}, {"minimum": 1}]}, {"oneOf": [{"type": "integer"}, {"minimum": 1}]}, {"not": {"type": "object"}},
    {"if": {"type": "object"}, "then": {"required": ["a"]}, "else": {"type": "array"}}, {"if": {"type": "string"}, "else": {"type": "array"}},
    {"$defs": {"deep": {"properties": {"a": {"$ref": "#/$defs/deep"}}, "type": ["object", "integer"]}}, "$ref": "#/$defs/deep"}, {"properties": {"a": {"$ref": "#"}}, "type": "object"},
    {"format": "date", "type": "string"}, {"title": "said only", "description": "so is this", "examples": [1]},
]


def agrees(schema: Any, value: Any) -> bool:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema, format_checker=checker).is_valid(value) is (compile_schema(schema)(value) is None)


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_a_schema_takes_what_the_reference_takes(schema):
    assert [value for value in VALUES if not agrees(schema, value)] == []


SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, 1.0, -2.5]) | st.sampled_from(["", "a", "ab"])
ANY = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8)
COMPOSED = st.recursive(
    st.sampled_from([schema for schema in SCHEMAS if "$ref" not in str(schema)]),
    lambda inner: st.builds(lambda key, several: {key: several}, st.sampled_from(["allOf", "anyOf", "oneOf"]), st.lists(inner, min_size=1, max_size=3))
    | st.builds(lambda a, b, c: {"properties": {"a": a, "b": b}, "additionalProperties": c}, inner, inner, inner)
    | st.builds(lambda a, b: {"prefixItems": [a], "items": b}, inner, inner)
    | st.builds(lambda a: {"not": a}, inner) | st.builds(lambda a, b, c: {"if": a, "then": b, "else": c}, inner, inner, inner),
    max_leaves=6,
)


@given(COMPOSED, ANY)
@settings(max_examples=300)
def test_composed_schemas_take_what_the_reference_takes(schema, value):
    assert agrees(schema, value)


@pytest.mark.parametrize("schema,at", [
    ({"typ": "string"}, "/typ"), ({"type": "text"}, "/type"), ({"properties": {"a": {"minimum": "1"}}}, "/properties/a/minimum"), ({"pattern": "("}, "/pattern"),
    ({"$ref": "#/$defs/no"}, "/$ref"), ({"$ref": "https://shop.example/s.json"}, "/$ref"), ({"allOf": [{"$ref": "#"}]}, "/allOf/0/$ref"), ({"format": "colour"}, "/format"),
    ({"unevaluatedProperties": False}, "/unevaluatedProperties"), ({"required": "a"}, "/required"), ({"items": 3}, "/items"), ({"anyOf": []}, "/anyOf"), ({"pattern": 3}, "/pattern"),
    ({"multipleOf": 0}, "/multipleOf"), ({"minLength": -1}, "/minLength"), ({"properties": []}, "/properties"), ({"enum": 1}, "/enum"), ({"required": [1]}, "/required"),
])
def test_a_word_that_means_nothing_is_refused_with_its_place(schema, at):
    with pytest.raises(BadSchema) as refused:
        compile_schema(schema)

    assert refused.value.at == at


def test_a_fault_says_where_and_what_is_wanted_and_never_the_value():
    check = compile_schema({"properties": {"products": {"items": {"required": ["price"], "properties": {"price": {"type": "number"}}}}}})

    assert check({"products": [{"price": 1}, {"price": "secret"}]}) == (".products[1].price", "is text; a number is wanted")
    assert check({"products": [{}]}) == (".products[0].price", "is missing")


@pytest.mark.parametrize("name,good,bad", [
    ("date-time", "2026-10-12T09:00:00Z", "2026-10-12"), ("date", "2026-10-12", "2026-13-12"), ("time", "09:00:00", "9 o'clock"), ("email", "ann@shop.example", "ann"),
    ("uri", "https://shop.example/a", "shop"), ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e"), ("hostname", "shop.example", "-shop"), ("ipv4", "10.0.0.1", "10.0.0.256"),
    ("ipv6", "::1", ":::"),
])
def test_a_format_asserts(name, good, bad):
    check = compile_schema({"format": name})

    assert (check(good), check(bad)) == (None, ("", f"is no {name}"))
