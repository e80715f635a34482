"""A recommender as rules use it: what to start from comes from the events of the person, and what it thinks of meets the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.content.matching import walk
from app.content.neighbours import MOST_SEEDS, Found, Neighbours
from app.domain.definitions import Definitions, Recommender
from app.domain.item import Item
from app.domain.request import Request

CANDIDATES = 400
"""Items that a recommender hands on to filters and rank, the best first."""
SEEDS = "seeds"
"""The key of the request's memo under which a caller says what to start from, in place of the person's events."""
_REASONS = "reasons"


class Adviser:
    """What to start from, and how often the person had what, come from the events of the person."""

    def __init__(self, definition: Recommender, neighbours: Neighbours) -> None:
        self.definition = definition
        self.neighbours = neighbours

    def items(self, r: Request, catalogue: Any) -> Iterator[Item]:
        """The best first, as the catalogue has them now. What speaks for each is kept in the request's memo (`reasons`)."""
        given = r.memo.get(SEEDS)
        kept = reasons(r)
        for each in self.neighbours.recommend(self._seeds(r) if given is None else given, self._had(r), CANDIDATES):
            item = catalogue.get(each.id)
            if item is not None:
                kept[each.id] = each
                yield item

    def _seeds(self, r: Request) -> list[str]:
        asked, found = self.definition, list[str]()
        for place in reversed(r.places(asked.event)):
            found += [id for id in walk(r.history.properties(place), asked.path) if isinstance(id, str)]
            if found and (not asked.recent or len(found) >= MOST_SEEDS):
                break
        return found[:MOST_SEEDS]

    def _had(self, r: Request) -> Counter[str]:
        found = Counter[str]()
        if self.definition.bought is not None:
            event, path = self.definition.bought
            for place in r.places(event):
                found.update({id for id in walk(r.history.properties(place), path) if isinstance(id, str)})
        return found


def reasons(r: Request) -> dict[str, Found]:
    """By item what spoke for it in this request."""
    return r.memo.setdefault(_REASONS, {})


def advisers(definitions: Definitions, models: Path) -> Mapping[str, Adviser]:
    """All recommenders of the content, from the files in its folder `models/`."""
    return {id: Adviser(each, Neighbours.read(models / each.file)) for id, each in definitions.recommenders.items()}
