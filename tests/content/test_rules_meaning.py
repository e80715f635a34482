"""What each condition means, tried as a user would: rules with a test beside them, given to the check."""

from __future__ import annotations

from pathlib import Path

import pytest
from content_shop import RULES, write_shop

from app.content.check import check

NOW = 1_790_000_000_000
AT = "2026-10-12T09:00:00Z"
"""A Monday, 11:00 in Berlin."""


def outcome(folder: Path, condition: str, events: str = "", profile: str = "{}", context: str = "{}", at: str = AT) -> bool:
    """Whether an offer of this eligibility is shown; the check itself must find nothing else."""
    rules = RULES.replace("{segment: shoe_browsers}", condition)
    given = f"{{profile: {profile}, consents: {{marketing: granted}}, context: {context}, events: [{events}]}}"
    rules += f"tests:\n  - {{name: t, at: {at}, given: {given}, expect: {{hero: {{offer: shoes_15}}}}}}\n"
    write_shop(folder, rules)
    for path in (folder / "models").iterdir():
        path.unlink()
    found = [problem for problem in check(folder, NOW) if not problem.warning]
    assert [problem.message for problem in found] in ([], ["'t': hero.offer: expected 'shoes_15', got None"])
    return not found


HOUR = "{event: e, ago: 1h}"
LINES = "{event: e, ago: 1h, properties: {products: [{c: shoes, p: 5}, {c: hats, p: 50}]}}"

