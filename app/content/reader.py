"""Reading with places: every mistake becomes a problem with file, line, dotted key and hint, and reading goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeGuard, TypeVar
from zoneinfo import ZoneInfo

from app.content.source import Node, Value
from app.content.values import BadExpression, duration, expression, instant, meant
from app.domain import conditions as c
from app.domain.bounds import USUAL, Bounds
from app.domain.definitions import BlockDefinition, ContextKind
from app.domain.event import event_name
from app.errors import Problem

LARGEST = 10**15
A_KIND = {"number": "a number", "boolean": "true or false", "instant": "an instant", "string": "text"}
Name = TypeVar("Name", bound=str)


@dataclass(slots=True)
class Names:
    """What rules may refer to, collected before anything is resolved."""

    features: set[str] = field(default_factory=set)
    segments: set[str] = field(default_factory=set)
    placements: set[str] = field(default_factory=set)
    offers: set[str] = field(default_factory=set)
    consents: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    mails: set[str] = field(default_factory=set)
    webhooks: set[str] = field(default_factory=set)
    bandits: set[str] = field(default_factory=set)
    recommenders: set[str] = field(default_factory=set)
    triggers: set[str] = field(default_factory=set)
    blocks: dict[str, BlockDefinition] = field(default_factory=dict)
    context: dict[str, ContextKind] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    counting: set[str] = field(default_factory=set)
    item_models: set[str] = field(default_factory=set)
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """model -> the names of what it tells apart"""
    variants: dict[str, list[str]] = field(default_factory=dict)
    """experiment -> its variants"""
    tables: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """table -> its outputs, each with its kind where all rows give one"""
    offered: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """offer -> its placements"""
    attributes: set[str] = field(default_factory=lambda: {"priority", "value"})

    def counts(self, ref: c.Ref) -> bool:
        """Whether it is a number of events."""
        return ref.root == "feature" and ref.path[1] in self.counting

    def kind_of(self, ref: c.Ref) -> str | None:
        """`number`, `string`, `boolean` or `instant` where that is certain before any request; else None."""
        if ref.root == "model":
            return "string" if ref.path[1] in self.labels else "number"
        if ref.root == "context":
            return self.context.get(ref.path[1])
        if ref.root == "table":
            return self.tables.get(ref.path[1], {}).get(ref.path[2])
        return self.kinds.get(ref.path[1]) if ref.root == "feature" else None


class Reader:
    """Reads nodes of one file. `at` is the dotted key of what is being read."""

    def __init__(self, file: str, problems: list[Problem], names: Names, timezone: ZoneInfo, bounds: Bounds = USUAL) -> None:
        self.file = file
        self.problems = problems
        self.names = names
        self.timezone = timezone
        self.bounds = bounds

    # -- problems --------------------------------------------------------------------------------------------------

    def wrong(self, line: int, at: str, message: str, hint: str = "", *, warning: bool = False) -> None:
        self.problems.append(Problem(self.file, line, visible(at) or "file", visible(message), visible(hint), warning))

    def place(self, node: Node) -> c.Place:
        return c.Place(self.file, node.line)

    # -- shapes ----------------------------------------------------------------------------------------------------

    def mapping(self, node: Node, at: str, known: Iterable[str] | None = None, required: Iterable[str] = ()) -> dict[str, Node]:
        """The entries of a mapping; unknown and missing keys are problems."""
        if not isinstance(node.value, dict):
            self.wrong(node.line, at, f"is {_kind(node.value)}", "a mapping (key: value) belongs here")
            return {}
        if known is not None:
            known = tuple(known)
            for key in node.value:
                if key not in known:
                    self._unknown(node.keys[key], f"{at}.{key}" if at else key, key, known)
            if "description" in known and "description" in node.value:
                self.text(node.value["description"], f"{at}.description" if at else "description")
        for key in required:
            if key not in node.value:
                self.wrong(node.line, at, f"{key} is missing")
        return {key: value for key, value in node.value.items() if known is None or key in known}

    def _unknown(self, line: int, at: str, key: str, known: tuple[str, ...]) -> None:
        self.wrong(line, at, f'unknown key "{key[:60]}"', meant(key, known))

    def items(self, node: Node, at: str) -> list[tuple[str, Node]]:
        if not isinstance(node.value, list):
            self.wrong(node.line, at, f"is {_kind(node.value)}", "a list [...] belongs here")
            return []
        return [(f"{at}[{i}]", each) for i, each in enumerate(node.value)]

    def text(self, node: Node, at: str, default: str = "") -> str:
        if isinstance(node.value, str):
            return node.value
        self.wrong(node.line, at, f"is {_kind(node.value)}", "text belongs here; put quotes around it")
        return default

    def number(self, node: Node, at: str, default: float = 0.0) -> float:
        if _is_number(node.value):
            if abs(node.value) < LARGEST:
                return node.value
            self.wrong(node.line, at, "is too large a number")
            return default
        self.wrong(node.line, at, f"is {_kind(node.value)}", "a number belongs here")
        return default

    def whole(self, node: Node, at: str, low: int, high: int, default: int) -> int:
        if type(node.value) is int and low <= node.value <= high:
            return node.value
        self.wrong(node.line, at, f"is {node.plain()!r:.60}", f"a whole number from {low} to {high} belongs here")
        return default

    def one_of(self, node: Node, at: str, choices: Iterable[Name], what: str) -> Name | None:
        """A name that must be among `choices`."""
        choices = list(choices)
        for each in choices:
            if each == node.value:
                return each
        word = node.value if isinstance(node.value, str) else repr(node.plain())
        self.wrong(node.line, at, f'no {what} "{word[:60]}"', meant(word, choices))
        return None

    def names_list(self, node: Node, at: str, choices: Iterable[Name], what: str) -> tuple[Name, ...]:
        choices = list(choices)
        found: dict[Name, None] = {}
        for here, each in self.items(node, at):
            name = self.one_of(each, here, choices, what)
            if name in found:
                self.wrong(each.line, here, f'"{name}" stands here twice', warning=True)
            if name is not None:
                found[name] = None
        return tuple(found)

    def duration(self, node: Node, at: str) -> int:
        found = duration(node.value)
        if not found:
            nothing = "lasts no time" if found == 0 else "is no duration"
            self.wrong(node.line, at, f"{node.plain()!r:.60} {nothing}", "a number with a unit: ms s m h d w, such as 48h")
            return 1
        return found

    def window(self, node: Node, at: str) -> int:
        """A duration that looks back over events, so no longer than they are kept."""
        found = self.duration(node, at)
        if self.bounds.age and found > self.bounds.age:
            self.wrong(node.line, at, "reaches further back than events are kept", f"at most {self.bounds.age // 86_400_000}d")
        return found

    def instant(self, node: Node, at: str) -> c.Instant:
        found = instant(node.value, self.timezone)
        if found is None:
            self.wrong(node.line, at, f"{node.plain()!r:.60} is no date", "2026-10-01 or 2026-10-01T09:00:00Z")
            return c.Instant(0)
        return found

    def event(self, node: Node, at: str) -> str:
        """The normalised name of an event."""
        name = event_name(self.text(node, at, "x"))
        if not name.strip("_"):
            self.wrong(node.line, at, f"{node.value!r:.60} is no event", "such as order_completed")
        return name

    def path(self, node: Node, at: str) -> c.Path:
        text = self.text(node, at, "x")
        if not text or any(not part for part in text.split(".")):
            self.wrong(node.line, at, f"{text!r:.60} is no dotted path", "such as products.category")
            return ("x",)
        return tuple(text.split("."))

    # -- references ------------------------------------------------------------------------------------------------

    def ref(self, text: Value, line: int, at: str, roots: tuple[str, ...], *, scored: bool = False) -> c.Ref | None:
        """A rooted name, checked against what is declared; `scored` where items are ranked, and models may score them."""
        parts = tuple(text.split(".")) if isinstance(text, str) else ()
        if not isinstance(text, str) or len(parts) < 2 or not all(parts):
            shown = _kind(text) if isinstance(text, (dict, list)) else f"{text!r:.60}"
            self.wrong(line, at, f"{shown} is no rooted name", f"begin with {', '.join(roots)}, such as {roots[0]}.x")
            return None
        root = parts[0]
        if root not in roots:
            self.wrong(line, at, f'"{root[:60]}" cannot be read here', meant(root, roots))
            return None
        if root == "table" and not self._of_table(parts, line, at):
            return None
        declared = {"feature": self.names.features, "model": self.names.models, "context": self.names.context, "offer": self.names.attributes}.get(root)
        if declared is not None and parts[1] not in declared:
            where = {"context": "context:", "offer": "the attributes: of an offer"}.get(root, f"{root}s:")
            self.wrong(line, at, f'no {root}{" attribute" * (root == "offer")} "{parts[1][:60]}"', meant(parts[1], declared) or f"declare it under {where}")
            return None
        if declared is not None and len(parts) > 2:
            self.wrong(line, at, f"{text[:60]!r} has a part too many", f"a {root} is one value: {root}.{parts[1]}")
            return None
        if root == "model" and parts[1] in self.names.item_models and not scored:
            self.wrong(line, at, f"the model {parts[1]} scores items, not people", "it may stand in the rank: of items alone")
            return None
        return c.Ref(parts)

    def _of_table(self, parts: tuple[str, ...], line: int, at: str) -> bool:
        """Whether a name is an output of a declared table."""
        outputs = self.names.tables.get(parts[1])
        if outputs is None:
            self.wrong(line, at, f'no table "{parts[1][:60]}"', meant(parts[1], self.names.tables) or "declare it under tables:")
        elif len(parts) != 3 or parts[2] not in outputs:
            rest = ".".join(parts[2:])
            self.wrong(line, at, f'the table {parts[1]} has no output "{rest[:60]}"', meant(rest, outputs) or f"such as table.{parts[1]}.percent")
        else:
            return True
        return False

    def expression(self, node: Node, at: str, roots: tuple[str, ...], *, scored: bool = False) -> c.Expression | None:
        if _is_number(node.value):
            return c.Number(float(node.value))
        try:
            found = expression(self.text(node, at, "0"))
        except BadExpression as error:
            self.wrong(node.line, at, str(error), "names, numbers, + - * /, min max abs log exp, parentheses")
            return None
        for ref in names_in(found):
            if self.ref(".".join(ref.path), node.line, at, roots, scored=scored) and (kind := self.names.kind_of(ref)) not in (None, "number"):
                self.wrong(node.line, at, f"{ref} is {A_KIND[kind]}, not a number", "an expression knows numbers alone")
        return found


def visible(text: str) -> str:
    """One line of text: whatever else a file holds is written as an escape."""
    return text if text.isprintable() else "".join(ch if ch.isprintable() else repr(ch)[1:-1] for ch in text)


def names_in(node: c.Expression) -> Iterator[c.Ref]:
    """Every reference of an expression."""
    match node:
        case c.Name(ref):
            yield ref
        case c.Negative(operand):
            yield from names_in(operand)
        case c.Arithmetic(_, left, right):
            yield from names_in(left)
            yield from names_in(right)
        case c.Call(_, arguments):
            for each in arguments:
                yield from names_in(each)
        case _:
            pass


def _is_number(value: Value) -> TypeGuard[int | float]:
    return type(value) in (int, float)


def _kind(value: Value) -> str:
    if value is None:
        return "empty"
    names: dict[type, str] = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "of another kind")
