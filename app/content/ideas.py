"""What a recommender thinks of for one question, the best first; told in full no further than it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from msgspec import Struct

STRIDE = 16
"""Ideas that are looked at together, until enough of them pass: more than most answers show."""

Told: TypeAlias = tuple[list[float], Sequence[int]]
"""Of some ideas the scores, and the numbers of the items that speak for them most."""


class Found(Struct, frozen=True, gc=False):
    """An item, its score, and the item that speaks for it most: itself, where the person had it before; none, where it is what
    everybody buys (`why` is `popular`), or too new to be known (`new`)."""

    id: str
    score: float
    because: str | None
    why: str = ""


class Ideas:
    """`numbers` are those by which the recommender knows the items, each once. `tell(start, stop)` tells of some of them, and
    `found(id, score, speaking)` puts one that is to be shown together."""

    __slots__ = ("_tell", "found", "numbers")

    def __init__(self, numbers: np.ndarray, tell: Callable[[int, int], Told], found: Callable[[str, float, int], Found]) -> None:
        self.numbers = numbers
        self.found = found
        self._tell = tell

    def strides(self) -> Iterator[tuple[list[int], list[float], Sequence[int]]]:
        """Some at a time: their numbers, scores, and what speaks for them."""
        count = len(self.numbers)
        for start in range(0, count, STRIDE):
            stop = min(start + STRIDE, count)
            yield self.numbers[start:stop].tolist(), *self._tell(start, stop)


def popular(numbers: np.ndarray, items: int) -> Ideas:
    """What everybody buys, as ideas of a recommender of so many items."""
    return Ideas(
        numbers,
        lambda start, stop: ([1 / (place + items) for place in range(start + 1, stop + 1)], range(start, stop)),
        lambda id, score, _: Found(id, score, None, "popular"),
    )
