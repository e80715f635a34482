"""`events:` in rules/: what is declared of events is read, checked, and holds for every event."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from content_shapes import fits
from content_shop import RULES, write_shop

from app.content.check import check
from app.content.event_rules import EventRules
from app.content.load import inspect, load
from app.content.schema import schemas
from app.content.source import parse_yaml
from app.domain.event import Heard
from app.formats.segment import NotHeard, parse
from app.domain.receipt import receipt_json
from app.identities import Identities
from app.ingest import Ingest
from app.wiring import hashed_id, random_id
from tests.fakes import MemoryStore

NOW = 1_760_000_000_000
EVENTS = """\
events:
  "*": {undeclared: refuse, personal: [email]}
  order_completed:
    required: [order_id, products.price]
    personal: [shipping.phone, products.engraving]
    schema:
      properties:
        total: {type: number, minimum: 0}
        products: {type: array, items: {properties: {price: {type: number}}}}
      additionalProperties: true
    samples: [{order_id: o1, products: [{price: 5}]}]
    refuses: [{order_id: o1, products: [{price: 5}], total: -1}]
    versions:
      2: {required: [id], schema: {additionalProperties: false, properties: {id: {type: string}}}}
  identify: {schema: {properties: {age: {type: integer}}}, personal: [income]}
