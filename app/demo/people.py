"""The people of the invented shop and what they do.

Everybody has habits that recur at fixed instants of the calendar, so that what has happened by now is a function of the
clock: a restart a week later adds a week's events and repeats none, and a first start finds the same past.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.demo.shop import PRODUCTS

HOUR, DAY = 3_600_000, 86_400_000
FOUNDED = 1_735_689_600_000
"""2025-01-01: when everybody signed up."""
BY_ID = {product[0]: product for product in PRODUCTS}


@dataclass(frozen=True, slots=True)
class Habit:
    """`event` recurs every `every` days; kept are occurrences at least `after` and less than `until` days old.

    Each occurrence takes the next of `products`; several in one entry are bought together, or viewed in a row.
    """

    event: str
    every: int
    after: int
    until: int
    hour: float
    products: tuple[tuple[str, ...], ...] = ((),)


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    about: str
    traits: tuple[tuple[str, str], ...] = ()
    consent: str = "granted"
    habits: tuple[Habit, ...] = ()


VIEWED, BOUGHT, OPENED = "Product Viewed", "Order Completed", "Email Opened"
READS = Habit(OPENED, every=7, after=0, until=29, hour=6.6)

PEOPLE: tuple[Person, ...] = (
    Person("mara", "Mara Lindqvist", "Looks at trail shoes and has not decided yet", (("city", "Berlin"),), habits=(
        Habit(VIEWED, every=1, after=0, until=2, hour=5.7, products=(("tinde", "strand", "fjell"), ("sno", "tinde", "fjell"))),
        Habit(BOUGHT, every=90, after=20, until=110, hour=17.2, products=(("regn",),)), READS,
    )),
    Person("jonas", "Jonas Weber", "Bought a camera this month", (("city", "Munich"),), habits=(
        Habit(VIEWED, every=24, after=3, until=27, hour=19.1, products=(("lys1", "lyspro"), ("lyspro", "action"))),
        Habit(BOUGHT, every=24, after=2, until=26, hour=20.4, products=(("lys1", "card"), ("lyspro", "filter"))), READS,
    )),
    Person("ines", "Inês Duarte", "Gold member, an order every month", (("city", "Lisbon"), ("tier", "gold")), habits=(
        Habit(BOUGHT, every=28, after=9, until=121, hour=11.8, products=(("dun",), ("vidde", "bottle"), ("vind", "ull"), ("skog",))),
        Habit(VIEWED, every=2, after=0, until=4, hour=12.5, products=(("vind", "regn"), ("dun", "regn"))), READS,
    )),
    Person("layla", "ليلى حداد", "Opened nothing for months", (("city", "Malmö"),), habits=(
        Habit(BOUGHT, every=200, after=150, until=350, hour=15.3, products=(("sno", "ull"),)),
        Habit(OPENED, every=21, after=75, until=160, hour=7.4),
    )),
    Person("aiko", "Aiko Sato", "Bought shoes, and still looks at them", (("city", "Vienna"),), habits=(
        Habit(BOUGHT, every=21, after=8, until=29, hour=18.6, products=(("fjell",), ("strand",))),
        Habit(VIEWED, every=1, after=0, until=2, hour=4.9, products=(("elv", "sno"), ("sno", "elv"))), READS,
    )),
    Person("finn", "Finn Petersen", "Lives round the corner of the shop in Hamburg", (("city", "Hamburg"),), habits=(
        Habit(VIEWED, every=3, after=0, until=6, hour=16.3, products=(("by", "skog"), ("skog", "by"))), READS,
    )),
    Person("lea", "Léa Moreau", "Looks at shoes, consented to nothing", (("city", "Lyon"),), consent="denied", habits=(
        Habit(VIEWED, every=1, after=0, until=2, hour=3.2, products=(("fjell", "strand"), ("strand", "fjell"))), READS,
    )),
    Person("guest", "A new reader", "Nothing is known of them", consent=""),
)


def events(now: int) -> list[dict[str, Any]]:
    """Segment-shaped events up to `now` (ms), oldest first, each with a messageId of its own."""
    return sorted((event for person in PEOPLE for event in _of(person, now)), key=lambda event: (event["timestamp"], event["messageId"]))


def _of(person: Person, now: int) -> Iterator[dict[str, Any]]:
    if person.traits:
        traits = {**dict(person.traits), "first_name": person.name.split()[0]}
        yield {"type": "identify", "userId": person.id, "traits": traits, "messageId": f"demo-{person.id}", "timestamp": _iso(FOUNDED)}
    for number, habit in enumerate(person.habits):
        for turn, at in _occurrences(habit, now):
            for step, properties in enumerate(_properties(habit, turn)):
                yield {"type": "track", "userId": person.id, "event": habit.event, "messageId": f"demo-{person.id}-{number}-{turn}-{step}",
                       "timestamp": _iso(at + step * 140_000), "properties": properties}


def _occurrences(habit: Habit, now: int) -> Iterator[tuple[int, int]]:
    """(number, instant) of the occurrences that are as old as the habit wants them."""
    period, offset = habit.every * DAY, int(habit.hour * HOUR)
    first = (now - habit.until * DAY - offset) // period + 1
    last = (now - habit.after * DAY - offset - HOUR // 4) // period
    for turn in range(first, last + 1):
        yield turn, turn * period + offset


def _properties(habit: Habit, turn: int) -> list[dict[str, Any]]:
    """One event a product that was viewed; one for all that were bought together."""
    ids = habit.products[turn % len(habit.products)]
    lines = [{"product_id": id, "category": BY_ID[id][1], "brand": BY_ID[id][2].split()[0], "price": BY_ID[id][3]} for id in ids]
    if habit.event == BOUGHT:
        return [{"total": round(sum(BY_ID[id][3] for id in ids), 2), "products": lines}]
    return lines or [{}]


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
