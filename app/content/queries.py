"""What is asked of the content from beside its files: a request's items query, a task of learning."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from app.content import sections, tables
from app.content.reader import Names, Reader
from app.content.source import Node, parse_yaml
from app.domain import definitions as d
from app.errors import Problem, RequestInvalid


def names_of(definitions: d.Definitions) -> Names:
    """What something beside the rules files may refer to: a request, or what a model is trained by."""
    return Names(
        features=set(definitions.features), segments=set(definitions.segments), consents=set(definitions.consents), models=set(definitions.models),
        context=dict(definitions.context), kinds={id: kind for id, each in definitions.features.items() if (kind := sections.KIND_OF.get(each.kind))},
        item_models={id for id, card in definitions.models.items() if card.per_item}, recommenders=set(definitions.recommenders),
        labels={id: card.labels for id, card in definitions.models.items() if card.labels},
        tables={id: tables.outputs_of(each) for id, each in definitions.tables.items()},
    )


def read_items_query(body: Any, definitions: d.Definitions) -> d.ItemsQuery:
    """An items query that came with a request, checked like one in a file; `RequestInvalid` with every problem."""
    problems: list[Problem] = []
    reader = Reader("", problems, names_of(definitions), ZoneInfo(definitions.timezone))
    node = parse_yaml(msgspec.json.encode(body), "", problems) or Node({}, 1)
    query = sections.items_query(reader, node, "")
    if found := [problem for problem in problems if not problem.warning]:
        raise RequestInvalid("the query cannot be read", problems=tuple((p.key.strip("."), f"{p.message}; {p.hint}".rstrip("; ")) for p in found))
    return query
