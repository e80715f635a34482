"""Who is turned away when too much is in flight: mails rather than calls."""

from __future__ import annotations

import re
from time import monotonic

REMEMBERED_SECONDS = 3.0
"""How long a verdict holds at least, and twice of it at most: the parts of a mail are asked for within this time."""
MOST_REMEMBERED = 50_000
_NAMES_SOMEBODY = re.compile(rb"(?:^|&)profile=[^&]").search


class Crowd:
    """Content calls beyond `limit` are turned away, and all calls that ask the same for other surfaces and placements as well, so
    that a mail is either made of decisions or of fallbacks. Up to twice the limit the rest of a mail is still let in.

    Nothing is remembered while less than half of the limit is in flight, nor of calls for nobody: what they have in common is
    not one mail, and one verdict would turn away, or let in beyond the limit, all of them for seconds.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._calm = limit // 2
        self._fresh: dict[int, bool] = {}
        self._older: dict[int, bool] = {}
        """Verdicts by hash: how long a query is must not matter."""
        self._turns_at = 0.0

    def turns_away(self, mail: bytes, inflight: int) -> bool:
        """Whether a call gets the fallback; `mail` is what all calls for one mail have in common, `inflight` counts this call.
        Asked twice at one moment it says the same."""
        if inflight <= self._calm and not self._older and not self._fresh:
            return False
        if not _NAMES_SOMEBODY(mail):
            return inflight > self._limit
        now, key = monotonic(), hash(mail)
        if now >= self._turns_at or len(self._fresh) >= MOST_REMEMBERED:
            self._older = self._fresh if now < self._turns_at + REMEMBERED_SECONDS else {}
            self._fresh, self._turns_at = {}, now + REMEMBERED_SECONDS
        verdict = self._fresh.get(key)
        if verdict is None:
            verdict = self._older.get(key)
        if verdict is None or (not verdict and inflight > 2 * self._limit):
            verdict = inflight > self._limit
            if inflight > self._calm:
                self._fresh[key] = verdict
        return verdict


__all__ = ["Crowd"]
