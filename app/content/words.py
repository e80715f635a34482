"""Rules in plain English: what a condition, a feature or an event says, for people who read the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from app.domain import conditions as c
from app.domain.definitions import Feature, Segment
from app.domain.json import Json

_TESTS = {
    "eq": "is {}", "ne": "is not {}", "gt": "is above {}", "gte": "is at least {}", "lt": "is below {}", "lte": "is at most {}",
    "in": "is one of {}", "not_in": "is none of {}", "contains": "contains {}", "not_contains": "does not contain {}",
    "starts_with": "starts with {}", "ends_with": "ends with {}", "matches": "matches /{}/", "between": "is between {}",
    "before": "is before {}", "after": "is after {}", "within_km": "is near {}",
}
_KINDS = {
    "count": "number of {}", "sum": "sum of {}", "avg": "average of {}", "min": "least {}", "max": "greatest {}",
    "distinct": "different {}", "first": "first {}", "last": "last {}", "first_at": "when {} came first", "last_at": "when {} came last",
    "days": "days with {}", "seconds_since": "seconds since {}",
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_UNITS = ((604_800_000, "week", 2), (86_400_000, "day", 3), (3_600_000, "hour", 1), (60_000, "minute", 1), (1_000, "second", 1))
"""Size in ms, name, and from how many of them on it is used."""
_DID = {
    "product_viewed": "viewed", "order_completed": "bought", "product_added": "put into the cart", "email_opened": "opened a mail",
    "email_clicked": "clicked in a mail", "email_sent": "was sent a mail", "page_viewed": "visited", "cart_updated": "changed the cart",
}
_MANY = 4


def value_words(value: Any) -> str:
    """A value as people write it: `unknown` for a missing one, instants as days, long lists cut."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, c.Instant):
        return f"{datetime.fromtimestamp(value / 1000, UTC):%-d %b %Y}"
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, (tuple, list)):
        several = cast("tuple[object, ...] | list[object]", value)
        shown = [value_words(each) for each in several[:_MANY]]
        return ", ".join(shown) + (f" and {len(several) - _MANY} more" if len(several) > _MANY else "")
    return str(value)


