"""The models of one version of the content, as `ModelRuntime`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from app.adapters.onnx_model import OnnxModel, Timed, Watchdog, untimed
from app.domain.definitions import ModelCard
from app.errors import ModelUnavailable
from app.ports import Scorer


class Broken:
    """Stands in for a model that could not be loaded: says why, each time."""

    dtype = None

    def __init__(self, card: ModelCard, reason: str) -> None:
        self.card = card
        self.reason = reason

    def score(self, row: Sequence[float | str]) -> float:
        raise ModelUnavailable(f"{self.card.id}: {self.reason}", code="broken")

    def score_rows(self, matrix: np.ndarray) -> list[float]:
        return [self.score(())]

    def score_table(self, rows: Sequence[Sequence[float | str]]) -> list[float]:
        return [self.score(())]

    def fixed(self, matrix: np.ndarray, varying: Sequence[int]) -> Scorer:
        return lambda values, rows: [self.score(())]


class OnnxRuntime:
    """Loads every model, warms it and compares it with its golden rows; `problems` says of each that failed why.

    `verdicts` is what the child process that loaded them first found ('' is sound): what it refused is not touched.
    """

    def __init__(self, cards: Mapping[str, ModelCard], directory: Path, watchdog: Watchdog, verdicts: Mapping[str, str], timed: Timed = untimed) -> None:
        self.models: dict[str, OnnxModel | Broken] = {}
        self.problems: dict[str, str] = {}
        for id, card in cards.items():
            try:
                self.models[id] = _loaded(card, directory, watchdog, verdicts.get(id, ""), timed)
            except (ModelUnavailable, OSError) as error:
                self.problems[id] = str(error)
                self.models[id] = Broken(card, str(error))

    def get(self, id: str) -> OnnxModel | Broken | None:
        return self.models.get(id)

    def troubles(self) -> dict[str, str]:
        benched = {id: "was too slow and is benched for a while" for id, model in self.models.items() if isinstance(model, OnnxModel) and model.benched}
        return self.problems | benched


def _loaded(card: ModelCard, directory: Path, watchdog: Watchdog, verdict: str, timed: Timed) -> OnnxModel:
    if verdict:
        raise ModelUnavailable(verdict, code="canary")
    model = OnnxModel(card, (directory / card.file).read_bytes(), watchdog)
    model.verify()
    model.timed = timed
    return model
