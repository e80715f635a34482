"""`traits:` of rules files: what a trait means to those who compare people and look for what cannot be."""

from __future__ import annotations

from typing import get_args

from app.content.reader import Reader
from app.content.source import Node
from app.domain.conditions import Scalar
from app.domain.traits import Trait, TraitKind

KEYS = ("kind", "exclusive", "range", "values", "description")
KINDS: tuple[TraitKind, ...] = get_args(TraitKind)


def trait(reader: Reader, id: str, node: Node, at: str) -> Trait:
    given = reader.mapping(node, at, KEYS, ("kind",))
    kind = reader.one_of(given["kind"], f"{at}.kind", KINDS, "kind") if "kind" in given else None
    exclusive = given["exclusive"].value if "exclusive" in given else False
    if not isinstance(exclusive, bool):
        reader.wrong(given["exclusive"].line, f"{at}.exclusive", "is neither true nor false")
    values = tuple(value for here, each in reader.items(given["values"], f"{at}.values") if (value := _scalar(reader, each, here)) is not None) if "values" in given else ()
    return Trait(id, kind or "text", exclusive is True, _range(reader, given["range"], f"{at}.range") if "range" in given else None, values, reader.place(node))


def _range(reader: Reader, node: Node, at: str) -> tuple[Scalar, Scalar] | None:
    ends = [value for here, each in reader.items(node, at) if (value := _scalar(reader, each, here)) is not None]
    if len(ends) != 2 or any(isinstance(each, bool) for each in ends):
        reader.wrong(node.line, at, "is no range", "the least and the greatest value, such as [0, 120]")
        return None
    if isinstance(ends[0], str) != isinstance(ends[1], str) or ends[0] > ends[1]:  # pyright: ignore[reportOperatorIssue]
        reader.wrong(node.line, at, "is empty", "the least value first")
        return None
    return ends[0], ends[1]


def _scalar(reader: Reader, node: Node, at: str) -> Scalar | None:
    if isinstance(node.value, (str, int, float, bool)):
        return node.value
    reader.wrong(node.line, at, "is no text, number or truth value")
    return None
