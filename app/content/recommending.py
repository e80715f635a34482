"""A recommender as rules use it: what to start from comes from the events of the person, and what it thinks of meets the catalogue."""

from __future__ import annotations

import json
import struct
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.content.arrays import mapped
from app.content.event_rows import EventRows
from app.content.ideas import Found, Ideas
from app.content.matching import walk
from app.content.neighbours import FORMAT, MOST_SEEDS, Neighbours, Question
from app.content.shelf import Learnt, Shelf, Stock
from app.content.together import Together
from app.content.vectors import Vectors
from app.domain import conditions as c
from app.domain.definitions import Definitions, Recommender
from app.domain.item import Item
from app.domain.request import Request
from app.errors import ContentInvalid, Problem

CANDIDATES = 400
"""Items that a recommender hands on to filters and rank, the best first."""
SEEDS = "seeds"
"""The key of the request's memo under which a caller says what to start from, in place of the person's events."""
MOST_NAMED = 10
_REASONS, _QUESTION, _THOUGHT = "reasons", "question", "thought"
_TEXT = frozenset({str})



class Adviser:
    """What to start from, and how often the person had what, come from the events of the person."""

    def __init__(self, definition: Recommender, learnt: Learnt) -> None:
        self.definition = definition
        self.learnt = learnt
        self.stock = Stock(learnt)
        self._unknown: tuple[Any, int, list[Item]] = (None, -1, [])
        self._bought = Baskets(*definition.bought) if definition.bought is not None else None
        self._together = Together(self._recommend)
        self._bought_are_seeds = definition.bought == (definition.event, definition.path)

    def items(self, r: Request, catalogue: Any, shelf: Shelf, out: Collection[str]) -> Iterator[Item]:
        """The best first of what is on the shelf and not `out`, each once; variety and what is new count among these alone. What
        speaks for each is kept in the request's memo (`reasons`)."""
        asked, (seeds, had) = self.definition, self._question(r)
        thought: Ideas | None = r.memo.get((_THOUGHT, self))
        found = [thought] if thought is not None else self._recommend([(seeds, had)])
        kinds = frozenset[str]()
        if asked.accessories or asked.new:
            kinds = frozenset(kind for id in seeds if (item := catalogue.get(id)) is not None and isinstance(kind := item.fields.get("category"), str))
        if asked.accessories:
            kinds = frozenset(other for kind in kinds for other in asked.accessories.get(kind, ()))
            found, out = [*found, self.learnt.usual()], {*out, *seeds}
        kept = dict[str, Found]()
        r.memo[_REASONS] = kept
        ideas = _there(r, found, catalogue, shelf, out, kept)
        if asked.accessories:
            ideas = (item for item in ideas if item.fields.get("category") in kinds)
        if asked.diverse:
            ideas = _varied(ideas, asked.diverse)
        return self._with_new(ideas, shelf.passing(r, self._fresh(catalogue, kinds, out)), kept) if asked.new else ideas

    async def think(self, r: Request) -> None:
        """Have the ideas at hand for when `items` is asked for: what others ask meanwhile is answered by the same calls."""
        r.memo[_THOUGHT, self] = await self._together(self._question(r))

    def _recommend(self, asked: Sequence[Question]) -> list[Ideas]:
        return self.learnt.recommend(asked, CANDIDATES)

    def _question(self, r: Request) -> Question:
        """What to start from, and how often the person had what."""
        found: Question | None = r.memo.get((_QUESTION, self))
        if found is None:
            given = r.memo.get(SEEDS)
            bought = self._bought(r) if self._bought is not None else []
            seeds = self._seeds(reversed(bought) if self._bought_are_seeds else self._events(r)) if given is None else given
            had = Counter(chain.from_iterable(map(frozenset, bought))) if self.learnt.counts_had else dict.fromkeys(chain.from_iterable(bought), 1)
            found = r.memo[_QUESTION, self] = seeds, had
        return found

    def _with_new(self, ideas: Iterator[Item], fresh: Iterator[Item], kept: dict[str, Found]) -> Iterator[Item]:
        """Every so many places one that is too new to be known."""
        for place, item in enumerate(ideas, 1):
            yield item
            if place % (self.definition.new - 1) == 0 and (one := next(fresh, None)) is not None:
                kept[one.id] = Found(one.id, 0.0, None, "new")
                yield one

    def _fresh(self, catalogue: Any, kinds: Collection[str], out: Collection[str]) -> Iterator[Item]:
        """Items that the recommender does not know, of these categories where there are any, the newest first."""
        whose, version, found = self._unknown
        if whose is not catalogue or version != catalogue.version:
            found = [item for item in reversed(catalogue.rows) if not self.learnt.knows(item.id)]
            self._unknown = (catalogue, catalogue.version, found)
        return islice((item for item in found if item.id not in out and (not kinds or item.fields.get("category") in kinds)), CANDIDATES)

    def _seeds(self, latest: Iterable[list[str]]) -> list[str]:
        """Of the events, the latest first, what the last one holds, or some of the last."""
        found = list[str]()
        for ids in latest:
            found += ids
            if found and (not self.definition.recent or len(found) >= MOST_SEEDS):
                break
        return found[:MOST_SEEDS]

    def _events(self, r: Request) -> Iterator[list[str]]:
        path = self.definition.path
        return (_ids(r.history.properties(place), path) for place in reversed(r.places(self.definition.event)))


