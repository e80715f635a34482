"""A circuit breaker: after several failures in a row, calls fail at once; now and then one probe is let through."""

from __future__ import annotations

from collections.abc import Callable


class Breaker:
    """`allow()` before a call, `success()` or `failure()` after it. The clock is monotonic seconds."""

    def __init__(self, clock: Callable[[], float], *, failures: int = 3, retry_seconds: float = 0.5) -> None:
        self._clock = clock
        self._limit = failures
        self._retry = retry_seconds
        self._failed = 0
        self._probe_at = 0.0

    @property
    def open(self) -> bool:
        return self._failed >= self._limit

    def allow(self) -> bool:
        """Whether a call may go out. While open, one probe per `retry_seconds` may."""
        if self._failed < self._limit:
            return True
        now = self._clock()
        if now < self._probe_at:
            return False
        self._probe_at = now + self._retry
        return True

    def success(self) -> None:
        self._failed = 0

    def failure(self) -> None:
        self._failed += 1
        if self._failed == self._limit:
            self._probe_at = self._clock() + self._retry
