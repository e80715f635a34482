"""A naive interpreter of the rules over plain lists of events: slow, obvious, and written apart from the compiler."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import re2

from app.domain import conditions as c
from app.domain.definitions import Definitions, Feature
from app.domain.event import Event
from app.domain.tables import Span, Table


class Oracle:
    def __init__(self, definitions: Definitions, now: int, events: list[Event], traits: dict[str, Any],
                 consents: dict[str, bool], context: dict[str, Any], scores: dict[str, float]) -> None:
        self.d = definitions
        self.now = now
        self.zone = ZoneInfo(definitions.timezone)
        self.events = sorted((self.told(e) for e in events if e.at <= now), key=lambda e: (e.at, e.id))
        self.roots = {"profile": traits, "context": context}
        self.consents = consents
        self.scores = scores

    def told(self, event: Event) -> Event:
        local = datetime.fromtimestamp(event.at / 1000, self.zone)
        return Event(event.name, event.at, event.id, {**event.properties, "_hour": local.hour, "_weekday": f"{local:%a}".lower()})

    # values

    def ref(self, ref: c.Ref) -> Any:
        if ref.root == "feature":
            return self.feature(self.d.features[ref.path[1]])
        if ref.root == "model":
            return self.scores.get(ref.path[1])
        if ref.root == "table":
            return self.table(self.d.tables[ref.path[1]], ref.path[2])
        return reach(self.roots[ref.root], list(ref.path[1:]))

    def table(self, table: Table, output: str) -> Any:
        """The rows one by one, each cell by the operators that it stands for."""
        fitting = [row for row in table.rows if all(
            not cell or any(self.lies(self.ref(asked.ref), span) for span in cell) for asked, cell in zip(table.inputs, row.cells, strict=True)
        )]
        if table.hit != "collect":
            return fitting[0].values.get(output) if fitting else None
        return [row.values[output] for row in fitting if output in row.values] or None

    def lies(self, value: Any, span: Span) -> bool:
        if span.kind == "instant" and isinstance(value, str):
            try:
                value = c.Instant(datetime.fromisoformat(value).replace(tzinfo=self.zone).timestamp() * 1000)
            except ValueError:
                return False
        return kind(value) == span.kind and span.holds(value)

    def inside(self, window: c.Window, event: Event) -> bool:
        at = event.at
        if isinstance(window, c.Within):
            return self.now - window.milliseconds < at <= self.now
        if isinstance(window, c.Since):
            return at >= window.instant
        if isinstance(window, c.SinceLast):
            marks = [e.at for e in self.events if e.name == window.event]
            return bool(marks) and at > max(marks)
        if isinstance(window, c.Between):
            return window.start <= at < window.end
        if isinstance(window, c.Calendar):
            local = datetime.fromtimestamp(self.now / 1000, self.zone)
            start = local.replace(hour=0, minute=0, second=0, microsecond=0)
            if window.unit == "week":
                start -= timedelta(days=start.weekday())
            if window.unit == "month":
                start = start.replace(day=1)
            start = datetime(start.year, start.month, start.day, tzinfo=self.zone)
            return at >= start.timestamp() * 1000
        return True

    def chosen(self, event: str, where: tuple[c.Where, ...], window: c.Window) -> list[Event]:
        return [e for e in self.events if e.name == event and self.inside(window, e) and self.where(e.properties, where)]

    def where(self, value: Any, wheres: tuple[c.Where, ...]) -> bool:
        """All tests hold; those that go through one list hold of one element of it."""
        here = [w.test for w in wheres if not w.path]
        heads = {w.path[0] for w in wheres if w.path}

        def of_one(one: Any) -> bool:
            inside = one if isinstance(one, dict) else {}
            return all(self.test(one, t) for t in here if t.operator not in WHOLE) and all(
                self.where(inside.get(h), tuple(c.Where(w.path[1:], w.test) for w in wheres if w.path and w.path[0] == h))
                for h in heads
            )

        if not all(self.test(value, t) for t in here if t.operator in WHOLE):
            return False
        if isinstance(value, list) and (heads or any(t.operator not in WHOLE for t in here)):
            return any(of_one(one) for one in value)
        return of_one(value)

    def feature(self, f: Feature) -> Any:
        if f.kind == "expr":
            return self.expression(f.expression)
        events = self.chosen(f.event, f.where, f.window)
        if f.kind == "count":
            return len(events)
        if f.kind == "days":
            return len({datetime.fromtimestamp(e.at / 1000, self.zone).date() for e in events})
        if f.kind == "first_at":
            return c.Instant(events[0].at) if events else None
        if f.kind == "last_at":
            return c.Instant(events[-1].at) if events else None
        if f.kind == "seconds_since":
            return (self.now - events[-1].at) / 1000 if events else None
        values = [v for e in events if (v := reach(e.properties, list(f.path))) is not None]
        if f.kind == "first":
            return values[0] if values else None
        if f.kind == "last":
            return values[-1] if values else None
        flat = [x for v in values for x in (v if isinstance(v, list) else [v])]
        if f.kind == "distinct":
            return len({(kind(x), x) for x in flat if kind(x)})
        nums = [x for x in flat if kind(x) == "number"]
        if f.kind == "sum":
            return math.fsum(nums)
        if not nums:
            return None
        return {"avg": math.fsum(nums) / len(nums), "min": min(nums), "max": max(nums)}[f.kind]

    def expression(self, node: Any) -> float | None:
        try:
            value = self._expression(node)
        except (TypeError, ZeroDivisionError, ValueError, OverflowError):
            return None
        return value if math.isfinite(value) else None

    def _expression(self, node: Any) -> float:
        if isinstance(node, c.Number):
            return float(node.value)
        if isinstance(node, c.Name):
            value = self.ref(node.ref)
            if kind(value) != "number":
                raise TypeError
            return value
        if isinstance(node, c.Negative):
            return -self._expression(node.operand)
        if isinstance(node, c.Call):
            args = [self._expression(a) for a in node.arguments]
            return {"min": min, "max": max}[node.function](args) if node.function in ("min", "max") else {
                "abs": abs, "log": math.log, "exp": math.exp}[node.function](args[0])
        a, b = self._expression(node.left), self._expression(node.right)
        return a + b if node.operator == "+" else a - b if node.operator == "-" else a * b if node.operator == "*" else a / b

    # conditions

    def test(self, x: Any, t: c.Test) -> bool:
        y = self.ref(t.value) if isinstance(t.value, c.Ref) else t.value
        op = t.operator
        if op == "exists":
            return (x is not None) == y
        if x is None or y is None:
            return False
        if op in ("before", "after"):
            a, b = when(x), when(y)
            return a is not None and b is not None and (a < b if op == "before" else a > b)
        if op == "between":
            return self.test(x, c.Test("gte", y[0])) and self.test(x, c.Test("lte", y[1]))
        if op == "in":
            return isinstance(y, (list, tuple)) and any(self.test(x, c.Test("eq", e)) for e in y)
        if op == "not_in":
            return (isinstance(y, (list, tuple)) and kind(x) is not None and any(kind(e) == kind(x) for e in y)
                    and not any(self.test(x, c.Test("eq", e)) for e in y))
        if op in ("contains", "not_contains"):
            if isinstance(x, str) and isinstance(y, str):
                return (y in x) == (op == "contains")
            if not isinstance(x, list) or kind(y) is None:
                return False
            return any(kind(e) == kind(y) and e == y for e in x) == (op == "contains")
        if op in ("starts_with", "ends_with"):
            if not (isinstance(x, str) and isinstance(y, str)):
                return False
            return x.startswith(y) if op == "starts_with" else x.endswith(y)
        if op == "matches":
            return isinstance(x, str) and re2.search(y, x) is not None
        if kind(x) is None or kind(x) != kind(y):
            return False
        if op == "eq":
            return x == y
        if op == "ne":
            return x != y
        if kind(x) == "boolean":
            return False
        return {"gt": x > y, "gte": x >= y, "lt": x < y, "lte": x <= y}[op]

    def holds(self, n: c.Condition) -> bool:
        if isinstance(n, c.All):
            return all(self.holds(k) for k in n.children)
        if isinstance(n, c.Any):
            return any(self.holds(k) for k in n.children)
        if isinstance(n, c.Not):
            return not self.holds(n.child)
        if isinstance(n, c.Field):
            return all(self.test(self.ref(n.ref), t) for t in n.tests)
        if isinstance(n, c.Did):
            number = len(self.chosen(n.event, n.where, n.window))
            return all(self.test(number, t) for t in n.count) != n.negated
        if isinstance(n, c.InSegment):
            return self.holds(self.d.segments[n.segment].condition)
        if isinstance(n, c.Consented):
            return self.consents.get(n.purpose) is True
        if isinstance(n, c.Changed):
            seen = [(e, e.properties[n.trait]) for e in self.events
                    if e.name == "identify" and e.properties.get(n.trait) is not None]
            return any(a[1] != b[1] and self.inside(n.window, b[0]) for a, b in zip(seen, seen[1:], strict=False))
        local = datetime.fromtimestamp(self.now / 1000, self.zone)
        minute = local.hour * 60 + local.minute
        if n.start <= n.end:
            return n.start <= minute < n.end and (not n.days or local.weekday() in n.days)
        day = local.weekday() if minute >= n.start else (local.weekday() - 1) % 7
        return (minute >= n.start or minute < n.end) and (not n.days or day in n.days)


WHOLE = {"contains", "not_contains", "exists"}


def kind(x: Any) -> str | None:
    return {bool: "boolean", int: "number", float: "number", str: "string", c.Instant: "instant"}.get(type(x))


def when(x: Any) -> int | None:
    if isinstance(x, c.Instant):
        return int(x)
    try:
        moment = datetime.fromisoformat(x)
    except (TypeError, ValueError):
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("UTC"))).timestamp() * 1000)


def reach(x: Any, path: list[str]) -> Any:
    if not path:
        return [e for e in x if e is not None] or None if False else x
    if isinstance(x, list):
        found = []
        for each in x:
            value = reach(each, path)
            found += [v for v in value if v is not None] if isinstance(value, list) else [] if value is None else [value]
        return found or None
    return reach(x.get(path[0]), path[1:]) if isinstance(x, dict) else None
