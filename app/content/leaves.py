"""Conditions: from nodes to the frozen values of `domain/conditions.py`."""

from __future__ import annotations

import re
from typing import Any, get_args

import re2

from app.content.reader import A_KIND, Reader
from app.content.source import Node
from app.content.values import instant, meant
from app.content.windows import CLOCK, DAYS
from app.domain import conditions as c
from app.domain.event import PERSONAL

ROOTS = ("profile", "feature", "model", "context", "table")
ITEM_ROOTS = ("item", *ROOTS)
OPERATORS: tuple[c.Operator, ...] = get_args(c.Operator)
PERIODS: tuple[c.Period, ...] = get_args(c.Period)
WINDOWS = ("within", "since", "between", "calendar")
KINDS = ("all", "any", "not", "field", "did", "did_not", "changed", "segment", "consent", "local_time", "variant")
COUNTING: tuple[c.Operator, ...] = ("eq", "ne", "gt", "gte", "lt", "lte", "between")
_LITERAL = frozenset({"matches", "exists", "between", "within_km"})
_ORDER = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in")
_FOR = {
    "number": (*_ORDER, "between", "exists"),
    "boolean": ("eq", "ne", "in", "not_in", "exists"),
    "instant": ("before", "after", "between", "eq", "ne", "gt", "gte", "lt", "lte", "exists"),
    "string": (*_ORDER, "contains", "not_contains", "starts_with", "ends_with", "matches", "between", "before", "after", "exists"),
}
_TAKES = {
    **dict.fromkeys(("starts_with", "ends_with"), ("string",)), **dict.fromkeys(("before", "after"), ("instant", "string")),
    **dict.fromkeys(("gt", "gte", "lt", "lte"), ("number", "string", "instant")), "in": (), "not_in": (),
}
"""The kinds that a right-hand side `{field: ...}` can be of; the other operators take any. A list has no kind of its own."""
_CIRCLE = {"lat": (-90, 90), "lon": (-180, 180), "km": (0, 20_100)}
_TEXT = frozenset({"starts_with", "ends_with", "matches"})
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


def condition(reader: Reader, node: Node, at: str, roots: tuple[str, ...] = ROOTS) -> c.Condition:
    """One condition; what cannot be read becomes a problem and an empty group."""
    empty = c.All((), reader.place(node))
    if not isinstance(node.value, dict):
        hint = "write all: [...] or any: [...] around a list" if isinstance(node.value, list) else "such as {field: profile.country, eq: DE}"
        reader.wrong(node.line, at, "is no condition", hint)
        return empty
    kinds = [key for key in node.value if key in KINDS]
    if len(kinds) != 1:
        first = next(iter(node.value), "")
        message = f"mixes {', '.join(kinds)}" if kinds else f'unknown condition "{first[:60]}"'
        reader.wrong(node.line, at, message, "one of them at a time" if kinds else meant(first, KINDS))
        return empty
    return _READ[kinds[0]](reader, node, at, roots)


def _ascending(reader: Reader, node: Node, at: str, pair: tuple[Any, Any]) -> tuple[object, object]:
    if pair[0] > pair[1]:
        reader.wrong(node.line, at, "ends before it begins", "the smaller value first; both ends are included")
    return pair


def _group(reader: Reader, node: Node, at: str, roots: tuple[str, ...]) -> c.Condition:
    kind = "all" if "all" in node.keys else "any"
    found = reader.mapping(node, at, (kind,))
    children = tuple(condition(reader, each, here, roots) for here, each in reader.items(found[kind], f"{at}.{kind}"))
    if not children:
        reader.wrong(node.line, at, f"{kind} of nothing", "name at least one condition")
    return (c.All if kind == "all" else c.Any)(children, reader.place(node))


def _not(reader: Reader, node: Node, at: str, roots: tuple[str, ...]) -> c.Condition:
    found = reader.mapping(node, at, ("not",))
    child = condition(reader, found["not"], f"{at}.not", roots)
    return c.Not(child, reader.place(node))


def _field(reader: Reader, node: Node, at: str, roots: tuple[str, ...]) -> c.Condition:
    found = reader.mapping(node, at, ("field", *OPERATORS))
    ref = reader.ref(found["field"].value, found["field"].line, f"{at}.field", roots)
    tests = tuple(test(reader, name, found[name], f"{at}.{name}", roots) for name in OPERATORS if name in found)
    if ref is not None:
        for each in tests:
            _fits(reader, ref, each, found[each.operator].line, f"{at}.{each.operator}")
    if not tests and isinstance(node.value, dict) and len(node.value) == 1:
        reader.wrong(node.line, at, "has no operator", f"one of {', '.join(OPERATORS)}")
    return c.Field(ref or c.Ref(("profile", "_")), tests or (c.Test("exists", True),), reader.place(node))


