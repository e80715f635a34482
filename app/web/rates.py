"""How much one caller may ask for: token buckets in memory, a worker's own."""

from __future__ import annotations

import math
from collections import OrderedDict

from app.errors import RateLimited

MAX_NAMES = 20_000
"""Callers that are remembered; the one that was longest silent is forgotten first, with its bucket full or nearly so."""


class Rates:
    """Each name has `burst` tokens, and gets `per_second` back."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._rows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, name: str, number: int, now: int) -> None:
        """Take that many tokens at an instant (ms); `RateLimited` where there are too few, and none is taken."""
        left, at = self._rows.get(name, (self._burst, now))
        left = min(self._burst, left + max(0, now - at) * self._per_second / 1000)
        if number > left:
            raise RateLimited("too many events from this page at once; come back later", seconds=max(1, math.ceil((number - left) / self._per_second)))
        self._rows[name] = (left - number, now)
        self._rows.move_to_end(name)
        if len(self._rows) > MAX_NAMES:
            self._rows.popitem(last=False)
