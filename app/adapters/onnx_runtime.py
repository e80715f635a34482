"""The models of one version of the content, as `ModelRuntime`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.adapters.scores import Timed, untimed
from app.adapters.tree_model import TreeModel
from app.adapters.watchdog import Watchdog
from app.domain.definitions import ModelCard
from app.errors import ModelUnavailable
from app.ports import Scorer

if TYPE_CHECKING:
    from app.adapters.onnx_model import OnnxModel


class Broken:
    """Stands in for a model that could not be loaded: says why, each time."""

    dtype = None
    benched = False

    def __init__(self, card: ModelCard, reason: str) -> None:
        self.card = card
        self.reason = reason

    def score(self, row: Sequence[float | str]) -> float:
        raise ModelUnavailable(f"{self.card.id}: {self.reason}", code="broken")

    def score_rows(self, matrix: np.ndarray) -> list[float]:
        return [self.score(())]

    def score_table(self, rows: Sequence[Sequence[float | str]]) -> list[float]:
        return [self.score(())]

    def fixed(self, matrix: np.ndarray, varying: Sequence[int], *, ranking: bool = False) -> Scorer:
        return lambda values, rows: [self.score(())]


class OnnxRuntime:
    """Loads every model, warms it and compares it with its golden rows; `problems` says of each that failed why.

    `verdicts` is what the child process that loaded them first found ('' is sound): what it refused is not touched. It
    vouches for the tables of those in `tables`, which then need no runtime here.
    """

    def __init__(
        self, cards: Mapping[str, ModelCard], directory: Path, watchdog: Watchdog, verdicts: Mapping[str, str], timed: Timed = untimed, *,
        tables: Collection[str] = (),
    ) -> None:
        self.models: dict[str, OnnxModel | TreeModel | Broken] = {}
        self.problems: dict[str, str] = {}
        for id, card in cards.items():
            try:
                model = self.models[id] = _loaded(card, directory, watchdog, verdicts.get(id, ""), tables=id in tables)
                model.timed = timed
            except (ModelUnavailable, OSError) as error:
                self.problems[id] = str(error)
                self.models[id] = Broken(card, str(error))

    def get(self, id: str) -> OnnxModel | TreeModel | Broken | None:
        return self.models.get(id)

    def troubles(self) -> dict[str, str]:
        benched = {id: "was too slow and is benched for a while" for id, model in self.models.items() if model.benched}
        return self.problems | benched


def _loaded(card: ModelCard, directory: Path, watchdog: Watchdog, verdict: str, *, tables: bool) -> OnnxModel | TreeModel:
    if verdict:
        raise ModelUnavailable(verdict, code="canary")
    data = (directory / card.file).read_bytes()
    if tables and (found := TreeModel.of(card, data)) is not None:
        found.verify()
        return found
    return sound(card, data, watchdog)


def sound(card: ModelCard, data: bytes, watchdog: Watchdog) -> OnnxModel | TreeModel:
    """The model, warm and compared with its golden rows: by tables where they give what the runtime gives."""
    from app.adapters.onnx_model import OnnxModel

    model = OnnxModel(card, data, watchdog)
    model.verify()
    return TreeModel.vouched(card, data, model) or model
