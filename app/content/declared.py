"""block.yaml: what a block declares, from nodes to its definition."""

from __future__ import annotations

from typing import Any

from app.content.picture_rules import picture
from app.content.reader import Reader
from app.content.source import Node
from app.content.variables import TAKES, typed
from app.domain import definitions as d

BLOCK_KEYS = ("description", "variables", "item_fields", "image", "sample")
VARIABLE_KEYS = ("type", "default", "description")
SAMPLE_KEYS = ("items", "profile", "context")
_TAKEN = frozenset({
    "profile", "context", "items", "urls", "now", "and", "else", "false", "False", "if", "in", "is", "none", "None", "not", "or", "self", "true", "True",
})
"""Names that mean something else in a template."""


def block(reader: Reader, id: str, node: Node, templates: dict[str, tuple[str, str]]) -> d.BlockDefinition:
    found = reader.mapping(node, "", BLOCK_KEYS, ("description",))
    entries = reader.mapping(found["variables"], "variables").items() if "variables" in found else ()
    variables = tuple(_variable(reader, name, each, f"variables.{name}") for name, each in entries)
    fields = tuple(reader.text(each, at) for at, each in reader.items(found["item_fields"], "item_fields")) if "item_fields" in found else ()
    sample = _sample(reader, found["sample"], {each.name: each.type for each in variables}) if "sample" in found else {}
    description = reader.text(found["description"], "description") if "description" in found else ""
    image = picture(reader, found["image"], {each.name: each.type for each in variables}) if "image" in found else None
    return d.BlockDefinition(id, description, variables, fields, sample, templates, reader.place(node), image)


def usable(name: str) -> bool:
    """Whether a template can read a variable by this name."""
    return name.isidentifier() and not name.startswith("_") and name not in _TAKEN


def _variable(reader: Reader, name: str, node: Node, at: str) -> d.Variable:
    found = reader.mapping(node, at, VARIABLE_KEYS, ("type",))
    kind = reader.one_of(found["type"], f"{at}.type", TAKES, "type") if "type" in found else None
    if not usable(name):
        reader.wrong(node.line, at, "cannot be read by a template", "letters, digits and _; not profile, context, items, urls, now")
    if "default" not in found:
        return d.Variable(name, kind or "string")
    return d.Variable(name, kind or "string", typed(reader, kind, found["default"], f"{at}.default") if kind else "")


def _sample(reader: Reader, node: Node, types: dict[str, d.VariableType]) -> dict[str, Any]:
    found = reader.mapping(node, "sample", (*types, *SAMPLE_KEYS))
    for name, each in found.items():
        if name in types:
            typed(reader, types[name], each, f"sample.{name}")
        elif name != "items":
            reader.mapping(each, f"sample.{name}")
    for at, each in reader.items(found["items"], "sample.items") if "items" in found else ():
        reader.mapping(each, at)
    return {name: each.plain() for name, each in found.items()}
