"""What refers to itself, directly or round about: it could never be computed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from app.content.reader import names_in
from app.domain import conditions as c
from app.domain import definitions as d

Edge: TypeAlias = "tuple[str, str]"
"""A section and a name in it."""


def self_referring(found: d.Definitions) -> list[Edge]:
    """The features, segments and tables that need themselves."""
    edges: dict[Edge, set[Edge]] = {("features", id): _refs(each) for id, each in found.features.items()}
    edges |= {("models", id): _pairs(column.name for column in card.inputs) for id, card in found.models.items()}
    edges |= {("tables", id): _pairs(each.ref for each in table.inputs) for id, table in found.tables.items()}
    edges |= {("segments", id): {("segments", leaf.segment) for leaf in c.leaves(each.condition) if isinstance(leaf, c.InSegment)} for id, each in found.segments.items()}
    return [edge for edge in edges if edge[0] != "models" and _reaches(edges, edge, edge)]


def _refs(feature: d.Feature) -> set[Edge]:
    """The features and models that a feature reads."""
    named = names_in(feature.expression) if feature.expression is not None else ()
    return _pairs((*named, *(each.test.value for each in feature.where if isinstance(each.test.value, c.Ref))))


def _pairs(refs: Iterable[c.Ref]) -> set[Edge]:
    return {(f"{ref.root}s", ref.path[1]) for ref in refs if ref.root in ("feature", "model", "table")}


def _reaches(edges: dict[Edge, set[Edge]], start: Edge, goal: Edge) -> bool:
    seen: set[Edge] = set()
    todo = list(edges.get(start, ()))
    while todo:
        each = todo.pop()
        if each == goal:
            return True
        if each not in seen:
            seen.add(each)
            todo += edges.get(each, ())
    return False
