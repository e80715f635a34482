"""The people of the invented shop and what they do.

Everybody has habits that recur at fixed instants of the calendar, so that what has happened by now is a function of the
clock: a restart a week later adds a week's events and repeats none, and a first start finds the same past.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.demo.shop import PRODUCTS, brand

HOUR, DAY = 3_600_000, 86_400_000
FOUNDED = 1_735_689_600_000
"""2025-01-01: when everybody signed up."""
BY_ID = {product[0]: product for product in PRODUCTS}


@dataclass(frozen=True, slots=True)
class Habit:
    """`event` recurs every `every` days; kept are occurrences at least `after` and less than `until` days old.

    Each occurrence takes the next of `what`: products that are viewed in a row or bought together, or a town to move to.
    """

    event: str
    every: int
    after: int
    until: int
    hour: float
    what: tuple[tuple[str, ...], ...] = ((),)


@dataclass(frozen=True, slots=True)
class Once:
    """What happened on one day, an ISO date, and never again."""

    event: str
    on: str
    what: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    about: str
    traits: Mapping[str, Any] = field(default_factory=dict[str, Any])
    consent: str = "granted"
    past: tuple[Habit | Once, ...] = ()


VIEWED, BOUGHT, CART, OPENED, MOVED = "Product Viewed", "Order Completed", "Cart Updated", "Email Opened", "identify"
WEEKLY = Habit(OPENED, every=7, after=0, until=29, hour=6.6)

PEOPLE: tuple[Person, ...] = (
    Person("mara", "Mara Lindqvist", "Looks at trail shoes and has not decided yet", {"city": "Berlin", "country": "DE"}, past=(
        Habit(VIEWED, every=1, after=0, until=2, hour=5.7, what=(("tinde", "strand", "fjell"), ("sno", "tinde", "fjell"))),
        Habit(BOUGHT, every=90, after=20, until=110, hour=17.2, what=(("regn",),)), WEEKLY,
    )),
    Person("jonas", "Jonas Weber", "Bought a camera this month", {"city": "Munich", "country": "DE"}, past=(
        Habit(VIEWED, every=24, after=3, until=27, hour=19.1, what=(("lys1", "lyspro"), ("lyspro", "action"))),
        Habit(BOUGHT, every=24, after=2, until=26, hour=20.4, what=(("lys1", "card"), ("lyspro", "filter"))), WEEKLY,
    )),
    Person("ines", "Inês Duarte", "Gold member, an order every month", {"city": "Lisbon", "country": "PT", "tier": "gold", "points": 420}, past=(
        Habit(BOUGHT, every=28, after=9, until=121, hour=11.8, what=(("dun",), ("vidde", "bottle"), ("vind", "ull"), ("skog",))),
        Habit(OPENED, every=1, after=0, until=5, hour=5.9),
    )),
    Person("layla", "ليلى حداد", "Reads Arabic, opened nothing for months", {"city": "Malmö", "country": "SE", "locale": "ar-SE"}, past=(
        Habit(BOUGHT, every=200, after=150, until=350, hour=15.3, what=(("sno", "ull"),)),
        Habit(OPENED, every=21, after=75, until=160, hour=7.4),
    )),
    Person("aiko", "Aiko Sato", "Bought shoes, and still looks at them", {"city": "Vienna", "country": "AT"}, past=(
        Once(BOUGHT, "2025-05-12", ("ull",)),
        Habit(BOUGHT, every=21, after=8, until=29, hour=18.6, what=(("fjell",), ("strand",))),
        Habit(VIEWED, every=1, after=0, until=2, hour=4.9, what=(("elv", "sno"), ("sno", "elv"))), WEEKLY,
    )),
    Person("finn", "Finn Petersen", "Lives round the corner of the shop in Hamburg", {"city": "Hamburg", "country": "DE", "favourite_brand": "Lys"}, past=(
        Habit(VIEWED, every=1, after=0, until=3, hour=0.3, what=(("by", "cube"), ("cube",), ("cube", "by"))), WEEKLY,
    )),
    Person("nina", "Nina Kowalska", "Waits for a trekking pack to be reduced", {"city": "Gdańsk", "country": "PL"}, past=(
        Habit(VIEWED, every=2, after=0, until=6, hour=18.2, what=(("dun", "vidde"), ("skog", "vidde"))),
        Habit(CART, every=4, after=0, until=8, hour=18.4, what=(("vidde",),)), WEEKLY,
    )),
    Person("sofia", "Sofia Bakker", "Moves with her work, buys small things", {"country": "NL"}, past=(
        Once(MOVED, "2025-06-02", ("Utrecht",)), Habit(MOVED, every=13, after=0, until=27, hour=8.0, what=(("Delft",), ("Leiden",), ("Zwolle",))),
        Habit(BOUGHT, every=30, after=5, until=95, hour=9.6, what=(("bottle",), ("drypack",), ("ull",))),
        Habit(OPENED, every=12, after=32, until=58, hour=7.1),
    )),
    Person("resi", "Resi Huber", "Runs, and climbs with a club near Munich", {
        "city": "Dachau", "country": "DE", "postcode": "85221", "club": "Alpenverein Dachau e.V.", "interests": ["running", "climbing"],
    }, past=(Habit(BOUGHT, every=100, after=35, until=135, hour=16.9, what=(("elv", "ull"),)), WEEKLY)),
    Person("tom", "Tom Fielding", "Bought winter boots once, opened nothing since", {"city": "Leeds", "country": "GB"}, past=(
        Habit(BOUGHT, every=180, after=130, until=310, hour=12.4, what=(("sno",),)),
        Habit(OPENED, every=30, after=90, until=150, hour=8.8),
    )),
    Person("lea", "Léa Moreau", "Compares cameras, consented to no marketing", {"city": "Lyon", "country": "FR"}, consent="denied", past=(
        Habit(VIEWED, every=1, after=0, until=3, hour=3.2, what=(("fjell", "lys1", "lyspro"), ("strand", "lyspro", "lys1"))), WEEKLY,
    )),
    Person("guest", "A new reader", "Nothing is known of them", consent=""),
)


def events(now: int) -> list[dict[str, Any]]:
    """Segment-shaped events up to `now` (ms), oldest first, each with a messageId of its own."""
    return sorted((event for person in PEOPLE for event in _of(person, now)), key=lambda event: (event["timestamp"], event["messageId"]))


def _of(person: Person, now: int) -> Iterator[dict[str, Any]]:
    """Nobody without traits has done anything."""
    if person.traits:
        traits = {**person.traits, "first_name": person.name.split()[0]}
        yield {"type": "identify", "userId": person.id, "traits": traits, "messageId": f"demo-{person.id}", "timestamp": _iso(FOUNDED)}
    for number, part in enumerate(person.past):
        for turn, at, what in _once(part, now) if isinstance(part, Once) else _occurrences(part, now):
            for step, body in enumerate(_bodies(part.event, what)):
                yield {**body, "userId": person.id, "messageId": f"demo-{person.id}-{number}-{turn}-{step}", "timestamp": _iso(at + step * 140_000)}


def _once(part: Once, now: int) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    at = int(datetime.fromisoformat(part.on).replace(tzinfo=UTC).timestamp() * 1000) + DAY // 2
    if at <= now:
        yield 0, at, part.what


def _occurrences(habit: Habit, now: int) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """(number, instant, what) of the occurrences that are as old as the habit wants them."""
    period, offset = habit.every * DAY, int(habit.hour * HOUR)
    first = (now - habit.until * DAY - offset) // period + 1
    last = (now - habit.after * DAY - offset - HOUR // 4) // period
    for turn in range(first, last + 1):
        yield turn, turn * period + offset, habit.what[turn % len(habit.what)]


def _bodies(event: str, what: tuple[str, ...]) -> list[dict[str, Any]]:
    """One event a product that was viewed; one for all that were bought together, or that are in the cart."""
    if event == MOVED:
        return [{"type": "identify", "traits": {"city": what[0]}}]
    lines = [{"product_id": id, "category": BY_ID[id][1], "brand": brand(BY_ID[id][2]), "price": BY_ID[id][3]} for id in what]
    if event in (BOUGHT, CART):
        total = round(sum(BY_ID[id][3] for id in what), 2)
        return [{"type": "track", "event": event, "properties": {"total": total, "products": lines}}]
    return [{"type": "track", "event": event, "properties": each} for each in lines or [{}]]


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
