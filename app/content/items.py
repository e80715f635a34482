"""Choosing items: what an offer, a fallback or a recommendation shows out of the catalogue.

A plan is compiled once. What it can know without the person (a list of ids, the conditions on the item alone, the item
columns of the model's matrix) is worked out once per version of the catalogue; a request only narrows and ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

from app.content.columns import index_key, last_value
from app.content.matching import walk
from app.content.mixing import Mix
from app.content.filing import flatten
from app.content.program import Program
from app.content.reader import names_in
from app.content.recommending import Adviser
from app.content.shelf import Shelf
from app.content.scoring import MAX_SCORED, Candidates, ItemScores
from app.domain import conditions as c
from app.domain.decision import items_sent
from app.domain.definitions import ItemsQuery, ModelCard, Recommended, RelatedTo
from app.domain.item import Item
from app.domain.request import Request
from app.ports import ModelRuntime

LOOKED_UP_FROM = 120
"""Items from which on those of one value are found through an index."""

MAX_IDEAS = 1_000

NO_ADVISERS: Mapping[str, Adviser] = MappingProxyType({})
_BOUGHT = ("product_id",), ("products", "product_id")


class ItemsPlan:
    """A compiled `items:`. `choose` gives the items in order of rank, or None where fewer than `at_least` are left."""

    def __init__(
        self, query: ItemsQuery, program: Program, models: Mapping[str, ModelCard], runtime: ModelRuntime, advisers: Mapping[str, Adviser] = NO_ADVISERS,
    ) -> None:
        self.query = query
        conditions = list(flatten(query.filter))
        fixed = [each for each in conditions if only_item(each)]
        self._fixed = program.item_filter(c.All(tuple(fixed))) if fixed else None
        moving = [each for each in conditions if not only_item(each)]
        equal = [found for each in moving if (found := equal_to_request(each)) is not None]
        self._lookups = [(field, program.writer.resolver(ref)) for field, ref in equal]
        self._moving = program.item_filter(c.All(tuple(moving))) if moving else None
        self._models = tuple(ItemScores(models[id], program, runtime) for id in scoring(query.rank, models))
        self._rank = _ranking(query.rank, program, [each.card.id for each in self._models])
        self._bare = isinstance(query.rank, c.Name) and len(self._models) == 1
        self._candidates: Candidates | None = None
        self._mix = Mix(query.arbitration, query.limit) if query.arbitration is not None else None
        self._excludes = bool(query.exclude_bought or query.looks_back)
        self._advice = query.source if isinstance(query.source, Recommended) else None
        self._adviser = advisers.get(self._advice.recommender) if self._advice is not None else None
        self._shelf = Shelf(self._adviser.stock, self._fixed, self._moving) if self._adviser is not None else None
        self._related = query.source if isinstance(query.source, RelatedTo) else None

    def choose(self, r: Request, catalogue: Any, excluded: Collection[str] = (), beside: Sequence[Item] = ()) -> list[Item] | None:
        """`excluded` are ids that must not be shown, such as those already in the send; `beside` are items that stand in the grid already."""
        out = self._excluded(r, excluded) if self._excludes else excluded
        if self._advice is not None:
            candidates, items = None, self._advised(r, catalogue, self._advice, out)
        else:
            candidates, items = self._select(r, catalogue)
            if out:
                items = [item for item in items if item.id not in out]
        if len(items) < self.query.at_least:
            return None
        if self._mix is None:
            return self._ranked(r, candidates, items, self.query.limit)[: self.query.limit]
        found = self._mix(self._ranked(r, candidates, items, len(items)), beside)
        return found if len(found) >= self.query.at_least else None

    async def think(self, r: Request) -> None:
        """Before `choose`, where many ask at a time: what they ask of recommenders is worked out together."""
        if self._adviser is not None:
            await self._adviser.think(r)

    def scored(self, r: Request, items: Sequence[Item]) -> list[tuple[Item, float | None]]:
        """Items already chosen, each with the score that ranked it (None without a rank)."""
        return list(zip(items, self._scores(r, None, list(items)), strict=True))

    # -- which -----------------------------------------------------------------------------------------------------

    def _excluded(self, r: Request, excluded: Collection[str]) -> Collection[str]:
        query, out = self.query, set(excluded)
        if self._mix is not None:
            out |= self._mix.lately(r)
        if query.exclude_bought:
            out |= bought(r, query.exclude_bought)
        if query.exclude_shown:
            for record in r.profile.sends.values():
                at, ids = items_sent(record)
                if at > r.now - query.exclude_shown:
                    out |= ids
        return out

    def _select(self, r: Request, catalogue: Any) -> tuple[Candidates | None, list[Item]]:
        if self._related is not None:
            return None, self._passing(r, related(r, catalogue, self._related))
        candidates = self._candidates
        if candidates is None or candidates.version != catalogue.version or candidates.catalogue is not catalogue:
            candidates = self._candidates = self._gather(r, catalogue)
        if not self._moving:
            return candidates, candidates.items
        if self._lookups and self.query.source == "catalogue" and len(candidates.items) > LOOKED_UP_FROM:
            return None, self._looked_up(r, catalogue)
        return candidates, self._moving(r, candidates.items)

    def _advised(self, r: Request, catalogue: Any, source: Recommended, out: Collection[str]) -> list[Item]:
        """What the recommender thinks of, as far as it passes: all of it where a rank is to choose, else as many as are shown."""
        if self._adviser is None or self._shelf is None:
            r.degraded.append(f"recommender:{source.recommender}")
            return []
        most = self.query.limit if self._rank is None and self._mix is None else MAX_IDEAS
        return list(islice(self._adviser.items(r, catalogue, self._shelf, out), most))

    def _passing(self, r: Request, items: list[Item]) -> list[Item]:
        items = self._fixed(r, items) if self._fixed else items
        return self._moving(r, items) if self._moving else items

    def _gather(self, r: Request, catalogue: Any) -> Candidates:
        source = self.query.source
        named = source if isinstance(source, tuple) else ()
        items = [item for id in named if (item := catalogue.get(id)) is not None] if named or source != "catalogue" else list(catalogue.rows)
        return Candidates(catalogue, self._fixed(r, items) if self._fixed else items)

    def _looked_up(self, r: Request, catalogue: Any) -> list[Item]:
        """Through the index of the first `item.x eq {field: ...}`: only items of that value are looked at."""
        field, resolve = self._lookups[0]
        key = index_key(resolve(r))
        if key is None:
            return []
        all_rows = catalogue.rows
        items = [all_rows[row] for row in catalogue.index(field).get(key, ())]
        return self._passing(r, items)

    # -- in which order --------------------------------------------------------------------------------------------

    def _ranked(self, r: Request, candidates: Candidates | None, items: list[Item], most: int) -> list[Item]:
        if self._rank is None:
            return items
        items = items if not self._models or len(items) <= MAX_SCORED else items[:MAX_SCORED]
        known: Sequence[Any]
        if self._bare:
            known = self._models[0](r, candidates, items, ranking=True)
        else:
            scores = self._scores(r, candidates, items)
            known = [float("-inf") if score is None else score for score in scores]
        order = sorted(range(len(known)), key=known.__getitem__, reverse=True)
        return [items[i] for i in order[:most]]

    def _scores(self, r: Request, candidates: Candidates | None, items: list[Item]) -> Sequence[float | None]:
        if self._rank is None:
            return [None] * len(items)
        if self._bare:
            return self._models[0](r, candidates, items)
        return self._rank(r, items, *[model(r, candidates, items) for model in self._models])


def only_item(condition: c.Condition) -> bool:
    """Whether a condition is about the item alone."""
    return all(isinstance(leaf, c.Field) and leaf.roots() == {"item"} for leaf in c.leaves(condition))


def equal_to_request(condition: c.Condition) -> tuple[str, c.Ref] | None:
    """(item field, reference) of an `item.x eq {field: y}` whose right side is the person's."""
    match condition:
        case c.Field(c.Ref(("item", field)), (c.Test("eq", c.Ref() as right),)) if right.root != "item":
            return field, right
        case _:
            return None