BEHAVIOUR = [
    ("{did: e}", HOUR, True), ("{did: e}", "", False), ("{did_not: e}", "", True), ("{did_not: e}", HOUR, False),
    ("{did: e}", "{event: E, ago: 1h}", True), ("{did: Order Completed}", "{event: order_completed, ago: 1h}", True),
    ("{did: order_completed}", "{event: 'Order: Completed', ago: 1h}", False), ("{did: order__completed}", "{event: 'Order: Completed', ago: 1h}", True),
    # windows are half-open to the millisecond, and nothing after the instant counts
    ("{did: e, within: 1h}", HOUR, False), ("{did: e, within: 3600001ms}", HOUR, True), ("{did: e, within: 1h}", "{event: e, ago: 0s}", True),
    ("{did: e}", "{event: e, at: 2026-10-12T09:00:00.001Z}", False), ("{did: e}", "{event: e, at: 2026-10-12T09:00:00Z}", True),
    ("{did: e, since: 2026-10-12T08:00:00Z}", HOUR, True), ("{did: e, since: 2026-10-12T08:00:00.001Z}", HOUR, False),
    ("{did: e, since: 1960-01-01}", "", False), ("{did: e, since: 1960-01-01}", HOUR, True),
    ("{did: e, since: 2026-10-12}", "{event: e, at: 2026-10-11T22:00:00Z}", True), ("{did: e, since: 2026-10-12}", "{event: e, at: 2026-10-11T21:59:59.999Z}", False),
    ("{did: e, between: [2026-10-12T08:00:00Z, 2026-10-13]}", HOUR, True), ("{did: e, between: [2026-10-01, 2026-10-12T08:00:00Z]}", HOUR, False),
    ("{did: e, between: [2026-10-13, 2026-10-14]}", "{event: e, at: 2026-10-13T09:00:00Z}", False),
    # since the latest other event, strictly; without one nothing counts
    ("{did: e, since: {last: f}}", HOUR, False), ("{did_not: e, since: {last: f}}", HOUR, True),
    ("{did: e, since: {last: f}}", HOUR + ", {event: f, ago: 1h}", False), ("{did: e, since: {last: f}}", HOUR + ", {event: f, ago: 3600001ms}", True),
    ("{did: e, since: {last: f}, count: 0}", HOUR, True), ("{did: e, since: {last: f}}", HOUR + ", {event: f, ago: 2h}, {event: f, ago: 30m}", False),
    # calendar periods begin at local midnight
    ("{did: e, calendar: day}", "{event: e, at: 2026-10-11T22:00:00Z}", True), ("{did: e, calendar: day}", "{event: e, at: 2026-10-11T21:59:59.999Z}", False),
    ("{did: e, calendar: week}", "{event: e, at: 2026-10-11T22:00:00Z}", True), ("{did: e, calendar: week}", "{event: e, at: 2026-10-11T21:59:59Z}", False),
    ("{did: e, calendar: month}", "{event: e, at: 2026-09-30T22:00:00Z}", True), ("{did: e, calendar: month}", "{event: e, at: 2026-09-30T21:59:59Z}", False),
    # counts
    ("{did: e, count: 0}", "", True), ("{did: e, count: 0}", HOUR, False), ("{did: e, count: {lt: 2}}", "", True), ("{did: e, count: {gte: 2}}", HOUR, False),
    ("{did: e, count: 2}", HOUR + ", " + HOUR, True), ("{did: e, count: {gte: 1, lte: 1}}", HOUR, True), ("{did: e, count: {between: [1, 2]}}", HOUR, True),
    ("{did_not: e, count: {gte: 2}}", HOUR, True), ("{did_not: e, count: {gte: 2}}", HOUR + ", " + HOUR, False), ("{did: e, count: {ne: 1}}", "", True),
    # properties: several tests of one list hold of one element
    ("{did: e, where: {products.c: shoes, products.p: {gt: 10}}}", LINES, False), ("{did: e, where: {products.c: hats, products.p: {gt: 10}}}", LINES, True),
    ("{did: e, where: {products.c: {ne: shoes}}}", LINES, True), ("{did: e, where: {products.c: {not_in: [shoes, hats]}}}", LINES, False),
    ("{did: e, where: {products.c: [caps, hats]}}", LINES, True), ("{did: e, where: {products.z: {exists: false}}}", LINES, True),
    ("{did: e, where: {products.z: {ne: 5}}}", LINES, False), ("{did: e, where: {x: {exists: true}}}", "{event: e, ago: 1h, properties: {x: null}}", False),
    ("{did: e, where: {x: a}}", "{event: e, ago: 1h, properties: {x: [a, b]}}", True), ("{did: e, where: {x: {contains: a}}}", "{event: e, ago: 1h, properties: {x: cat}}", True),
    ("{did: e, where: {x: '5'}}", "{event: e, ago: 1h, properties: {x: 5}}", False), ("{did: e, where: {x: 5}}", "{event: e, ago: 1h, properties: {x: 5.0}}", True),
    ("{did: e, where: {x: 1}}", "{event: e, ago: 1h, properties: {x: true}}", False), ("{did: e, where: {x: true}}", "{event: e, ago: 1h, properties: {x: 1}}", False),
    # every event knows its local hour and weekday
    ("{did: e, where: {_hour: 10}}", HOUR, True), ("{did: e, where: {_hour: {gte: 9, lt: 10}}}", HOUR, False), ("{did: e, where: {_weekday: mon}}", HOUR, True),
    ("{did: e, where: {_weekday: [tue, wed]}}", HOUR, False), ("{did: e, where: {_weekday: sun, _hour: 23}}", "{event: e, at: 2026-10-11T21:30:00Z}", True),
    ("{did: e, where: {_hour: 3}}", "{event: e, ago: 1h, properties: {_hour: 3}}", False),
    # a trait that took another value
    ("{changed: profile.city, within: 24h}", "{event: identify, ago: 3d, properties: {city: A}}, {event: identify, ago: 1h, properties: {city: B}}", True),
    ("{changed: profile.city, within: 24h}", "{event: identify, ago: 3d, properties: {city: A}}, {event: identify, ago: 1h, properties: {city: A}}", False),
    ("{changed: profile.city, within: 24h}", "{event: identify, ago: 1h, properties: {city: A}}", False),
    ("{changed: profile.city, within: 24h}", "{event: identify, ago: 3d, properties: {city: A}}, {event: identify, ago: 24h, properties: {city: B}}", False),
    ("{changed: profile.city}", "{event: identify, ago: 3d, properties: {city: A}}, {event: identify, ago: 2d, properties: {x: 1}}, {event: identify, ago: 1d, properties: {city: B}}", True),
]


