"""One question about one person at one instant, and all that was worked out while answering it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from typing import Any

from app.domain.history import NO_HISTORY, History
from app.domain.layout import Trimmed
from app.domain.profile import NOBODY, Profile

UNSET: Any = object()
NO_INSTANT = -(10**15)
"""Before every window's edge, whatever the clock says."""
NOTHING: Mapping[str, Any] = {}
NEVER = (NO_INSTANT,)
"""A stream of timestamps without any: every stream starts so, and its last element always exists."""


class Request:
    """`now` is ms. `given_scores` overrides models (tests and what-if); `score` maps a model's id to its score of this
    person, None where it has none; `assign` an experiment's id to the person's variant. `memo`, `features` and `variants`
    hold what compiled rules already computed. `refused` are stocks of limited things that have nothing for this
    request; None where nothing can be held for it, because it will not be recorded."""

    __slots__ = (
        "assign", "consents", "context", "count", "degraded", "features", "given_scores", "history", "memo", "now", "profile", "refused",
        "score", "segments", "send", "traits", "variants",
    )

    def __init__(
        self,
        now: int,
        profile: Profile = NOBODY,
        context: Mapping[str, Any] | None = None,
        score: Callable[[Request, str], float | str | None] | None = None,
        assign: Callable[[Request, str], str | None] | None = None,
        send: str = "",
    ) -> None:
        self.now = now
        self.profile = profile
        self.history: History = (history := profile.history)
        self.count = 0 if history is NO_HISTORY else len(ts) if (ts := history.ts) and ts[-1] <= now else history.upto(now)
        self.traits = profile.traits
        self.consents = profile.consents
        self.context: Mapping[str, Any] = NOTHING if context is None else context
        self.score = score if score is not None else _no_score
        self.assign = assign
        self.send = send
        self.variants: dict[str, str | None] = {}
        self.given_scores: Mapping[str, Any] = NOTHING
        self.features: dict[str, Any] = {}
        self.segments: dict[str, bool] = {}
        self.memo: dict[Any, Any] = {}
        self.degraded: list[str] = []
        self.refused: Collection[str] | None = None

    def variant(self, experiment: str) -> str | None:
        """The variant of an experiment; None where the person takes no part. One request has one answer."""
        if experiment not in self.variants:
            self.variants[experiment] = self.assign(self, experiment) if self.assign is not None else None
        return self.variants[experiment]

    def last(self, event: str) -> int:
        """The instant of the latest `event`, trimmed or not; `NO_INSTANT` where there is none."""
        number = self.history.names.types.get(event)
        if number is None:
            return NO_INSTANT
        if number < 255:
            i = self.history.types.rfind(number, 0, self.count)
            return self.history.ts[i] if i >= 0 else gone.watermark if (gone := self.gone(event)) is not None else NO_INSTANT
        found = self.history.positions(number, 0, self.count)
        return self.history.ts[found[-1]] if found else NO_INSTANT

    def gone(self, event: str) -> Trimmed | None:
        """What was trimmed of a type before now; None where nothing was, or where it cannot be told from other types."""
        found = self.history.gone(self.history.names.types.get(event, 255))
        return found if found is not None and found.watermark <= self.now else None

    def tally(self, event: str, after: int, upto: int | None = None) -> int:
        """How many of `event` lie in `(after, upto]`, `upto` at most now."""
        history = self.history
        number = history.names.types.get(event)
        if number is None:
            return 0
        stop = self.count if upto is None else bisect_right(history.ts, upto, 0, self.count)
        start = bisect_right(history.ts, after, 0, stop) if after >= 0 else 0
        if number < 255:
            return history.count(number, start, stop)
        return len(history.positions(number, start, stop))

    def held(self, event: str) -> tuple[list[int], list[int]]:
        """(places in the history, instants) of the events of a type up to now, oldest first."""
        found = self.memo.get(event)
        if found is None:
            history = self.history
            number = history.names.types.get(event)
            if number is None:
                return [], []
            places = history.positions(number, 0, self.count)
            ts = history.ts
            found = self.memo[event] = places, [ts[i] for i in places]
        return found

    def between(self, event: str, after: int, upto: int | None = None) -> tuple[list[int], list[int]]:
        """As `held`, of the events in `(after, upto]`, without looking at what lies further back."""
        history = self.history
        if after < 0 and upto is None:
            return self.held(event)
        number = history.names.types.get(event)
        if number is None:
            return [], []
        ts = history.ts
        stop = self.count if upto is None else bisect_right(ts, upto, 0, self.count)
        places = history.positions(number, bisect_right(ts, after, 0, stop) if after >= 0 else 0, stop)
        return places, [ts[i] for i in places]

    def places(self, event: str, after: int = -1, upto: int | None = None) -> list[int]:
        """Where the events of a type in `(after, upto]` stand in the history, oldest first."""
        places, instants = self.held(event)
        return places[bisect_right(instants, after) : None if upto is None else bisect_right(instants, upto)]

    def instants(self, event: str, after: int = -1, upto: int | None = None) -> list[int]:
        """When the events of a type in `(after, upto]` happened, oldest first."""
        history = self.history
        if history.sealed_upto and event not in self.memo:
            number = history.names.types.get(event)
            stop = self.count if upto is None else bisect_right(history.ts, upto, 0, self.count)
            return history.instants(number, bisect_right(history.ts, after, 0, stop) if after >= 0 else 0, stop) if number is not None else []
        _, instants = self.held(event)
        return instants[bisect_right(instants, after) : None if upto is None else bisect_right(instants, upto)]


def _no_score(request: Request, model: str) -> float | str | None:
    return request.given_scores.get(model)