def bought(r: Request, milliseconds: int) -> set[str]:
    """Ids of all products ordered in `(now - milliseconds, now]`."""
    found: set[str] = set()
    for i in r.places("order_completed", max(r.now - milliseconds, -1)):
        properties = r.history.properties(i)
        for path in _BOUGHT:
            found |= {value for value in walk(properties, path) if isinstance(value, str)}
    return found


def related(r: Request, catalogue: Any, source: RelatedTo) -> list[Item]:
    """The `related` items of what the latest event names, without those that it names; first what many of them name,
    and name early.

    An item's weight is the sum of 1 / its place over the lists that hold it (reciprocal rank fusion, Cormack, Clarke and
    Büttcher 2009, with k = 0); docs/walkthrough.md measures it.
    """
    value = last_value(r, source.event, source.path)
    named = dict.fromkeys(each for each in walk(value, ()) if isinstance(each, str)) if value is not None else {}
    weights: dict[str, float] = {}
    for id in named:
        item = catalogue.get(id)
        for place, other in enumerate((item.fields.get("related") or ()) if item is not None else (), 1):
            if other not in named:
                weights[other] = weights.get(other, 0.0) + 1 / place
    best = sorted(weights, key=weights.__getitem__, reverse=True)
    return [item for id in best if (item := catalogue.get(id)) is not None]


def scoring(rank: c.Expression | None, models: Mapping[str, ModelCard]) -> list[str]:
    """The models of a `rank` that score items rather than people, each once."""
    named = dict.fromkeys(ref.path[1] for ref in names_in(rank) if ref.root == "model") if rank is not None else {}
    return [id for id in named if id in models and models[id].per_item]


def _ranking(rank: c.Expression | None, program: Program, models: Sequence[str]) -> Callable[..., Sequence[float | None]] | None:
    """`f(request, items, scores of each model)`: a score per item."""
    if rank is None:
        return None
    if isinstance(rank, c.Name) and rank.ref.path[1:] == tuple(models):
        return _given
    return program.item_rank(rank, models)


def _given(r: Request, items: list[Item], scores: Sequence[float | None]) -> Sequence[float | None]:
    return scores
