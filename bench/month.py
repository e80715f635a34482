"""A month of an invented shop: what its people do, and, apart from Inlay's code, who is in which segment when.

The truth here is written as one would say it aloud, over plain lists, and asked at every instant at which any of its words
could come to mean something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from app.domain import conditions as c
from app.domain.conditions import Ref
from app.domain.definitions import Definitions, Feature, Segment

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = int(datetime(2026, 10, 5, tzinfo=UTC).timestamp() * 1000)
"""The clocks of Berlin are moved within the month."""
SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
END = BEGIN + 30 * DAY
Heard = tuple[int, str, dict[str, Any]]
Truth = Callable[[Sequence[Heard], int], bool]


def life(draw: Random) -> list[Heard]:
    """What one person does in the month, in order: in bursts, as people do."""
    found: list[Heard] = []
    for _ in range(draw.randrange(1, 6)):
        at = BEGIN + draw.randrange(30 * DAY)
        for _ in range(draw.randrange(1, 4)):
            at += draw.randrange(1, 2 * HOUR)
            kind = draw.choices(("product_viewed", "order_completed", "email_opened"), (6, 1, 2))[0]
            properties = {"category": draw.choice(("shoes", "hats")), "total": draw.randrange(10, 120)}
            if at < END:
                found.append((at, kind, properties))
    return sorted(found, key=lambda each: each[0])


def _of(events: Sequence[Heard], kind: str, now: int, within: int | None = None, **properties: Any) -> list[Heard]:
    return [
        each for each in events
        if each[1] == kind and each[0] <= now and (within is None or each[0] > now - within) and all(each[2][name] == value for name, value in properties.items())
    ]


def _shoe_browsers(events: Sequence[Heard], now: int) -> bool:
    return bool(_of(events, "product_viewed", now, 48 * HOUR, category="shoes")) and not _of(events, "order_completed", now, 7 * DAY)


def _eager(events: Sequence[Heard], now: int) -> bool:
    return len(_of(events, "product_viewed", now, DAY)) >= 2


def _silent(events: Sequence[Heard], now: int) -> bool:
    return not _of(events, "email_opened", now, 14 * DAY)


def _idle(events: Sequence[Heard], now: int) -> bool:
    opened = _of(events, "email_opened", now)
    return bool(opened) and now - opened[-1][0] > 10 * DAY


def _spenders(events: Sequence[Heard], now: int) -> bool:
    return sum(each[2]["total"] for each in _of(events, "order_completed", now, 7 * DAY)) >= 100


def _buyers_of_the_week(events: Sequence[Heard], now: int) -> bool:
    today = datetime.fromtimestamp(now / 1000, BERLIN)
    monday = datetime(today.year, today.month, today.day, tzinfo=BERLIN) - timedelta(days=today.weekday())
    return any(each[0] >= monday.timestamp() * 1000 for each in _of(events, "order_completed", now))


def _since_order(events: Sequence[Heard], now: int) -> bool:
    orders = _of(events, "order_completed", now)
    return bool(orders) and len([each for each in _of(events, "product_viewed", now) if each[0] > orders[-1][0]]) >= 2


def _evening(events: Sequence[Heard], now: int) -> bool:
    return 18 <= datetime.fromtimestamp(now / 1000, BERLIN).hour < 22 and bool(_of(events, "product_viewed", now, DAY))


@dataclass(frozen=True, slots=True)
class Asked:
    """A segment as the rules say it and as it is."""

    condition: c.Condition
    truth: Truth


def _did(event: str, within: int | None = None, *, category: str = "", count: int = 1, negated: bool = False, window: c.Window | None = None) -> c.Did:
    where = (c.Where(("category",), c.Test("eq", category)),) if category else ()
    return c.Did(event, where, window or (c.Within(within) if within else c.Ever()), (c.Test("gte", count),), negated)


def _feature(id: str, test: c.Test) -> c.Field:
    return c.Field(Ref(("feature", id)), (test,))


SEGMENTS: dict[str, Asked] = {
    "shoe_browsers": Asked(c.All((_did("product_viewed", 48 * HOUR, category="shoes"), _did("order_completed", 7 * DAY, negated=True))), _shoe_browsers),
    "eager": Asked(_did("product_viewed", DAY, count=2), _eager),
    "silent": Asked(_did("email_opened", 14 * DAY, negated=True), _silent),
    "idle": Asked(_feature("idle_seconds", c.Test("gt", 10 * 86_400)), _idle),
    "spenders": Asked(_feature("spend_7d", c.Test("gte", 100)), _spenders),
    "buyers_of_the_week": Asked(_did("order_completed", window=c.Calendar("week")), _buyers_of_the_week),
    "since_order": Asked(_did("product_viewed", window=c.SinceLast("order_completed"), count=2), _since_order),
    "evening": Asked(c.All((c.LocalTime(18 * 60, 22 * 60, frozenset()), _did("product_viewed", DAY))), _evening),
}
RULES = Definitions(
    "month", "Europe/Berlin",
    features={
        "idle_seconds": Feature("idle_seconds", "seconds_since", "email_opened"),
        "spend_7d": Feature("spend_7d", "sum", "order_completed", ("total",), (), c.Within(7 * DAY)),
    },
    segments={id: Segment(id, each.condition) for id, each in SEGMENTS.items()},
)


def instants(events: Sequence[Heard]) -> list[int]:
    """Every instant of the month at which the truth of a segment could change."""
    found = {BEGIN}
    for at, _, _ in events:
        found |= {at, at + 48 * HOUR, at + DAY, at + 7 * DAY, at + 14 * DAY, at + 10 * DAY, at + 10 * DAY + 1}
    return sorted(at for at in (*found, *CLOCK) if BEGIN <= at < END)


def _clock() -> Iterator[int]:
    for day in range(-1, 32):
        local = datetime(2026, 10, 5, tzinfo=BERLIN) + timedelta(days=day)
        for hour in (0, 18, 22):
            yield int(local.replace(hour=hour).timestamp() * 1000)


CLOCK = tuple(_clock())
