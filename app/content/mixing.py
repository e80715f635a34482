"""`arbitration:` of an offer's items at work."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.arbitration import Option
from app.domain.decision import items_sent
from app.domain.grids import Grid, filled
from app.domain.item import Item
from app.domain.request import Request


class Mix:
    """Called with items, best first, and those that stand in the grid already, it gives those that fill it."""

    def __init__(self, grid: Grid, places: int) -> None:
        self._grid = grid
        self._places = places

    def __call__(self, ranked: Sequence[Item], beside: Sequence[Item]) -> list[Item]:
        known = {item.id: item for item in ranked}
        there = [self._option(item) for item in beside]
        return [known[each.offer] for each in filled(self._grid, map(self._option, ranked), max(0, self._places - len(there)), there)]

    def lately(self, r: Request) -> set[str]:
        """The items of the person's last so many sends, this one aside."""
        sends = self._grid.rules.not_again
        if not sends:
            return set()
        records = sorted((items_sent(record) for send, record in r.profile.sends.items() if send != r.send), key=lambda sent: sent[0], reverse=True)
        return set[str]().union(*(ids for _, ids in records[:sends]))

    def _option(self, item: Item) -> Option:
        rules, fields = self._grid.rules, item.fields
        category = fields.get(rules.by)
        return Option(item.id, None if category is None else str(category), tuple([fields.get(name) for name in rules.alike]))