def test(reader: Reader, name: c.Operator, node: Node, at: str, roots: tuple[str, ...]) -> c.Test:
    """An operator and its right-hand side, which must be of a kind that it can compare with."""
    value = node.value
    if isinstance(value, dict) and "field" in value and name not in _LITERAL:
        found = reader.mapping(node, at, ("field",))
        ref = reader.ref(found["field"].value, found["field"].line, f"{at}.field", roots)
        if ref is not None and (kind := reader.names.kind_of(ref)) is not None and kind not in _TAKES.get(name, A_KIND):
            reader.wrong(node.line, at, f"never holds: {ref} is {A_KIND[kind]}", f"{name} takes {' or '.join(A_KIND[each] for each in _TAKES[name]) or 'a list'}")
        return c.Test(name, ref or "")
    return c.Test(name, _right(reader, name, node, at))


def _right(reader: Reader, name: c.Operator, node: Node, at: str) -> object:
    value = node.value
    if name in ("in", "not_in"):
        rows = [each.value for _, each in reader.items(node, at)]
        if any(not isinstance(each, (str, int, float, bool)) for each in rows) or not rows:
            reader.wrong(node.line, at, "needs a list of values", "such as [DE, AT]")
        return tuple(each for each in rows if isinstance(each, (str, int, float, bool)))
    if name == "exists":
        if type(value) is not bool:
            reader.wrong(node.line, at, f"is {node.plain()!r:.40}", "true or false")
        return value is not False
    if name == "between":
        return _pair(reader, node, at)
    if name in ("before", "after"):
        return reader.instant(node, at)
    if name == "within_km":
        found = reader.mapping(node, at, tuple(_CIRCLE), tuple(_CIRCLE))
        return tuple(_coordinate(reader, found[key], f"{at}.{key}", *_CIRCLE[key]) if key in found else 0.0 for key in _CIRCLE)
    if not isinstance(value, (str, int, float, bool)):
        reader.wrong(node.line, at, "needs one value", "text, a number, true or false, or {field: ...}")
        return ""
    if name in _TEXT and not isinstance(value, str):
        reader.wrong(node.line, at, f"needs text, not {value!r:.40}", "put quotes around it")
        return str(value)
    if name in ("gt", "gte", "lt", "lte") and isinstance(value, bool):
        reader.wrong(node.line, at, "true and false have no order", "use eq")
    if name == "matches":
        _compiles(reader, str(value), node.line, at)
    return value


def _coordinate(reader: Reader, node: Node, at: str, low: float, high: float) -> float:
    value = reader.number(node, at)
    if not low <= value <= high:
        reader.wrong(node.line, at, f"is {value:g}", f"a number from {low} to {high} belongs here")
    return value


def _fits(reader: Reader, ref: c.Ref, found: c.Test, line: int, at: str) -> None:
    """A comparison that can never hold is a mistake: the kinds of both sides are known, and differ."""
    left = reader.names.kind_of(ref)
    if left is None or found.operator == "exists":
        return
    if reader.names.counts(ref) and found.operator in ("eq", "gt", "gte") and type(found.value) in (int, float) and found.value > reader.bounds.events:  # pyright: ignore[reportOperatorIssue]
        reader.wrong(line, at, f"{found.value} events can never be counted", f"at most {reader.bounds.events} are kept of a type")
    allowed = _FOR[left]
    if found.operator not in allowed:
        reader.wrong(line, at, f"does not apply to {ref}, {A_KIND[left]}", f"one of {', '.join(allowed)}")
        return
    if isinstance(found.value, c.Ref):
        rights = {reader.names.kind_of(found.value)} - {None}
    else:
        rights = {_kind(each) for each in found.values}
    if other := next((right for right in rights if right != left and not (left == "string" and right == "instant")), None):
        hint = "use before, after or between with dates" if left == "instant" else "put quotes around it" if left == "string" else ""
        reader.wrong(line, at, f"{ref} is {A_KIND[left]} and never compares with {A_KIND[other]}", hint)


_KINDS: dict[type, str] = {bool: "boolean", str: "string", c.Instant: "instant"}


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "number")


def _compiles(reader: Reader, pattern: str, line: int, at: str) -> None:
    try:
        re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        said = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        reader.wrong(line, at, f"is no RE2 pattern: {said[:80]}", "RE2 knows no look-around and no back-references")


