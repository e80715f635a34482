"""The edges of windows: `(after, upto]` in ms, both inclusive of nothing before and everything up to now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

from app.domain.conditions import Between, Calendar, Ever, Since, SinceLast, Window, Within
from app.domain.request import Request

DAY = 86_400_000
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CALENDAR_SPAN = {"day": 2 * DAY, "week": 8 * DAY, "month": 32 * DAY}
NOTHING = 1 << 62
"""An `after` that no event reaches."""

Edges = Callable[[Request], "tuple[int, int | None]"]


def edges(window: Window, timezone: ZoneInfo) -> Edges:
    """A function giving `(after, upto)`: events with `after < timestamp <= upto` are inside; upto None is now."""
    match window:
        case Within(milliseconds):
            return lambda r: (max(r.now - milliseconds, -1), None)
        case Since(instant):
            return lambda r: (instant - 1, None)
        case Between(start, end):
            return lambda r: (start - 1, end - 1)
        case Calendar(unit):
            return lambda r: (calendar_start(r, unit, timezone) - 1, None)
        case SinceLast(event):
            return lambda r: (last if (last := r.last(event)) >= 0 else NOTHING, None)
        case Ever():
            return lambda r: (-1, None)


def span(window: Window) -> int | None:
    """How far back the window can reach at any instant, ms; None is to the beginning."""
    match window:
        case Within(milliseconds):
            return milliseconds
        case Calendar(unit):
            return _CALENDAR_SPAN[unit]
        case _:
            return None


def calendar_start(r: Request, unit: Literal["day", "week", "month"], timezone: ZoneInfo) -> int:
    """The first ms of the current local day, week (Monday) or month."""
    key = ("calendar", unit)
    found = r.memo.get(key)
    if found is None:
        local = local_time(r.now, timezone)
        day = datetime(local.year, local.month, local.day)
        if unit == "week":
            day -= timedelta(days=day.weekday())
        elif unit == "month":
            day = day.replace(day=1)
        found = r.memo[key] = round(day.replace(tzinfo=timezone).timestamp() * 1000)
    return found


class Offsets(dict[int, int | None]):
    """Day since 1970 in UTC -> ms that local clocks are ahead of UTC all through it; None where they are moved within it."""

    def __init__(self, timezone: ZoneInfo) -> None:
        super().__init__()
        self._timezone = timezone
        fixed = timezone.utcoffset(None)
        self.fixed = None if fixed is None else round(fixed.total_seconds() * 1000)
        """That of all days, where clocks are never moved."""

    def __missing__(self, day: int) -> int | None:
        ends = {self.at(instant) for instant in (day * DAY, (day + 1) * DAY - 1)}
        found = self[day] = ends.pop() if len(ends) == 1 else None
        return found

    def at(self, instant: int) -> int:
        """That of one instant."""
        offset = datetime.fromtimestamp(instant // 1000, self._timezone).utcoffset()
        return 0 if offset is None else round(offset.total_seconds() * 1000)


@cache
def offsets_of(timezone: ZoneInfo) -> Offsets:
    return Offsets(timezone)


def local(at: int, timezone: ZoneInfo) -> int:
    """What local clocks show at an instant, as ms since their 1970-01-01T00:00."""
    offsets = offsets_of(timezone)
    offset = offsets[at // DAY]
    return at + (offsets.at(at) if offset is None else offset)


def local_day(at: int, timezone: ZoneInfo) -> int:
    """The number of the local day that an instant lies in, counted from 1970-01-01."""
    return local(at, timezone) // DAY


def local_days(instants: Iterable[int], offsets: Offsets) -> set[int]:
    """The numbers of all the local days that instants lie in."""
    if (ahead := offsets.fixed) is not None:
        return {(at + ahead) // DAY for at in instants} if ahead else {at // DAY for at in instants}
    try:
        return {(at + offsets[at // DAY]) // DAY for at in instants}  # pyright: ignore[reportOperatorIssue]
    except TypeError:
        return {(at + offsets.at(at)) // DAY for at in instants}


def local_hour(at: int, timezone: ZoneInfo) -> int:
    return local(at, timezone) % DAY // 3_600_000


def weekday(at: int, timezone: ZoneInfo) -> str:
    return DAYS[(local_day(at, timezone) + 3) % 7]  # 1970-01-01 was a Thursday


CLOCK: dict[str, Callable[[int, ZoneInfo], int | str]] = {"_hour": local_hour, "_weekday": weekday}
"""Properties that every event has, told from its instant in local time."""


def local_time(now: int, timezone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(now / 1000, UTC).astimezone(timezone)
