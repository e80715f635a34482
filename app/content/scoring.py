"""Scores of items by one model: what is the same for everybody is worked out once per version of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.content.matching import reach
from app.content.program import Program
from app.content.writer import as_input
from app.domain.definitions import ModelCard
from app.domain.item import Item
from app.domain.request import Request
from app.errors import ModelUnavailable
from app.ports import Model, ModelRuntime, Scorer

MAX_SCORED = 1_200
"""Candidates that a model scores at most, in catalogue order: ten runs of 120 rows."""


class Candidates:
    """The part of a plan that is the same for everybody, for one version of the catalogue."""

    __slots__ = ("catalogue", "items", "positions", "scorers", "version")

    def __init__(self, catalogue: Any, items: list[Item]) -> None:
        self.catalogue = catalogue
        self.version: int = catalogue.version
        self.items = items
        self.positions: dict[str, int] = {}
        self.scorers: dict[tuple[str, bool], Scorer] = {}


class ItemScores:
    """A model whose rows are items, ready to score those of one plan."""

    def __init__(self, card: ModelCard, program: Program, runtime: ModelRuntime) -> None:
        self.card = card
        self._runtime = runtime
        self._columns = [None if column.name.root == "item" else program.writer.resolver(column.name) for column in card.inputs]
        self._paths = [column.name.path[1:] for column in card.inputs]
        self._varying = [at for at, column in enumerate(card.inputs) if column.name.root != "item"]
        self._person = program.row([card.inputs[at] for at in self._varying])

    def __call__(self, r: Request, candidates: Candidates | None, items: list[Item], *, ranking: bool = False) -> Sequence[float]:
        """One score per item, the card's fallback where the model fails; `candidates` hold the items where they are
        those of everybody. With `ranking` numbers that order the items as their scores do."""
        card = self.card
        if not items:
            return []
        if card.id in r.given_scores:
            return [r.given_scores[card.id]] * len(items)
        model = self._runtime.get(card.id)
        try:
            if model is None:
                raise ModelUnavailable(f"no model {card.id}")
            if model.dtype is None:
                return model.score_table([self._row(r, item) for item in items])
            if candidates is not None and len(candidates.items) <= MAX_SCORED:
                return self._from_matrix(r, model, candidates, items, ranking)
            return model.score_rows(np.array([self._row(r, item) for item in items], dtype=model.dtype))
        except ModelUnavailable:
            r.degraded.append(f"model:{card.id}")
            return [card.fallback] * len(items)

    def _from_matrix(self, r: Request, model: Model, candidates: Candidates, items: list[Item], ranking: bool) -> list[float]:
        """The items' columns are known per version of the catalogue; only the person's are looked up."""
        scorer = candidates.scorers.get((self.card.id, ranking))
        if scorer is None:
            matrix = np.array([self._row(r, item) for item in candidates.items], dtype=model.dtype)
            scorer = candidates.scorers[self.card.id, ranking] = model.fixed(matrix, self._varying, ranking=ranking)
            candidates.positions = {item.id: i for i, item in enumerate(candidates.items)}
        values: list[Any] = self._person(r)
        if items is candidates.items:
            return scorer(values, None)
        positions = candidates.positions
        return scorer(values, [positions[item.id] for item in items])

    def _row(self, r: Request, item: Item) -> list[float | str]:
        return [
            as_input(reach(item.fields, path) if resolve is None else resolve(r), column.default)
            for column, path, resolve in zip(self.card.inputs, self._paths, self._columns, strict=True)
        ]
