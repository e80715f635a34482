"""What a score must be to be used."""

from __future__ import annotations

import math
from collections.abc import Callable

from app.domain.definitions import ModelCard
from app.errors import ModelUnavailable

GOLDEN = 1e-4
"""How far a score may be from that of the card's golden row."""
Timed = Callable[[str, float], None]
"""Told the model's id and the seconds of each run."""


def untimed(id: str, seconds: float) -> None:
    pass


def in_range(card: ModelCard, scores: list[float], rows: int) -> list[float]:
    """The scores, one finite number within the card's range for each row; else `ModelUnavailable`."""
    if len(scores) != rows:
        raise ModelUnavailable(f"{card.id}: {len(scores)} scores for {rows} rows", code="shape")
    total = sum(scores)
    if total - total != 0.0 and not all(map(math.isfinite, scores)):
        raise ModelUnavailable(f"{card.id}: a score that is not finite", code="nan")
    if card.output_range is not None:
        low, high = card.output_range
        if min(scores) < low or max(scores) > high:
            raise ModelUnavailable(f"{card.id}: a score outside [{low:g}, {high:g}]", code="range")
    return scores


def give_golden(card: ModelCard, score: Callable[[tuple[float | str, ...]], float]) -> None:
    """`ModelUnavailable` where a golden row of the card does not give its score."""
    for golden in card.golden:
        got = score(golden.inputs)
        if abs(got - golden.output) > GOLDEN:
            row = f"{list(golden.inputs)!r:.80}"
            raise ModelUnavailable(f"{card.id}: golden row {row} gives {got:.6f}, the card says {golden.output}", code="golden")
