"""The things that a recommender knows, as the catalogue has them and as a query lets them pass.

Both are looked up when a thing is first thought of, by its number, and kept as long as the catalogue stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeAlias

from app.content.ideas import STRIDE
from app.content.neighbours import Neighbours
from app.content.vectors import Vectors
from app.domain.item import Item
from app.domain.request import Request

Learnt: TypeAlias = Neighbours | Vectors
Filter: TypeAlias = Callable[[Request, list[Item]], list[Item]]
UNSEEN, PASSES, FAILS = range(3)


class Stock:
    """By number what the catalogue holds, shared by all queries: `items` are those that were asked for."""

    def __init__(self, learnt: Learnt) -> None:
        self._learnt = learnt
        self.catalogue: Any = None
        self.version = -1
        self.items: list[Item | None] = []

    def follow(self, catalogue: Any) -> None:
        """Forget what another version of the catalogue held."""
        if self.version != catalogue.version or self.catalogue is not catalogue:
            self.catalogue, self.version = catalogue, catalogue.version
            self.items = list[Item | None]((None,)) * len(self._learnt)

    def look_up(self, number: int) -> Item | None:
        found = self.items[number] = self.catalogue.get(self._learnt.id(number))
        return found


class Shelf:
    """What a query may show of the stock: `fixed` is what it asks of an item alone, `moving` what is for each request to be asked."""

    def __init__(self, stock: Stock, fixed: Filter | None, moving: Filter | None) -> None:
        self.moving = moving
        self._fixed = fixed
        self._stock = stock
        self._items: list[Item | None] | None = None
        self._verdicts = bytearray()

    def take(self, r: Request, catalogue: Any, numbers: list[int]) -> list[Item | None]:
        """The item of each number; None for one that is not there, or does not pass."""
        stock = self._stock
        stock.follow(catalogue)
        if self._items is not stock.items:
            self._items, self._verdicts = stock.items, bytearray(len(stock.items))
        items, verdicts = stock.items, self._verdicts
        for number in numbers:
            if not verdicts[number]:
                verdicts[number] = PASSES if self._passes(r, items[number] or stock.look_up(number)) else FAILS
        return [items[number] if verdicts[number] == PASSES else None for number in numbers]

    def _passes(self, r: Request, item: Item | None) -> bool:
        return item is not None and (self._fixed is None or bool(self._fixed(r, [item])))

    def passing(self, r: Request, items: Iterator[Item]) -> Iterator[Item]:
        """Those that pass of items that the recommender does not know."""
        while some := list(islice(items, STRIDE)):
            for kept in (self._fixed, self.moving):
                some = some if kept is None else kept(r, some)
            yield from some