@pytest.mark.parametrize(("condition", "events", "holds"), BEHAVIOUR)
def test_events_count_by_window_property_and_number(tmp_path: Path, condition: str, events: str, holds: bool) -> None:
    assert outcome(tmp_path, condition, events) is holds


FIELDS = [
    ("{a: 5}", "eq: 5", True), ("{a: '5'}", "eq: 5", False), ("{a: '5'}", "gt: 1", False), ("{a: x}", "ne: 5", False), ("{a: 4}", "ne: 5", True), ("{}", "ne: 5", False),
    ("{}", "exists: false", True), ("{a: null}", "exists: false", True), ("{a: ''}", "exists: true", True), ("{a: []}", "exists: true", True), ("{a: 0}", "exists: false", False),
    ("{a: 5}", "between: [5, 6]", True), ("{a: 6}", "between: [5, 6]", True), ("{a: 6.1}", "between: [5, 6]", False), ("{a: b}", "between: [a, c]", True),
    ("{a: 2026-10-02}", "between: [2026-10-01, 2026-10-02]", True), ("{a: 2026-10-02T00:00:01}", "between: [2026-10-01, 2026-10-02]", False),
    ("{a: 2026-09-30T22:00:00Z}", "between: [2026-10-01, 2026-10-02]", True), ("{a: 2025-01-01}", "before: 2026-01-01", True), ("{a: 2026-01-01}", "before: 2026-01-01", False),
    ("{a: 2026-01-01}", "after: 2026-01-01", False), ("{a: 2026-01-02}", "after: 2026-01-01", True), ("{a: 5}", "before: 2026-01-01", False), ("{a: soon}", "after: 2026-01-01", False),
    ("{a: abc}", "matches: '^b'", False), ("{a: abc}", "matches: b", True), ("{a: abc}", "matches: B", False), ("{a: 5}", "matches: '5'", False),
    ("{a: [x, y]}", "contains: x", True), ("{a: [x, y]}", "eq: x", False), ("{a: [x, y]}", "not_contains: z", True), ("{a: [1, y]}", "contains: true", False),
    ("{}", "not_contains: z", False), ("{a: abc}", "contains: bc", True), ("{a: abc}", "not_contains: bc", False), ("{a: 5}", "not_contains: z", False),
    ("{}", "not_in: [z]", False), ("{a: y}", "not_in: [z]", True), ("{a: 5}", "not_in: [z]", False), ("{a: DE}", "in: [de]", False), ("{a: DE}", "in: [AT, DE]", True),
    ("{a: straße}", "starts_with: straß", True), ("{a: Bad}", "starts_with: bad", False), ("{a: Frankfurt}", "ends_with: furt", True),
    ("{a: true}", "eq: true", True), ("{a: true}", "eq: 'true'", False), ("{a: 1}", "eq: true", False), ("{a: no}", "eq: 'no'", True), ("{a: on}", "eq: 'on'", True),
    ("{a: 5, b: 5}", "eq: {field: profile.b}", True), ("{a: 5, b: '5'}", "eq: {field: profile.b}", False), ("{a: 5, b: [5, 6]}", "in: {field: profile.b}", True),
    ("{a: 5}", "ne: {field: profile.b}", False), ("{a: 2026-01-01, b: 2026-01-02}", "before: {field: profile.b}", True), ("{a: x, b: [x]}", "contains: {field: profile.b}", False),
    ("{a: {lat: 52.5, lon: 13.4}}", "within_km: {lat: 52.52, lon: 13.4, km: 3}", True), ("{a: {lat: 52.5, lon: 13.4}}", "within_km: {lat: 53.52, lon: 13.4, km: 30}", False),
    ("{a: '52.5,13.4'}", "within_km: {lat: 52.52, lon: 13.4, km: 30}", False), ("{a: {lat: 0, lon: 179.99}}", "within_km: {lat: 0, lon: -179.99, km: 3}", True),
    ("{a: 3}", "gt: 2, lt: 4", True), ("{a: 4}", "gt: 2, lt: 4", False), ("{a: b}", "gt: a", True), ("{a: 9007199254740993}", "eq: 9007199254740992.0", False),
]


