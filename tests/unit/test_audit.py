"""What an audit finds, and that its page says it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from app.cli.audit import spark
from app.domain.event import ID_BYTES, Event, Identity
from app.domain.history import History
from app.domain.profile import Profile
from app.domain.traits import Trait
from app.learning.records import cleaned
from app.reports.audit_page import bars, columns, last_months, page
from app.reports.profiles import Audit, Auditor, contradictions, misfit

NOW, DAY = 1_760_000_000_000, 86_400_000  # 2025-10-09
TRAITS = {
    "first": Trait("first", "given_name"), "last": Trait("last", "family_name"), "born": Trait("born", "date"), "email": Trait("email", "email"),
    "age": Trait("age", "number", range=(0, 120)), "tier": Trait("tier", "text", values=("gold", "silver")), "card": Trait("card", "id", exclusive=True),
}


def person(key: str, *events: Event, identities: tuple[Identity, ...] = (), **traits: object) -> Profile:
    return Profile("u:" + key, History.of(events), traits, identities=identities, known=True)


def event(i: int, at: int, name: str = "product_viewed") -> Event:
    return Event(name, at, i.to_bytes(ID_BYTES, "big"))


def audited(*people: Profile) -> Audit:
    auditor = Auditor(TRAITS, lambda value, trait: cleaned(value, trait.kind), NOW)
    for each in people:
        auditor.see(each)
    return auditor.audit()


def test_people_who_agree_in_what_tells_people_apart_are_duplicates():
    named = {"first": "Ann", "last": "Lee", "born": "1980-01-02"}

    found = audited(person("a", **named), person("b", first="ANN ", last="lee", born="19800102"), person("c", card="1"), person("d", card="1"), person("e", first="Ann"))

    assert [(each.traits, each.people) for each in found.duplicates] == [(("card",), ("c", "d")), (("first", "last", "born"), ("a", "b"))]


def test_people_are_told_apart_by_when_they_were_last_heard_of():
    found = audited(person("a", event(1, NOW - 31 * DAY), event(2, NOW - 400 * DAY)), person("b", event(3, NOW - 400 * DAY)), person("c"), person("d", event(4, NOW)))

    assert found.stale == {"up to 30 days": 1, "up to 90 days": 1, "up to 180 days": 0, "up to 365 days": 0, "over 365 days": 1, "no event": 1}


@pytest.mark.parametrize(("trait", "value", "what"), [
    ("age", 130, "is not between 0 and 120"), ("age", "30", "is not between 0 and 120"), ("age", 30, ""), ("tier", "iron", "is none of the values that there are"),
    ("born", "yesterday", "is no date"), ("born", "1980-01-02", ""), ("born", "19800102", ""), ("email", "ann", "is no address"), ("card", [1], "is no text"), ("age", None, ""),
])
def test_a_value_that_cannot_be_is_found(trait, value, what):
    assert misfit(value, TRAITS[trait]) == what


@pytest.mark.parametrize(("found", "trait", "what"), [
    (person("a", born="2031-01-01"), "born", "lies ahead"), (person("a", event(1, NOW - 900 * DAY), born="2025-01-01"), "born", "is later than the first event"),
    (person("a", first_name="Ann", firstName="Bea"), "first_name", "says something else than firstName"),
    (person("a", identities=(Identity("email", "a@b.example"),), email="x@y.example"), "email", "is no address that the person is known by"),
])
def test_what_does_not_go_together_is_found(found, trait, what):
    assert contradictions(found, TRAITS, NOW) == [(trait, what)]


def test_events_grow_by_type_and_month():
    found = audited(person("a", event(1, NOW), event(2, NOW - 40 * DAY), event(3, NOW, "order_completed")))

    assert found.growth == {"product_viewed": {"2025-10": 1, "2025-08": 1}, "order_completed": {"2025-10": 1}}
    assert last_months(found.growth)[0::11] == ["2024-11", "2025-10"]


def test_the_page_names_who_and_never_a_value():
    text = page(audited(person("<b>", first="Secretname", last="x", born="1980-01-02"), person("b", first="Secretname", last="x", born="1980-01-02"), person("c", tier="iron")))

    assert "&lt;b&gt;, b" in text
    assert "is none of the values that there are" in text
    assert "Secretname" not in text
    assert "iron" not in text


def test_plots_are_drawings_that_scale_with_the_largest():
    drawn = [ElementTree.fromstring(text).findall("rect") for text in (bars({"a": 5, "b": 10}), columns([1, 0, 2], "x"))]

    assert [float(rect.attrib["width"]) for rect in drawn[0]] == [210, 420]
    assert [float(rect.attrib["height"]) for rect in drawn[1]] == [17, 0, 34]


def test_small_columns_show_that_there_is_something():
    assert spark([0, 1, 50, 100]) == " ▁▄█"
