"""A recommender as rules use it: what to start from comes from the events of the person, and what it thinks of meets the catalogue."""

from __future__ import annotations

import json
import struct
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from app.content.arrays import mapped
from app.content.columns import EventRows
from app.content.matching import walk
from app.content.neighbours import FORMAT, MOST_SEEDS, Found, Neighbours
from app.content.vectors import Vectors
from app.domain.definitions import Definitions, Recommender
from app.domain.item import Item
from app.domain.request import Request
from app.errors import ContentInvalid, Problem

CANDIDATES = 400
"""Items that a recommender hands on to filters and rank, the best first."""
SEEDS = "seeds"
"""The key of the request's memo under which a caller says what to start from, in place of the person's events."""
_REASONS = "reasons"

Learnt: TypeAlias = Neighbours | Vectors


class Adviser:
    """What to start from, and how often the person had what, come from the events of the person."""

    def __init__(self, definition: Recommender, learnt: Learnt) -> None:
        self.definition = definition
        self.learnt = learnt
        self._unknown: tuple[Any, int, list[Item]] = (None, -1, [])
        self._bought: EventRows | None = None
        if definition.bought is not None:
            event, path = definition.bought
            self._bought = EventRows(event, ZoneInfo("UTC"))
            self._bought.read(path[0])

    def items(self, r: Request, catalogue: Any) -> Iterator[Item]:
        """The best first, as the catalogue has them now, each once. What speaks for each is kept in the request's memo (`reasons`)."""
        given, asked = r.memo.get(SEEDS), self.definition
        seeds = self._seeds(r) if given is None else given
        found, kinds = self.learnt.recommend(seeds, self._had(r), CANDIDATES), frozenset[str]()
        if asked.accessories or asked.new:
            kinds = frozenset(kind for id in seeds if (item := catalogue.get(id)) is not None and isinstance(kind := item.fields.get("category"), str))
        if asked.accessories:
            kinds = frozenset(other for kind in kinds for other in asked.accessories.get(kind, ()))
            found = chain(found, self.learnt.usual())
        ideas = self._there(r, found, catalogue, frozenset(seeds) if asked.accessories else frozenset())
        if asked.accessories:
            ideas = (item for item in ideas if item.fields.get("category") in kinds)
        if asked.diverse:
            ideas = _varied(ideas, asked.diverse)
        return self._with_new(r, ideas, catalogue, kinds) if asked.new else ideas

    def _there(self, r: Request, found: Iterable[Found], catalogue: Any, seen: Collection[str]) -> Iterator[Item]:
        kept = reasons(r)
        for each in found:
            item = catalogue.get(each.id)
            if item is not None and each.id not in kept and each.id not in seen:
                kept[each.id] = each
                yield item

    def _with_new(self, r: Request, ideas: Iterator[Item], catalogue: Any, kinds: Collection[str]) -> Iterator[Item]:
        """Every so many places one that is too new to be known, of these categories where there are any, the newest first."""
        fresh = (item for item in self._unknown_to(catalogue) if not kinds or item.fields.get("category") in kinds)
        for place, item in enumerate(ideas, 1):
            yield item
            if place % (self.definition.new - 1) == 0 and (one := next(fresh, None)) is not None:
                reasons(r)[one.id] = Found(one.id, 0.0, None, "new")
                yield one

    def _unknown_to(self, catalogue: Any) -> list[Item]:
        """Items that the recommender does not know, the newest first: once per version of the catalogue."""
        whose, version, found = self._unknown
        if whose is not catalogue or version != catalogue.version:
            found = [item for item in reversed(catalogue.rows) if not self.learnt.knows(item.id)]
            self._unknown = (catalogue, catalogue.version, found)
        return found

    def _seeds(self, r: Request) -> list[str]:
        asked, found = self.definition, list[str]()
        for place in reversed(r.places(asked.event)):
            found += [id for id in walk(r.history.properties(place), asked.path) if isinstance(id, str)]
            if found and (not asked.recent or len(found) >= MOST_SEEDS):
                break
        return found[:MOST_SEEDS]

    def _had(self, r: Request) -> Counter[str]:
        found = Counter[str]()
        if self._bought is not None and self.definition.bought is not None:
            head, *path = self.definition.bought[1]
            for value in self._bought.values(r, self._bought(r, None), head):
                found.update({id for id in walk(value, tuple(path)) if isinstance(id, str)})
        return found


def reasons(r: Request) -> dict[str, Found]:
    """By item what spoke for it in this request."""
    return r.memo.setdefault(_REASONS, {})


def advisers(definitions: Definitions, models: Path) -> Mapping[str, Adviser]:
    """All recommenders of the content, from the files in its folder `models/`."""
    return {id: Adviser(each, read(models / each.file)) for id, each in definitions.recommenders.items()}


def read(path: Path) -> Learnt:
    """What `inlay train` wrote, memory-mapped. `ContentInvalid` where the file is no such file, or its parts do not fit together."""
    try:
        arrays = mapped(path)
        meta = json.loads(bytes(arrays["meta"]))
        if meta["format"] != FORMAT:
            raise _broken(path, "it was written by another version of Inlay")
        found = (Vectors if meta.get("kind") == "vectors" else Neighbours)(arrays)
        whole = found.fits()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError, struct.error, zipfile.BadZipFile) as error:
        raise _broken(path, f"{type(error).__name__}: {str(error)[:120]}") from error
    if not whole:
        raise _broken(path, "its parts do not fit together")
    return found


def _varied(ideas: Iterable[Item], most: int) -> Iterator[Item]:
    """In the same order, but no more than `most` of a category before there is something of each other one; the rest after that."""
    shown, later = Counter[Any](), list[Item]()
    for item in ideas:
        kind = item.fields.get("category")
        if isinstance(kind, str) and shown[kind] >= most:
            later.append(item)
            continue
        shown[kind if isinstance(kind, str) else None] += 1
        yield item
    yield from later


def _broken(path: Path, why: str) -> ContentInvalid:
    return ContentInvalid((Problem(str(path), 1, "recommender", f"cannot be read: {why}", "write it anew with `inlay train`"),), path.name)
