"""`events:` of rules/: from nodes to what is declared of events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from app.content.event_rules import checker
from app.content.json_keywords import BadSchema
from app.content.json_schema import KEYWORDS, compile_schema
from app.content.reader import Reader
from app.content.source import Node
from app.content.values import meant
from app.domain.conditions import Path
from app.domain.event import event_name
from app.domain.event_types import EventTypes, EventVersion, Undeclared

EVERY = "*"
"""The entry that speaks of all events."""
EVERY_KEYS = ("undeclared", "personal", "description")
VERSION_KEYS = ("schema", "required", "personal", "samples", "refuses", "description")
TYPE_KEYS = (*VERSION_KEYS, "versions")
CHOICES: tuple[Undeclared, ...] = get_args(Undeclared)

Entries = Mapping[str, tuple[Reader, Node]]


def event_types(entries: Entries) -> EventTypes:
    """All entries of the section, by their ids."""
    personal: tuple[Path, ...] = ()
    undeclared: Undeclared = "accept"
    versions: dict[str, dict[str, EventVersion]] = {}
    for id, (reader, node) in entries.items():
        if id == EVERY:
            found = reader.mapping(node, "events.*", EVERY_KEYS)
            personal = _paths(reader, found, "personal", "events.*")
            if "undeclared" in found:
                undeclared = reader.one_of(found["undeclared"], "events.*.undeclared", CHOICES, "answer") or "accept"
        else:
            versions[id] = _type(reader, id, node, f"events.{id}")
    return EventTypes(versions, personal, undeclared)


def _type(reader: Reader, id: str, node: Node, at: str) -> dict[str, EventVersion]:
    if event_name(id) != id:
        reader.wrong(node.line, at, "is no name that events compare by", f"{event_name(id)}: lower-cased, every other character an underscore")
    found = reader.mapping(node, at, TYPE_KEYS)
    versions = {"": _version(reader, {key: each for key, each in found.items() if key != "versions"}, node, at)}
    if "versions" in found:
        for name, each in reader.mapping(found["versions"], f"{at}.versions").items():
            here = f"{at}.versions.{name}"
            versions[name] = _version(reader, reader.mapping(each, here, VERSION_KEYS), each, here)
    return versions


def _version(reader: Reader, found: dict[str, Node], node: Node, at: str) -> EventVersion:
    samples, refuses = _samples(reader, found, "samples", at), _samples(reader, found, "refuses", at)
    version = EventVersion(
        _schema(reader, found["schema"], f"{at}.schema") if "schema" in found else {},
        _paths(reader, found, "required", at), _paths(reader, found, "personal", at), samples, refuses, reader.place(node),
    )
    check = checker(version)
    for i, sample in enumerate(samples):
        if (problem := check(dict(sample))) is not None:
            reader.wrong(found["samples"].line, f"{at}.samples[{i}]", f"would be refused: {problem}")
    for i, sample in enumerate(refuses):
        if check(dict(sample)) is None:
            reader.wrong(found["refuses"].line, f"{at}.refuses[{i}]", "would be accepted")
    return version


def _schema(reader: Reader, node: Node, at: str) -> dict[str, Any]:
    """The schema, or one that takes everything where it is broken."""
    reader.mapping(node, at)
    schema = node.plain()
    try:
        compile_schema(schema)
    except BadSchema as error:
        line, words = _line(node, error.at), error.at.split("/")[1:]
        reader.wrong(line, ".".join([at, *words]), error.message, _hint(words))
        return {}
    return schema


def _hint(words: list[str]) -> str:
    return meant(words[-1], KEYWORDS) if words else ""


def _line(node: Node, pointer: str) -> int:
    """The line of the place that a JSON pointer names, or of the nearest before it."""
    line = node.line
    for word in pointer.split("/")[1:]:
        if isinstance(node.value, dict) and word in node.value:
            line, node = node.keys.get(word, line), node.value[word]
        elif isinstance(node.value, list) and word.isdigit() and int(word) < len(node.value):
            node = node.value[int(word)]
            line = node.line
        else:
            break
    return line


def _paths(reader: Reader, found: dict[str, Node], key: str, at: str) -> tuple[Path, ...]:
    return tuple(reader.path(each, here) for here, each in reader.items(found[key], f"{at}.{key}")) if key in found else ()


def _samples(reader: Reader, found: dict[str, Node], key: str, at: str) -> tuple[Mapping[str, Any], ...]:
    rows = reader.items(found[key], f"{at}.{key}") if key in found else []
    return tuple(each.plain() for here, each in rows if reader.mapping(each, here) or each.value == {})