def _pair(reader: Reader, node: Node, at: str) -> tuple[object, object]:
    rows = [each.value for _, each in reader.items(node, at)]
    if len(rows) == 2:
        first, last = (instant(each, reader.timezone) for each in rows)
        if first is not None and last is not None:
            return _ascending(reader, node, at, (first, last))
        if all(type(each) in (int, float) for each in rows) or all(isinstance(each, str) for each in rows):
            return _ascending(reader, node, at, (rows[0], rows[1]))
    reader.wrong(node.line, at, "needs two values of one kind", "such as [10, 20] or [2026-10-01, 2026-11-01]")
    return 0, 0


def _did(reader: Reader, node: Node, at: str, roots: tuple[str, ...]) -> c.Condition:
    negated = "did_not" in node.keys
    verb = "did_not" if negated else "did"
    found = reader.mapping(node, at, (verb, "where", "count", *WINDOWS))
    event = reader.event(found[verb], f"{at}.{verb}")
    return c.Did(event, wheres(reader, found, at, roots), window(reader, found, at), counts(reader, found, at), negated, reader.place(node))


def wheres(reader: Reader, found: dict[str, Node], at: str, roots: tuple[str, ...]) -> tuple[c.Where, ...]:
    if "where" not in found:
        return ()
    rows: list[c.Where] = []
    roots = tuple(root for root in roots if root != "item")
    for name, value in reader.mapping(found["where"], f"{at}.where").items():
        here, path = f"{at}.where.{name}", tuple(name.split("."))
        if not all(path):
            reader.wrong(found["where"].keys[name], here, f"{name!r:.60} is no dotted path", "such as products.category")
            continue
        if isinstance(value.value, dict) and "field" not in value.value:
            rights = reader.mapping(value, here, OPERATORS)
            tests = [test(reader, name, rights[name], f"{here}.{name}", roots) for name in OPERATORS if name in rights]
        else:
            tests = [test(reader, "in" if isinstance(value.value, list) else "eq", value, here, roots)]
        _told(reader, path[0], tests, value, here)
        if not tests:
            inside = f"; what lies inside is {name}.{next(iter(value.value))}" if isinstance(value.value, dict) and value.value else ""
            reader.wrong(value.line, here, "has no operator", f"a value, a list of values, or {{gte: 2}}{inside}")
        rows += [c.Where(path, each) for each in tests]
    return tuple(rows)


def _told(reader: Reader, name: str, tests: list[c.Test], node: Node, at: str) -> None:
    """What `_hour` and `_weekday` are compared with must be an hour or a day."""
    for each in tests if name in CLOCK else ():
        values = each.values
        if name == "_hour" and any(type(value) is str for value in values):
            reader.wrong(node.line, at, "is compared with text", "an hour is a number from 0 to 23")
        for value in values if name == "_weekday" else ():
            if type(value) in (int, float) or (type(value) is str and each.operator in ("eq", "ne", "in", "not_in") and value not in DAYS):
                reader.wrong(node.line, at, f'no day "{value}"', meant(str(value), DAYS))


def counts(reader: Reader, found: dict[str, Node], at: str) -> tuple[c.Test, ...]:
    if "count" not in found:
        return (c.Test("gte", 1),)
    node, at = found["count"], f"{at}.count"
    rights = {"eq": node} if type(node.value) is int else reader.mapping(node, at, COUNTING)
    if not rights and isinstance(node.value, dict):
        reader.wrong(node.line, at, "has no operator", "a whole number, or {gte: 2}")
    for name, each in rights.items():
        numbers = [n.value for n in each.value] if isinstance(each.value, list) else [each.value]
        counted = [n for n in numbers if type(n) is int and n >= 0]
        if len(counted) < len(numbers):
            reader.wrong(each.line, at, f"{each.plain()!r:.40} is no count", "a whole number, or {gte: 2}")
            return (c.Test("gte", 1),)
        if max(counted, default=0) + (name == "gt") > reader.bounds.events:
            reader.wrong(each.line, at, f"{max(counted) + (name == 'gt')} events can never be counted", f"at most {reader.bounds.events} are kept of a type")
    tests = tuple(test(reader, name, rights[name], f"{at}.{name}", ROOTS) for name in COUNTING if name in rights)
    return tests or (c.Test("gte", 1),)