def duration(milliseconds: int) -> str:
    """The largest unit that gives a whole number; a few days are told in hours, one week in days, as rules write them."""
    for size, unit, least in _UNITS:
        if milliseconds % size == 0 and milliseconds // size >= least:
            return _count(milliseconds // size, unit)
    return _count(milliseconds, "millisecond")


def test_words(test: c.Test) -> str:
    if test.operator == "exists":
        return "is known" if test.value else "is not known"
    if test.operator == "between" and isinstance(test.value, tuple):
        low, high = test.values
        return f"is between {value_words(low)} and {value_words(high)}"
    if test.operator == "within_km" and isinstance(test.value, tuple):
        lat, lon, km = test.values
        return f"is within {value_words(km)} km of {value_words(lat)}, {value_words(lon)}"
    return _TESTS[test.operator].format(value_words(test.value))


def window_words(window: c.Window) -> str:
    """With a blank before it; nothing where every event counts."""
    match window:
        case c.Ever():
            return ""
        case c.Within(milliseconds):
            return f" in the last {duration(milliseconds)}"
        case c.Since(instant):
            return f" since {value_words(instant)}"
        case c.SinceLast(event):
            return f" since the last {event}"
        case c.Between(start, end):
            return f" from {value_words(start)} to {value_words(end)}"
        case c.Calendar(unit):
            return {"day": " today", "week": " this week", "month": " this month"}[unit]


def event_words(event: str, where: Sequence[c.Where], window: c.Window) -> str:
    tests = " and ".join(f"{'.'.join(each.path)} {test_words(each.test)}" for each in where)
    return event + (f" where {tests}" if tests else "") + window_words(window)


def condition_words(condition: c.Condition) -> str:
    """What has to hold."""
    match condition:
        case c.All(children):
            return " and ".join(_inner(child) for child in children)
        case c.Any(children):
            return " or ".join(_inner(child) for child in children)
        case c.Not(child):
            return f"not ({condition_words(child)})"
        case c.Field(ref, tests):
            return f"{ref} " + " and ".join(test_words(test) for test in tests)
        case c.Did():
            return did_words(condition)
        case c.Changed(trait, window):
            return f"profile.{trait} changed{window_words(window)}"
        case c.InSegment(segment):
            return f"in {segment}"
        case c.Consented(purpose):
            return f"consent to {purpose}"
        case c.InVariant(experiment, variant):
            return f"variant {variant} of {experiment}"
        case c.LocalTime(start, end, days):
            on = f" on {', '.join(_DAYS[day] for day in sorted(days))}" if days else ""
            return f"local time from {start // 60:02}:{start % 60:02} to {end // 60:02}:{end % 60:02}{on}"


def did_words(did: c.Did) -> str:
    what = event_words(did.event, did.where, did.window)
    if did.count == (c.Test("gte", 1),):
        return f"no {what}" if did.negated else what
    times = " and ".join(test_words(test) for test in did.count)
    return f"the number of {what} {times}" if not did.negated else f"not: the number of {what} {times}"


def held_words(condition: c.Condition, value: Callable[[c.Ref], Any], segments: Mapping[str, Segment]) -> str:
    """Why a condition holds of a person, with the values that they have."""
    match condition:
        case c.InSegment(segment):
            return segments[segment].description or condition_words(segments[segment].condition)
        case c.Consented(purpose):
            return f"consented to {purpose}"
        case c.Field(ref, tests):
            told = "".join(f", {test_words(test).removeprefix('is ')}" for test in tests if test.operator not in ("eq", "in", "exists"))
            return f"{ref} is {value_words(value(ref))}{told}"
        case _:
            return condition_words(condition)


def missing_words(condition: c.Condition, value: Callable[[c.Ref], Any], consents: Mapping[str, bool]) -> str:
    """Why a condition does not hold of a person."""
    match condition:
        case c.InSegment(segment):
            return f"not in {segment}"
        case c.Consented(purpose):
            return f"{purpose} consent denied" if purpose in consents else f"no {purpose} consent on record"
        case c.Field(ref, tests):
            asked = " and ".join(test_words(test).removeprefix("is ") for test in tests)
            return f"{ref} is {value_words(value(ref))}, not {asked}"
        case c.Did(event, where, window, count, negated):
            if negated:
                return event_words(event, where, window)
            plain = count == (c.Test("gte", 1),)
            return f"no {event_words(event, where, window)}" if plain else f"not: {condition_words(condition)}"
        case _:
            return f"not: {condition_words(condition)}"


def expression_words(expression: c.Expression) -> str:
    """An expression as it is written in rules."""
    match expression:
        case c.Number(value):
            return f"{value:g}"
        case c.Name(ref):
            return str(ref)
        case c.Negative(operand):
            return f"-{_factor(operand)}"
        case c.Call(function, arguments):
            return f"{function}({', '.join(map(expression_words, arguments))})"
        case c.Arithmetic("*" | "/" as operator, left, right):
            return f"{_factor(left)} {operator} {_factor(right)}"
        case c.Arithmetic(operator, left, right):
            return f"{expression_words(left)} {operator} {_factor(right)}"


def _factor(expression: c.Expression) -> str:
    text = expression_words(expression)
    return f"({text})" if isinstance(expression, c.Arithmetic) else text


def feature_words(feature: Feature) -> str:
    if feature.kind == "expr":
        return "worked out of other features"
    what = ".".join((feature.event, *feature.path))
    return _KINDS[feature.kind].format(event_words(what, feature.where, feature.window))


def happened(event: str, properties: Mapping[str, Any], name_of: Callable[[str], str]) -> str:
    """What somebody did, in a few words: `viewed Fjell Trail shoe`. `name_of` gives an item's name by its id."""
    did = _DID.get(event, event.replace("_", " "))
    lines: Json = properties.get("products")
    things = [each for each in lines if isinstance(each, dict)] if isinstance(lines, list) else [properties]
    names = [name for thing in things if (name := _named(thing, name_of))]
    if not names:
        return did
    return f"{did} {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _named(thing: Mapping[str, Any], name_of: Callable[[str], str]) -> str:
    id, name = thing.get("product_id"), thing.get("name") or thing.get("title")
    return (isinstance(id, str) and name_of(id)) or (name if isinstance(name, str) else "") or (id if isinstance(id, str) else "")


def _inner(condition: c.Condition) -> str:
    text = condition_words(condition)
    return f"({text})" if isinstance(condition, (c.All, c.Any)) else text


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