@pytest.mark.parametrize(("profile", "test", "holds"), FIELDS)
def test_a_field_compares_within_its_kind_and_an_absent_one_never(tmp_path: Path, profile: str, test: str, holds: bool) -> None:
    assert outcome(tmp_path, f"{{field: profile.a, {test}}}", profile=profile) is holds


OTHERS = [
    ("{not: {field: profile.a, ne: 5}}", True), ("{not: {field: profile.a, exists: true}}", True), ("{all: [{did_not: e}, {any: [{did: e}, {did_not: f}]}]}", True),
    ("{local_time: {from: '11:00', to: '11:01'}}", True), ("{local_time: {from: '10:00', to: '11:00'}}", False), ("{local_time: {from: '22:00', to: '11:01'}}", True),
    ("{local_time: {from: '22:00', to: '11:01', days: [sun]}}", True), ("{local_time: {from: '22:00', to: '11:01', days: [mon]}}", False),
    ("{local_time: {days: [mon]}}", True), ("{local_time: {days: [tue]}}", False), ("{local_time: {from: '11:00'}}", True), ("{local_time: {to: '11:00'}}", False),
    ("{consent: marketing}", True), ("{segment: shoe_browsers}", False), ("{field: context.stock, eq: 5}", True), ("{field: context.member, eq: true}", True),
    ("{field: context.device, exists: false}", True),
]


@pytest.mark.parametrize(("condition", "holds"), OTHERS)
def test_groups_clocks_consents_and_contexts_hold_as_written(tmp_path: Path, condition: str, holds: bool) -> None:
    assert outcome(tmp_path, condition, context="{stock: '5', member: 'true', device: 5}") is holds


SHIFTS = [
    ("day", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", True), ("day", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", False),
    ("day", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", True), ("day", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", False),
    ("week", "2026-10-18T22:00:00Z", "2026-10-25T22:59:59Z", True), ("month", "2026-09-30T22:00:00Z", "2026-10-31T22:59:59Z", True),
    ("month", "2026-10-31T22:59:59Z", "2026-11-01T09:00:00Z", False), ("month", "2026-10-31T23:00:00Z", "2026-11-01T09:00:00Z", True),
]


@pytest.mark.parametrize(("unit", "happened", "at", "holds"), SHIFTS)
def test_calendar_periods_follow_the_clocks_when_they_change(tmp_path: Path, unit: str, happened: str, at: str, holds: bool) -> None:
    assert outcome(tmp_path, f"{{did: e, calendar: {unit}}}", f"{{event: e, at: {happened}}}", at=at) is holds


ORDERS = "{event: o, ago: 3d, properties: {total: 10, items: [{c: shoes, p: 4}, {c: hats, p: 6}]}}, {event: o, ago: 1d, properties: {total: 32.5, items: [{c: shoes, p: 32.5}]}}, {event: o, ago: 1h, properties: {total: '7'}}"