def window(reader: Reader, found: dict[str, Node], at: str) -> c.Window:
    given = [name for name in WINDOWS if name in found]
    if len(given) > 1:
        reader.wrong(found[given[1]].line, at, f"has {' and '.join(given)}", "one window")
    if not given:
        return c.Ever()
    name, node = given[0], found[given[0]]
    at = f"{at}.{name}"
    if name == "within":
        return c.Within(reader.window(node, at))
    if name == "since":
        if isinstance(node.value, dict):
            last = reader.mapping(node, at, ("last",), ("last",)).get("last")
            return c.SinceLast(reader.event(last, f"{at}.last")) if last else c.Ever()
        return c.Since(reader.instant(node, at))
    if name == "between":
        rows = reader.items(node, at)
        if len(rows) != 2:
            reader.wrong(node.line, at, "needs two dates", "[2026-10-01, 2026-11-01]")
            return c.Ever()
        start, end = (reader.instant(each, here) for here, each in rows)
        if start >= end:
            reader.wrong(node.line, at, "ends before it begins")
        return c.Between(start, end)
    unit = reader.one_of(node, at, PERIODS, "calendar period")
    return c.Calendar(unit or "day")


def _changed(reader: Reader, node: Node, at: str, roots: tuple[str, ...]) -> c.Condition:
    found = reader.mapping(node, at, ("changed", *WINDOWS))
    ref = reader.ref(found["changed"].value, found["changed"].line, f"{at}.changed", ("profile",))
    _, trait, *inside = ref.path if ref else ("profile", "_")
    if inside:
        reader.wrong(node.line, f"{at}.changed", f"{ref} lies inside a trait", f"a whole trait, such as profile.{trait}")
    elif trait.lower() in PERSONAL:
        reader.wrong(node.line, f"{at}.changed", f"{ref} is personal and never enters a history", "a trait that is not, such as profile.city")
    return c.Changed(trait, window(reader, found, at), reader.place(node))


def _segment(reader: Reader, node: Node, at: str, roots: tuple[str, ...]) -> c.Condition:
    found = reader.mapping(node, at, ("segment",))
    name = reader.one_of(found["segment"], f"{at}.segment", reader.names.segments, "segment")
    return c.InSegment(name, reader.place(node)) if name else c.All((), reader.place(node))


def _consent(reader: Reader, node: Node, at: str, roots: tuple[str, ...]) -> c.Condition:
    found = reader.mapping(node, at, ("consent",))
    purpose = reader.one_of(found["consent"], f"{at}.consent", reader.names.consents, "declared consent")
    return c.Consented(purpose or "_", reader.place(node))


def _variant(reader: Reader, node: Node, at: str, roots: tuple[str, ...]) -> c.Condition:
    found = reader.mapping(node, at, ("variant",))
    at, named = f"{at}.variant", found["variant"]
    known = [f"{id}.{name}" for id, names in reader.names.variants.items() for name in names]
    name = reader.one_of(named, at, known, "variant of an experiment")
    if at.startswith(("segments.", "experiments.")):
        reader.wrong(named.line, at, "a variant is no property of a person", "ask for it in an offer")
    experiment, _, variant = (name or "_._").partition(".")
    return c.InVariant(experiment, variant, reader.place(node))


def _local_time(reader: Reader, node: Node, at: str, roots: tuple[str, ...]) -> c.Condition:
    at, inner = f"{at}.local_time", reader.mapping(node, at, ("local_time",))["local_time"]
    found = reader.mapping(inner, at, ("from", "to", "days"))
    start = _minute(reader, found["from"], f"{at}.from") if "from" in found else 0
    end = _minute(reader, found["to"], f"{at}.to") if "to" in found else 1440
    days = reader.names_list(found["days"], f"{at}.days", DAYS, "day") if "days" in found else ()
    if start == end or (isinstance(inner.value, dict) and not inner.value):
        reader.wrong(inner.line, at, "holds at no time" if start == end else "holds at any time", '{from: "09:00", to: "18:00", days: [mon, tue]}')
    return c.LocalTime(start, end, frozenset(map(DAYS.index, days)), reader.place(node))


def _minute(reader: Reader, node: Node, at: str) -> int:
    match = re.fullmatch(r"([01]\d|2[0-4]):([0-5]\d)", node.value) if isinstance(node.value, str) else None
    if match is None or int(match[1]) * 60 + int(match[2]) > 1440:
        reader.wrong(node.line, at, f"{node.plain()!r:.40} is no time of day", 'such as "09:00", in quotes')
        return 0
    return int(match[1]) * 60 + int(match[2])


_READ = {
    "all": _group, "any": _group, "not": _not, "field": _field, "did": _did, "did_not": _did, "changed": _changed,
    "segment": _segment, "consent": _consent, "local_time": _local_time, "variant": _variant,
}