def _there(r: Request, found: Iterable[Ideas], catalogue: Any, shelf: Shelf, out: Collection[str], kept: dict[str, Found]) -> Iterator[Item]:
    """The items of those ideas that are on the shelf, not out, and pass."""
    for ideas in found:
        for numbers, scores, speaking in ideas.strides():
            told = zip(shelf.take(r, catalogue, numbers), scores, speaking, strict=True)
            some = _new(ideas, told, out, kept)
            yield from some if shelf.moving is None else shelf.moving(r, list(some))


def _new(ideas: Ideas, told: Iterable[tuple[Item | None, float, int]], out: Collection[str], kept: dict[str, Found]) -> Iterator[Item]:
    """Those that are neither out nor kept, each kept as it is handed on."""
    for item, score, speaks in told:
        if item is not None and (id := item.id) not in out and id not in kept:
            kept[id] = ideas.found(id, score, speaks)
            yield item


class Baskets:
    """What the events of a type hold at a path: the ids of each, the oldest first."""

    def __init__(self, event: str, path: c.Path) -> None:
        self._head, *rest = path
        self._path = tuple(rest)
        self._rows = EventRows(event, ZoneInfo("UTC"))
        self._rows.read(self._head)
        self._at = 0
        """Where they stood in the latest event that did not fit."""

    def __call__(self, r: Request) -> list[list[str]]:
        places = r.held(self._rows.event)[0]
        if not places or len(self._path) != 1:
            return self._walked(r)
        history, at = r.history, self._at
        found = history.plucked(places, at, self._path[0])
        if found is not None and all(history.names.position(shape, self._head) == at for shape in {*found[0]}):
            return found[1]
        shape, values = history.values(places[-1])
        self._at = at if isinstance(values, dict) else history.names.position(shape, self._head) or 0
        return self._walked(r)

    def _walked(self, r: Request) -> list[list[str]]:
        path, values = self._path, self._rows.values(r, self._rows(r, None), self._head)
        if len(path) == 1:
            key = path[0]
            with suppress(TypeError, KeyError):
                found = [[each[key] for each in value] for value in values]
                if _TEXT.issuperset(map(type, chain.from_iterable(found))):
                    return found
        return [_ids(value, path) for value in values]


def _ids(value: Any, path: c.Path) -> list[str]:
    return [id for id in walk(value, path) if isinstance(id, str)]


def reasons(r: Request) -> dict[str, Found]:
    """By item what spoke for it in the request's last question."""
    return r.memo.get(_REASONS, {})


def foreign(learnt: Learnt, catalogue: Any) -> tuple[int, list[str]]:
    """(how many, some of them): things that a recommender knows and the catalogue does not hold. They are never shown."""
    count, some = 0, list[str]()
    for id in map(learnt.id, range(len(learnt))):
        if catalogue.get(id) is None:
            count += 1
            if len(some) < MOST_NAMED:
                some.append(id)
    return count, some


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
