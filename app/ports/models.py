"""Models, and who runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from app.domain.definitions import ModelCard

if TYPE_CHECKING:
    import numpy as np

Scorer = Callable[[Sequence[float], "Sequence[int] | None"], list[float]]
"""`score(values, rows)`: the scores of these rows (None: all), `values` being the varying columns' in every row."""


class Model(Protocol):
    """One loaded model. Never raises anything but `ModelUnavailable` (broken, benched, refused output)."""

    card: ModelCard
    dtype: Any
    """The numpy type of the matrix that `score_rows` reads; None where the model wants `score_table`."""

    def score(self, row: Sequence[float | str]) -> float:
        """The score of one row; its values stand in the order of the card's inputs."""
        ...

    def score_rows(self, matrix: np.ndarray) -> list[float]:
        """Scores of a C-contiguous matrix [rows, inputs] of `dtype`, for models that read one tensor of numbers; at
        most 120 rows a run inside."""
        ...

    def fixed(self, matrix: np.ndarray, varying: Sequence[int], *, ranking: bool = False) -> Scorer:
        """A scorer of rows that differ between calls only in the columns `varying`, for models with a `dtype`: what the
        other columns of `matrix` mean is worked out here. With `ranking` its numbers order rows as scores do, and may be others."""
        ...

    def score_table(self, rows: Sequence[Sequence[float | str]]) -> list[float]:
        """Scores of rows whose values stand in the order of the card's inputs, for any model."""
        ...


class ModelRuntime(Protocol):
    """The models of one version of the content."""

    def get(self, id: str) -> Model | None: ...

    def troubles(self) -> Mapping[str, str]:
        """id -> why its fallback score is used just now: it could not be loaded, or is benched."""
        ...
