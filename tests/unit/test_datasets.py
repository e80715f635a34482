"""Training sets: what a row knows, what its label looks at, and which instants give none."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from app.content.load import load
from app.domain.definitions import Definitions
from app.domain.event import Event, hashed_id
from app.domain.layout import Trimmed
from app.errors import ContentInvalid, SettingsInvalid
from app.learning.dataset import Builder, build
from app.learning.histories import Past, Warehouse, events_of, known_until, pasts
from app.learning.parquet import COLUMNS, Writer
from app.learning.spec import Spec
from app.learning.tasks import read_task

DAY = 86_400_000
RULES = """
version: 1
features:
  orders: {count: order_completed}
  spent: {sum: order_completed.total}
  idle: {seconds_since: order_completed}
  last_brand: {last: product_viewed.brand}
  since_last: {expr: feature.spent / feature.orders}
"""
SPEC = """
model: again
rows: {every: 1d, from: 1970-01-11}
label: {did: order_completed, within: 5d}
inputs: [feature.orders, feature.spent, feature.last_brand, {name: profile.country, type: text}]
"""


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text(RULES)
    return load(tmp_path)


def spec_of(folder: Path, definitions: Definitions, text: str = SPEC) -> Spec:
    path = folder / "spec.yaml"
    path.write_text(text)
    found = read_task(path, definitions)
    assert isinstance(found, Spec)
    return found


def past(*events: tuple[str, float, dict[str, object]], trimmed: dict[str, Trimmed] | None = None) -> Past:
    """Events by name, day and properties."""
    return Past("ann", [Event(name, int(day * DAY), hashed_id(f"{name}{day}"), dict(properties)) for name, day, properties in events], trimmed or {})


def rows(spec: Spec, definitions: Definitions, given: Past, until: float = 100) -> dict[float, tuple[object, ...]]:
    """Day -> (label, inputs)."""
    return {row[1] / DAY: row[2:] for row in Builder(spec, definitions, int(until * DAY)).rows(given)}


def test_a_row_knows_what_had_happened_by_its_instant_and_nothing_later(tmp_path, definitions):
    spec = spec_of(tmp_path, definitions)

    found = rows(spec, definitions, past(("order_completed", 9, {"total": 5}), ("order_completed", 12, {"total": 7}), ("product_viewed", 12.5, {"brand": "Fjell"})))

    assert [found[day][1:3] for day in (10, 11, 12, 13)] == [(1.0, 5.0), (1.0, 5.0), (2.0, 12.0), (2.0, 12.0)]
    assert [found[day][3] for day in (12, 13)] == ["", "Fjell"]


def test_a_label_looks_at_what_comes_after_the_instant_up_to_the_end_of_its_window(tmp_path, definitions):
    spec = spec_of(tmp_path, definitions)

    found = rows(spec, definitions, past(("product_viewed", 1, {}), ("order_completed", 20, {})))

    assert [day for day, (label, *_) in found.items() if label] == [15, 16, 17, 18, 19]


def test_who_stays_away_is_looked_at_to_the_end_of_the_history(tmp_path, definitions):
    spec = spec_of(tmp_path, definitions)

    found = rows(spec, definitions, past(("order_completed", 10, {})), until=40)

    assert list(found) == list(range(10, 36))


def test_an_instant_whose_window_is_not_over_gives_no_row(tmp_path, definitions):
    builder = Builder(spec_of(tmp_path, definitions), definitions, 20 * DAY)

    found = list(builder.rows(past(("order_completed", 13, {}))))

    assert [row[1] / DAY for row in found] == [13, 14, 15]
    assert builder.skipped == {"what followed is not known yet": 5}


def test_a_row_knows_the_traits_that_had_been_said(tmp_path, definitions):
    spec = spec_of(tmp_path, definitions)

    found = rows(spec, definitions, past(("identify", 9, {"country": "NO"}), ("identify", 11.5, {"country": "DE"})))

    assert [found[day][4] for day in (10, 11, 12)] == ["NO", "NO", "DE"]


def test_rows_may_be_made_at_events_and_only_of_those_who_fit(tmp_path, definitions):
    text = SPEC.replace("every: 1d", "on: product_viewed").replace("1970-01-11}", "1970-01-11, who: {field: feature.orders, gte: 1}}")
    spec = spec_of(tmp_path, definitions, text)

    found = rows(spec, definitions, past(("product_viewed", 11, {}), ("order_completed", 12, {}), ("product_viewed", 13, {})))

    assert list(found) == [13]


def test_no_row_is_made_where_events_are_gone_that_it_would_need(tmp_path, definitions):
    spec = spec_of(tmp_path, definitions, SPEC.replace("feature.orders, ", ""))
    builder = Builder(spec, definitions, 40 * DAY)

    found = list(builder.rows(past(("order_completed", 20, {"total": 5}), trimmed={"order_completed": Trimmed(15 * DAY, 2 * DAY, 7)})))

    assert found == []
    assert builder.skipped["events were trimmed that it would need"] == 16


def test_a_history_read_back_from_its_file_is_the_one_that_was_written(tmp_path):
    events = [Event("a", 5, hashed_id("1"), {"x": 0.1, "list": [{"y": 1}]}), Event("a", 7, hashed_id("2"), {"text": "ø"})]
    with Writer(tmp_path / "events.parquet", COLUMNS["events"]) as file:
        file.add([("ann", "a", 3, None, None, 9, 1), *(("ann", each.name, each.at, each.id, '{"x":0.1,"list":[{"y":1}]}' if each.at == 5 else '{"text":"ø"}', None, None) for each in events)])

    found, = pasts(tmp_path / "events.parquet")

    assert (found.events, found.trimmed) == (events, {"a": Trimmed(3, 1, 9)})
    assert list(found.history().events()) == events
    assert known_until(tmp_path / "events.parquet") == 7


def write(path: Path, *given: tuple[str, str, float]) -> Path:
    with Writer(path, COLUMNS["events"]) as file:
        file.add([(who, name, int(day * DAY), hashed_id(f"{who}{name}{day}"), "{}", None, None) for who, name, day in given])
    return path


def test_a_history_may_stand_in_any_order_and_lie_in_several_files(tmp_path):
    (tmp_path / "events").mkdir()
    write(tmp_path / "events" / "a.parquet", ("ann", "order_completed", 30), ("bob", "order_completed", 9))
    write(tmp_path / "events" / "b.parquet", ("ann", "order_completed", 9))

    found = {past.profile: [event.at // DAY for event in past.events] for past in pasts(tmp_path / "events")}

    assert found == {"ann": [9, 30], "bob": [9]}


def test_a_warehouse_is_read_by_its_address(tmp_path):
    write(tmp_path / "events.parquet", ("bob", "order_completed", 9), ("ann", "order_completed", 8))
    with duckdb.connect(tmp_path / "shop.duckdb") as db:
        db.execute(f"CREATE TABLE happened AS SELECT profile, event, timestamp FROM read_parquet('{tmp_path / 'events.parquet'}')")
    warehouse = events_of(f"duckdb://{tmp_path / 'shop.duckdb'}#happened")

    found = {past.profile: [(event.name, event.at // DAY) for event in past.events] for past in pasts(warehouse)}

    assert isinstance(warehouse, Warehouse)
    assert found == {"ann": [("order_completed", 8)], "bob": [("order_completed", 9)]}
    assert known_until(warehouse) == 9 * DAY


@pytest.mark.parametrize("named,why", [
    ("nowhere.parquet", "no file"), ("text.parquet", "no Parquet file that can be read"), ("other.parquet", "no column profile, event"), ("empty/*.parquet", "cannot be read"),
    ("duckdb:///nowhere/at/all.duckdb", "duckdb#events cannot be read"), ("carrier-pigeon://loft", "carrier-pigeon#events cannot be read"),
])  # fmt: skip
def test_a_history_that_is_none_is_refused_with_the_reason(tmp_path, named, why):
    (tmp_path / "text.parquet").write_text("no such thing")
    with Writer(tmp_path / "other.parquet", {"timestamp": "instant"}) as file:
        file.add([(1,)])

    with pytest.raises(SettingsInvalid) as refused:
        list(pasts(events_of(named if "://" in named else str(tmp_path / named))))

    assert why in refused.value.message


@pytest.mark.parametrize("label,why", [("did: order_completed", "never true in"), ("did_not: order_completed", "always true in")])
def test_a_label_with_one_answer_is_refused_with_what_to_look_at(tmp_path, definitions, label, why):
    events = write(tmp_path / "events.parquet", ("ann", "order_completed", 9), ("ann", "product_viewed", 30))

    with pytest.raises(SettingsInvalid, match=f"{why} .*look at the label's event and window"):
        build(spec_of(tmp_path, definitions, SPEC.replace("did: order_completed", label)), definitions, events, tmp_path / "rows.parquet")
    assert not (tmp_path / "rows.parquet").exists()


def test_a_stretch_without_events_is_told(tmp_path, definitions):
    events = write(tmp_path / "events.parquet", ("ann", "order_completed", 9), ("ann", "order_completed", 12), ("ann", "order_completed", 30))

    told = build(spec_of(tmp_path, definitions), definitions, events, tmp_path / "rows.parquet")

    assert list(told.gaps) == [(13, 29)]


MISTAKES = {
    "model: x\nrows: {every: 1d, from: 2026-01-01}\nlabel: {did: a}\ninputs: [feature.orders]": "label: has no window; within: 7d",
    "model: x\nrows: {from: 2026-01-01}\nlabel: {did: a, within: 7d}\ninputs: [feature.orders]": "rows: says not at which instants; every: 7d",
    "model: x\nrows: {every: 1d, from: 2026-01-01}\nlabel: {did: a, within: 7d}\ninputs: [feature.order]": 'inputs\\[0\\]: no feature "order"; did you mean "orders"',
    "model: x\nlabel: {did: a, within: 7d}\ninputs: [feature.orders]": "rows: is missing; rows: {every: 7d",
    "model: x\ntable: {file: no.csv, label: y}\ninputs: [feature.orders]": "table.file: no file",
    "model: x\nrows: {every: 1d, from: 2026-01-01}\nlabel: {did: a, within: 7d}\ninputs: []": "inputs: names nothing",
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: MISTAKES[text][:24])
def test_a_mistake_in_a_spec_is_told_with_its_place_and_what_to_do(tmp_path, definitions, text):
    with pytest.raises(ContentInvalid) as told:
        spec_of(tmp_path, definitions, text)

    assert [str(problem) for problem in told.value.found if re.search(MISTAKES[text], str(problem))] != []
