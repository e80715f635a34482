"""YAML with lines: 1.2 core schema, booleans only `true` and `false`, no aliases, at most 32 deep.

Depth, aliases and tags are checked on the event stream, before anything is built. What is wrong with one value is
noted and reading goes on; what leaves the rest in doubt ends the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from app.domain.conditions import Scalar
from app.errors import Problem

MAX_DEPTH = 32
MAX_BYTES = 4 << 20
MAX_NODES = 300_000
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_BASE = {"0o": 8, "0x": 16}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = frozenset({*(f"{sign}.{word}" for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")), ".nan", ".NaN", ".NAN"})
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "Null": None, "NULL": None, "~": None, "": None}


Value: TypeAlias = "Scalar | None | list[Node] | dict[str, Node]"


@dataclass(slots=True)
class Node:
    """A value with its line; `keys` are keys' lines."""

    value: Value
    line: int
    keys: dict[str, int] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value without lines."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value


class _Broken(Exception):
    def __init__(self, line: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.line, self.message, self.hint = line, message, hint


def read_yaml(path: Path, name: str, problems: list[Problem]) -> Node | None:
    """The file's top node; None where it cannot be read or is empty, with a problem unless it is just empty."""
    try:
        data = path.read_bytes()
    except OSError as error:
        problems.append(Problem(name, 1, "file", f"cannot be read: {error.strerror}"))
        return None
    return parse_yaml(data, name, problems)


def parse_yaml(data: bytes, name: str, problems: list[Problem]) -> Node | None:
    if len(data) > MAX_BYTES:
        problems.append(Problem(name, 1, "file", f"is {len(data):,} bytes long", f"at most {MAX_BYTES:,}"))
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        problems.append(Problem(name, data[: error.start].count(b"\n") + 1, "file", "is not UTF-8"))
        return None
    try:
        return _Builder(name, problems).build(text)
    except _Broken as error:
        problems.append(Problem(name, error.line, "yaml", error.message, error.hint))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = getattr(error, "problem", None) or str(error).split("\n")[0]
        problems.append(Problem(name, mark.line + 1 if mark else _line_of(error, text), "yaml", str(message)))
    return None


def _line_of(error: yaml.YAMLError, text: str) -> int:
    """The line of an error that knows the byte alone: a character that no YAML may hold."""
    return text.encode()[: getattr(error, "position", None) or 0].count(b"\n") + 1


def _events(text: str) -> Iterator[yaml.Event]:
    # typeshed does not say what `parse` gives
    return yaml.parse(text, Loader=yaml.CSafeLoader)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class _Builder:
    def __init__(self, name: str, problems: list[Problem]) -> None:
        self._name = name
        self._problems = problems

    def build(self, text: str) -> Node | None:
        root = Node(None, 1)
        stack: list[tuple[Node, list[tuple[str, int]]]] = []
        documents = 0
        for number, event in enumerate(_events(text)):
            line: int = event.start_mark.line + 1
            if number > MAX_NODES:
                raise _Broken(line, f"more than {MAX_NODES:,} values", "several files are one namespace")
            match event:
                case yaml.ScalarEvent():
                    root = self._place(stack, Node(self._scalar(event, line), line), root, event.value)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    if len(stack) >= MAX_DEPTH:
                        raise _Broken(line, f"deeper than {MAX_DEPTH} levels")
                    self._plain(event, line)
                    node = Node({} if isinstance(event, yaml.MappingStartEvent) else [], line)
                    root = self._place(stack, node, root, None)
                    stack.append((node, []))
                case yaml.CollectionEndEvent():
                    stack.pop()
                case yaml.AliasEvent():
                    self._wrong(line, "aliases and anchors are not available", "write the value out")
                    root = self._place(stack, Node(None, line), root, event.anchor)
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise _Broken(line, "a second document", "one document a file")
                case _:
                    pass
        return None if root.value is None else root

    def _wrong(self, line: int, message: str, hint: str = "") -> None:
        self._problems.append(Problem(self._name, line, "yaml", message, hint))

    def _plain(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int) -> None:
        """No anchor and no tag but that of text."""
        if event.anchor is not None:
            self._wrong(line, "aliases and anchors are not available", "write the value out")
        if event.tag not in (None, "tag:yaml.org,2002:str", "!"):
            self._wrong(line, f"tags such as {event.tag[:60]} are not available")

    def _place(self, stack: list[tuple[Node, list[tuple[str, int]]]], node: Node, root: Node, text: str | None) -> Node:
        """File a node in the collection that is open, a mapping's keys and values by turns; gives the root."""
        if not stack:
            return node
        parent, waiting = stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif not waiting:
            if text is None:
                raise _Broken(node.line, "a key that is no text")
            waiting.append((text, node.line))
        else:
            assert isinstance(parent.value, dict)
            key, line = waiting.pop()
            if key in parent.value:
                self._problems.append(Problem(self._name, line, key, "stands here twice", f"first in line {parent.keys[key]}"))
            else:
                parent.value[key] = node
                parent.keys[key] = line
        return root

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> Scalar | None:
        self._plain(event, line)
        text: str = event.value
        if not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            whole = int(text, _BASE.get(text[:2], 10)) if len(text) < 40 else 1 << 63
            if abs(whole) < 1 << 63:
                return whole
        elif text not in _NOT_FINITE:
            if not _FLOAT.fullmatch(text):
                return text
            if isfinite(number := float(text)):
                return number
        self._wrong(line, f"{text[:40]} is {'no finite' if text in _NOT_FINITE else 'too large a'} number", "put quotes around what is text")
        return 0
