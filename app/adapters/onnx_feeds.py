"""How a card's columns fill a model's tensors, and where its scores come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.domain.definitions import ModelCard
from app.errors import ModelUnavailable

MAX_ROWS = 120
"""Rows of a run: beyond it onnxruntime walks trees in another, slower way."""
_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16, "tensor(int64)": np.int64, "tensor(int32)": np.int32,
    "tensor(int16)": np.int16, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_, "tensor(string)": np.object_,
}
_SCORES = frozenset({
    "tensor(float)", "tensor(double)", "tensor(float16)", "seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))",
})
_LABELS = frozenset({"tensor(int64)", "tensor(int32)", "tensor(bool)"})


@dataclass(frozen=True, slots=True)
class Feed:
    """A tensor that the model reads: which columns of a row fill it (None: all, in order), as a matrix or as a vector
    of one a row."""

    tensor: str
    dtype: Any
    columns: tuple[int, ...] | None
    vector: bool

    def of(self, rows: Sequence[Sequence[float | str]]) -> np.ndarray:
        try:
            picked = rows if self.columns is None else [[row[at] for at in self.columns] for row in rows]
            matrix = np.array(picked, dtype=self.dtype)
            return matrix[:, 0] if self.vector else matrix
        except (ValueError, TypeError, OverflowError) as error:
            raise ModelUnavailable(f"{self.tensor} cannot hold what it is given: {str(error)[:80]}", code="inputs") from error


def feeds(card: ModelCard, inputs: Sequence[Any]) -> tuple[Feed, ...]:
    """How the card's columns fill the model's tensors, at least one; `ModelUnavailable` where they do not fit."""
    if not inputs or not card.inputs:
        raise ModelUnavailable("the model reads nothing" if card.inputs else "the card names no inputs", code="inputs")
    named = {column.tensor for column in card.inputs}
    if named == {""} and len(inputs) == 1:
        return (_feed(card, inputs[0], tuple(range(len(card.inputs)))),)
    wanted = {each.name for each in inputs}
    if wanted != named:
        given = ", ".join(sorted(filter(None, named))) or "no tensors"
        raise ModelUnavailable(f"the model reads {', '.join(sorted(wanted))}; the card names {given}", code="inputs")
    return tuple(_feed(card, each, tuple(i for i, column in enumerate(card.inputs) if column.tensor == each.name)) for each in inputs)


def _feed(card: ModelCard, tensor: Any, columns: tuple[int, ...]) -> Feed:
    shape, dtype = tensor.shape, _DTYPES.get(tensor.type)
    if dtype is None:
        raise ModelUnavailable(f"{tensor.name} is a {tensor.type}, which nothing can fill", code="inputs")
    texts = {card.inputs[at].type == "string" for at in columns}
    if texts != {dtype is np.object_}:
        holds = "texts" if dtype is np.object_ else "numbers"
        raise ModelUnavailable(f"{tensor.name} holds {holds}; the card's columns for it are of another type", code="inputs")
    if len(shape) not in (1, 2):
        raise ModelUnavailable(f"{tensor.name} has {len(shape)} dimensions; rows of numbers have 2", code="inputs")
    width = shape[1] if len(shape) == 2 else 1
    if isinstance(width, int) and width != len(columns):
        raise ModelUnavailable(f"{tensor.name} reads {width} columns, the card names {len(columns)}", code="inputs")
    whole = columns == tuple(range(len(card.inputs)))
    return Feed(tensor.name, dtype, None if whole else columns, len(shape) == 1)


def output(card: ModelCard, outputs: Sequence[Any]) -> str:
    """The name of the output that holds the scores: the card's, else the only one that holds numbers."""
    kinds = {each.name: each.type for each in outputs}
    if card.output_name:
        if card.output_name not in kinds:
            raise ModelUnavailable(f"no output {card.output_name!r:.60}; the model has {', '.join(kinds)}", code="output")
        return card.output_name
    scores = [name for name, kind in kinds.items() if kind in _SCORES] or [name for name, kind in kinds.items() if kind in _LABELS]
    if len(scores) != 1:
        raise ModelUnavailable(f"the model gives {', '.join(kinds)}; the card must name its output", code="output")
    return scores[0]


def batch(inputs: Sequence[Any]) -> tuple[int, bool]:
    """(rows a run, whether it must be exactly that many)."""
    fixed = {each.shape[0] for each in inputs if isinstance(each.shape[0], int)}
    if len(fixed) > 1 or 0 in fixed:
        raise ModelUnavailable(f"the model reads batches of {' and '.join(map(str, sorted(fixed)))} rows at once", code="inputs")
    return (fixed.pop(), True) if fixed else (MAX_ROWS, False)
