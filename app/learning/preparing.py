"""From inputs to the matrix that a model learns from. What is absent takes a column's default, which stands in the card: so the
server fills in the same. Everything else of it goes into the ONNX graph, and is computed here in the same 32-bit numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.learning.examples import Examples
from app.learning.spec import Column

MOST_TEXTS = 60
"""Texts of a column that are told apart; the rarer ones are one, as are those that never came up."""
LEAST_OF_A_TEXT = 5
LARGEST = 8.0
"""Standard deviations beyond which a number counts no further: what nobody had before is no reason for a wild score."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """For trees: numbers as they are, absent ones below all others; texts as their place when sorted by how often the label
    holds with them, -1 for those that never came up."""

    columns: tuple[Column, ...]
    defaults: tuple[float | str, ...]
    places: Mapping[int, Mapping[str, float]]

    def matrix(self, examples: Examples) -> np.ndarray:
        """Numbers first, then texts, each in the order of the columns: as the card's inputs stand."""
        found = [_filled(examples.values[i], self.defaults[i]) for i in order(self.columns)]
        for at, i in enumerate(order(self.columns)):
            if i in self.places:
                found[at] = np.array([self.places[i].get(text, -1.0) for text in found[at].tolist()])
        return np.column_stack(found).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Scaled:
    """For sums: numbers on a logarithmic scale, less their mean, over their deviation, absent ones as the middle one; each text a
    column of its own, one for all others."""

    columns: tuple[Column, ...]
    defaults: tuple[float | str, ...]
    texts: Mapping[int, tuple[str, ...]]
    means: np.ndarray
    deviations: np.ndarray

    def matrix(self, examples: Examples) -> np.ndarray:
        parts: list[np.ndarray] = []
        numbers = [i for i in order(self.columns) if i not in self.texts]
        if numbers:
            raw = np.column_stack([_filled(examples.values[i], self.defaults[i]) for i in numbers]).astype(np.float32)
            parts.append(np.clip((squeezed(raw) - self.means) / self.deviations, -LARGEST, LARGEST))
        for i in order(self.columns):
            if i in self.texts:
                place = {text: at for at, text in enumerate(self.texts[i])}
                codes = [place.get(text, len(place)) for text in _filled(examples.values[i], self.defaults[i]).tolist()]
                parts.append(np.eye(len(place) + 1, dtype=np.float32)[codes])
        return np.concatenate(parts, axis=1)


Preparation = Ordered | Scaled


def order(columns: tuple[Column, ...]) -> list[int]:
    """The columns as the card names them: those of the one tensor of numbers, then texts."""
    return sorted(range(len(columns)), key=lambda i: columns[i].text)


def squeezed(numbers: np.ndarray) -> np.ndarray:
    """log(1 + |x|) with the sign of x, in 32 bits: amounts and counts have long tails."""
    return np.sign(numbers) * np.log(np.float32(1) + np.abs(numbers))


def ordered(examples: Examples) -> Ordered:
    defaults: list[float | str] = []
    places: dict[int, dict[str, float]] = {}
    for i, (column, values) in enumerate(zip(examples.columns, examples.values, strict=True)):
        if column.text:
            defaults.append("")
            places[i] = _places(values, examples.label)
        else:
            lowest = float(np.nanmin(values)) if not np.isnan(values).all() else 0.0
            defaults.append(min(-1.0, float(np.floor(lowest) - 1)))
    return Ordered(examples.columns, tuple(defaults), places)


def scaled(examples: Examples) -> Scaled:
    defaults = tuple("" if column.text else float(np.float32(np.nanmedian(values))) for column, values in zip(examples.columns, examples.values, strict=True))
    texts = {i: _texts(values) for i, values in enumerate(examples.values) if examples.columns[i].text}
    numbers = [i for i in order(examples.columns) if i not in texts]
    raw = squeezed(np.column_stack([_filled(examples.values[i], defaults[i]) for i in numbers]).astype(np.float32)) if numbers else np.zeros((1, 0), np.float32)
    deviations = raw.std(axis=0)
    return Scaled(examples.columns, defaults, texts, raw.mean(axis=0), np.where(deviations > 0, deviations, 1).astype(np.float32))


def _filled(values: np.ndarray, default: float | str) -> np.ndarray:
    return values if isinstance(default, str) else np.where(np.isnan(values), default, values)


def _texts(values: np.ndarray) -> tuple[str, ...]:
    counts = Counter[str](values.tolist())
    return tuple(text for text, count in counts.most_common(MOST_TEXTS) if count >= LEAST_OF_A_TEXT)


def _places(values: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """A text's share of the label is drawn towards the mean as if ten more rows had it: one row says little."""
    shares = {text: (label[values == text].sum() + 10 * label.mean()) / ((values == text).sum() + 10) for text in _texts(values)}
    return {text: float(place) for place, text in enumerate(sorted(shares, key=lambda text: (shares[text], text)))}