"""
ORDER = {"order_id": "o1", "products": [{"price": 5}]}


@pytest.fixture
def rules(tmp_path: Path) -> EventRules:
    return EventRules(load(write_shop(tmp_path, RULES + EVENTS)).events)


def track(event: str, properties: dict[str, Any], **more: Any) -> Heard:
    return parse({"type": "track", "userId": "u1", "event": event, "properties": properties, **more}, NOW, random_id, hashed_id)


def refusal(rules: EventRules, heard: Heard) -> tuple[str, str]:
    with pytest.raises(NotHeard) as refused:
        rules.taken(heard)
    return refused.value.reason, refused.value.detail


def test_an_event_as_declared_is_taken_as_it_is(rules):
    heard = track("Order Completed", {**ORDER, "total": 5, "anything": [1]})

    assert rules.taken(heard) == heard


@pytest.mark.parametrize("properties,detail", [
    ({"products": [{"price": 5}]}, "order_id: is missing"), ({"order_id": "o1"}, "products.price: is missing"),
    ({"order_id": "o1", "products": []}, "products.price: is missing"), ({"order_id": "o1", "products": [{"price": 1}, {}]}, "products.price: is missing"),
    ({**ORDER, "total": "5"}, "total: is text; a number is wanted"), ({**ORDER, "total": -1}, "total: is below 0"),
    ({"order_id": "o1", "products": [{"price": "x"}]}, "products[0].price: is text; a number is wanted"),
])
def test_an_event_that_is_not_as_declared_is_refused_with_the_place(rules, properties, detail):
    assert refusal(rules, track("order_completed", properties)) == ("invalid", detail)


def test_an_event_is_held_to_the_version_that_it_says_it_is_of(rules):
    second = {"context": {"protocols": {"event_version": 2}}}
    heard = track("order_completed", {"id": "o1"}, **second)

    assert rules.taken(heard) is heard
    assert refusal(rules, track("order_completed", ORDER, **second)) == ("invalid", "id: is missing")
    assert refusal(rules, track("order_completed", ORDER, context={"protocols": {"event_version": "3"}}))[1].startswith("event_version: order_completed has no version '3'")


def test_what_inlay_adds_to_an_event_is_not_held_against_it(rules):
    context = {"protocols": {"event_version": 2}, "device": {"type": "ios"}}

    assert rules.taken(track("order_completed", {"id": "o1"}, context=context)).event.properties == {"id": "o1", "_device": "ios"}


def test_undeclared_types_are_refused_by_choice_and_inlay_s_own_are_known(rules):
    page = parse({"type": "page", "userId": "u1"}, NOW, random_id, hashed_id)

    assert rules.taken(page) is page
    assert refusal(rules, track("Oder Completed", {}))[0] == "unknown_type"


def test_without_that_choice_every_type_is_taken(tmp_path):
    rules = EventRules(load(write_shop(tmp_path, RULES + "events: {order_completed: {required: [order_id]}}\n")).events)
    heard = track("anything", {"email": "a@b.c"})

    assert rules.taken(heard) is heard


def test_personal_properties_are_left_out_through_objects_and_lists(rules):
    sent = {**ORDER, "email": "a@b.c", "shipping": {"phone": "1", "city": "Bonn"}, "products": [{"price": 5, "engraving": "Ann"}, {"price": 6}]}

    kept = rules.taken(track("order_completed", sent)).event.properties

    assert kept == {"order_id": "o1", "shipping": {"city": "Bonn"}, "products": [{"price": 5}, {"price": 6}]}


def test_traits_are_checked_and_personal_ones_stay_on_the_profile_alone(rules):
    raw = {"type": "identify", "userId": "u1", "traits": {"age": 30, "income": 5, "city": None}}
    heard = rules.taken(parse(raw, NOW, random_id, hashed_id))

    assert (heard.traits["income"], heard.event.properties) == (5, {"age": 30})
    assert refusal(rules, parse({**raw, "traits": {"age": "old"}}, NOW, random_id, hashed_id)) == ("invalid", "age: is text; a whole number is wanted")


def test_the_rest_of_a_batch_is_taken_whatever_its_neighbours_are(rules):
    store = MemoryStore()
    ingest = Ingest(store, Identities(store), random_id, hashed_id, rules=lambda: rules)
    batch = [{"type": "track", "userId": "u1", "event": event, "properties": properties} for event, properties in (("order_completed", ORDER), ("order_completed", {}), ("nope", {}))]

    receipt = receipt_json(asyncio.run(ingest.take(batch, NOW)))

    assert (receipt["accepted"], [(each["index"], each["reason"]) for each in receipt["rejected"]]) == (1, [(1, "invalid"), (2, "unknown_type")])


MISTAKES = [
    ("events: {Order Completed: {}}\n", "rules/shop.yaml:21 events.Order Completed: is no usable id"),
    ("events: {Order: {}}\n", "rules/shop.yaml:21 events.Order: is no name that events compare by; order: lower-cased, every other character an underscore"),
    ("events: {order: {requird: [a]}}\n", 'rules/shop.yaml:21 events.order.requird: unknown key "requird"; did you mean "required"?'),
    ('events: {"*": {undeclared: deny}}\n', 'rules/shop.yaml:21 events.*.undeclared: no answer "deny"'),
    ("events:\n  order:\n    schema:\n      properties:\n        a: {typ: string}\n", 'rules/shop.yaml:25 events.order.schema.properties.a.typ: is not available; did you mean "type"?'),
    ("events: {order: {schema: {type: text}}}\n", "rules/shop.yaml:21 events.order.schema.type: is none of string, number"),
    ("events: {order: {required: [a..b]}}\n", "rules/shop.yaml:21 events.order.required[0]: 'a..b' is no dotted path"),
    ("events: {order: {required: [a], samples: [{b: 1}]}}\n", "rules/shop.yaml:21 events.order.samples[0]: would be refused: a: is missing"),
    ("events: {order: {required: [a], refuses: [{a: 1}]}}\n", "rules/shop.yaml:21 events.order.refuses[0]: would be accepted"),
    ("events: {order: {versions: {2: {schema: []}}}}\n", "rules/shop.yaml:21 events.order.versions.2.schema: is a list"),
]


@pytest.mark.parametrize("section,told", MISTAKES)
def test_a_mistake_in_the_section_is_named_where_it_stands(tmp_path, section, told):
    problems = [str(problem) for problem in inspect(write_shop(tmp_path, RULES + section))[1]]

    assert any(problem.startswith(told) for problem in problems), problems


def test_an_event_of_a_test_that_would_be_refused_fails_that_test(tmp_path):
    tests = "tests: [{name: a test, given: {events: [{event: order_completed, ago: 1h}]}, expect: {}}]\n"
    problems = check(write_shop(tmp_path, RULES + EVENTS + tests), NOW)

    assert any("'a test': given.events[0]: order_completed would be refused: order_id: is missing" in str(problem) for problem in problems), problems


def test_the_published_schema_takes_the_section():
    node = parse_yaml((RULES + EVENTS).encode(), "x.yaml", [])

    assert fits(node.plain(), schemas()["rules"])