FEATURES = [
    ("{count: o}", "eq: 3"), ("{count: o, within: 2d}", "eq: 2"), ("{count: o, where: {total: {gt: 10}}}", "eq: 1"), ("{count: x}", "eq: 0"),
    ("{sum: o.total}", "eq: 42.5"), ("{sum: o.items.p}", "eq: 42.5"), ("{sum: o.items.p, where: {items.c: hats}}", "eq: 10"), ("{sum: x.y}", "eq: 0"),
    ("{avg: o.total}", "eq: 21.25"), ("{min: o.items.p}", "eq: 4"), ("{max: o.items.p}", "eq: 32.5"), ("{avg: x.y}", "exists: false"), ("{min: o.z}", "exists: false"),
    ("{distinct: o.items.c}", "eq: 2"), ("{distinct: o.total}", "eq: 3"), ("{distinct: x.y}", "eq: 0"), ("{days: o}", "eq: 3"), ("{days: x}", "eq: 0"),
    ("{first: o.total}", "eq: 10"), ("{last: o.total}", "eq: '7'"), ("{last: o.items.c}", "contains: shoes"), ("{first: o.items.c}", "contains: hats"),
    ("{last: o.items.c}", "not_contains: hats"), ("{last: o.z}", "exists: false"), ("{first: o.total, where: {total: {gt: 10}}}", "eq: 32.5"),
    ("{first_at: o}", "before: 2026-10-09T09:00:00.001Z"), ("{first_at: o}", "between: [2026-10-09T09:00:00Z, 2026-10-09T09:00:00Z]"), ("{last_at: o}", "after: 2026-10-12T07:59:59.999Z"),
    ("{first_at: x}", "exists: false"), ("{last_at: o, between: [2026-10-01, 2026-10-12]}", "before: 2026-10-12"), ("{seconds_since: o}", "eq: 3600"), ("{seconds_since: x}", "exists: false"),
    ("{last: o._weekday}", "eq: mon"), ("{last: o._hour}", "eq: 10"), ("{distinct: o._weekday}", "eq: 3"), ("{sum: o._hour}", "eq: 32"),
    ("{expr: 1 + 2 * 3 - 4 / 2}", "eq: 5"), ("{expr: -(2 - 5)}", "eq: 3"), ("{expr: 'min(3, 1, 2) + max(1, 2) + abs(-1) + log(1) + exp(0)'}", "eq: 5"), ("{expr: 1 / 0}", "exists: false"),
    ("{expr: log(0)}", "exists: false"), ("{expr: exp(1000)}", "exists: false"), ("{expr: profile.a + 1}", "exists: false"), ("{expr: feature.spend_90d + 1}", "eq: 1"),
    ("{expr: profile.text + 1}", "exists: false"), ("{count: o, calendar: day}", "eq: 1"), ("{count: o, since: {last: p}}", "eq: 0"), ("{count: o, since: 2026-10-11}", "eq: 2"),
]


@pytest.mark.parametrize(("feature", "test"), FEATURES)
def test_a_feature_is_computed_from_the_events_of_its_window(tmp_path: Path, feature: str, test: str) -> None:
    condition = f"{{field: feature.extra, {test}}}"
    rules = RULES.replace("segments:\n", f"  extra: {feature}\nsegments:\n").replace("{segment: shoe_browsers}", condition)
    given = f"{{profile: {{text: '5'}}, consents: {{marketing: granted}}, events: [{ORDERS}]}}"
    write_shop(tmp_path, rules + f"tests:\n  - {{name: t, at: {AT}, given: {given}, expect: {{hero: {{offer: shoes_15}}}}}}\n")
    for path in (tmp_path / "models").iterdir():
        path.unlink()
    assert [str(problem) for problem in check(tmp_path, NOW)] == []


def test_events_of_one_instant_have_a_first_and_a_last_whatever_their_order(tmp_path: Path) -> None:
    rules = RULES.replace("{segment: shoe_browsers}", "{field: feature.last_category, eq: b}")
    events = "[{event: product_viewed, ago: 1h, properties: {category: a}}, {event: product_viewed, ago: 1h, properties: {category: b}}]"
    write_shop(tmp_path, rules + f"tests:\n  - {{name: t, at: {AT}, given: {{consents: {{marketing: granted}}, events: {events}}}, expect: {{hero: {{offer: shoes_15}}}}}}\n")
    for path in (tmp_path / "models").iterdir():
        path.unlink()
    assert [str(problem) for problem in check(tmp_path, NOW)] == []
