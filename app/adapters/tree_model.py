"""A model that is an ensemble of trees, by tables: without ONNX Runtime, which has vouched for them in another process.

The runtime weighs 30 MB and a fifth of a second of a worker's start (`bench/`); most models of tables of people are trees.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from app.adapters.onnx_trees import Trees, trees_of
from app.adapters.scores import Timed, give_golden, in_range, untimed
from app.domain.definitions import ModelCard
from app.errors import ModelUnavailable
from app.ports import Scorer

CHECKED_ROWS = 120
SAME = 1e-6


class Vouching(Protocol):
    """What has read the same file: the runtime's model."""

    @property
    def in_order(self) -> bool: ...
    def score_rows(self, matrix: np.ndarray) -> list[float]: ...


class TreeModel:
    """`Model` over the tables of one file."""

    dtype = np.float32
    benched = False

    def __init__(self, card: ModelCard, trees: Trees) -> None:
        self.card = card
        self.timed: Timed = untimed
        self._trees = trees
        self._one = trees.fix(np.zeros((1, len(card.inputs)), dtype=np.float32), range(len(card.inputs)))

    @staticmethod
    def of(card: ModelCard, data: bytes) -> TreeModel | None:
        """None where the file is something else, or more, than tables can hold."""
        trees = trees_of(data, card.output_index)
        return TreeModel(card, trees) if trees is not None and trees.width <= len(card.inputs) else None

    @staticmethod
    def vouched(card: ModelCard, data: bytes, runtime: Vouching) -> TreeModel | None:
        """The same where the runtime gives the same, on rows around the thresholds; else None."""
        found = TreeModel.of(card, data) if runtime.in_order else None
        if found is None:
            return None
        matrix = found._trees.rows(len(card.inputs), CHECKED_ROWS)
        try:
            same = np.allclose(found._scores(matrix), runtime.score_rows(matrix), rtol=1e-5, atol=SAME)
        except ModelUnavailable:
            return None
        return found if same else None

    def verify(self) -> None:
        give_golden(self.card, self.score)

    def score(self, row: Sequence[float | str]) -> float:
        begun = time.monotonic()
        try:
            found = self._one(row, None)  # pyright: ignore[reportArgumentType] (texts are refused)
        except (TypeError, OverflowError) as error:
            raise ModelUnavailable(f"{self.card.id} cannot hold what it is given: {str(error)[:80]}", code="inputs") from error
        self.timed(self.card.id, time.monotonic() - begun)
        return in_range(self.card, found, 1)[0]

    def score_table(self, rows: Sequence[Sequence[float | str]]) -> list[float]:
        try:
            return self.score_rows(np.array(rows, dtype=np.float32))
        except (ValueError, TypeError, OverflowError) as error:
            raise ModelUnavailable(f"{self.card.id} cannot hold what it is given: {str(error)[:80]}", code="inputs") from error

    def score_rows(self, matrix: np.ndarray) -> list[float]:
        begun = time.monotonic()
        found = self._scores(matrix)
        self.timed(self.card.id, time.monotonic() - begun)
        return in_range(self.card, found, len(matrix))

    def _scores(self, matrix: np.ndarray) -> list[float]:
        return self._trees.fix(matrix, ())((), None)

    def fixed(self, matrix: np.ndarray, varying: Sequence[int], *, ranking: bool = False) -> Scorer:
        ranking = ranking and self._trees.stays_in(self.card.output_range)
        trees, whole = self._trees.fix(matrix, varying, ranking=ranking), len(matrix)

        def score(values: Sequence[float], rows: Sequence[int] | None) -> list[float]:
            begun = time.monotonic()
            found = trees(values, rows)
            self.timed(self.card.id, time.monotonic() - begun)
            return found if ranking else in_range(self.card, found, whole if rows is None else len(rows))

        return score
