"""What the rows of a table mean: people, instants, numbers, events."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.catalogue.items import parse_item
from app.domain.event import hashed_id
from app.formats.row_conditions import ColumnTest, Combined
from app.formats.row_reading import Reading, row_id
from app.formats.rows import EventNamed, Rejected, RowMap, Unread

NOW = 1_700_000_000_000
COLUMNS = ("who", "at", "what", "amount")
SEEN = (EventNamed(None, "seen"),)
BY_COLUMN = (EventNamed(None, "what", column=True),)


def reading(map: RowMap, columns: tuple[str, ...] | None = COLUMNS, *, typed: bool = False) -> Reading:
    return Reading(map, columns, "f.csv", NOW, typed=typed)


def events(*rows: Any, events: tuple[EventNamed, ...] = SEEN, columns: tuple[str, ...] | None = COLUMNS, typed: bool = False, **more: Any) -> list[Any]:
    """What comes of these rows: heard, or the reason."""
    found = reading(RowMap(events, "who", "at", **more), columns, typed=typed).events(enumerate(rows, 1))
    return [each.reason if isinstance(each, Rejected) else each[1] for each in found]


def at(text: Any, **more: Any) -> Any:
    return events(("u", text, "", ""), **more)[0]


@pytest.mark.parametrize("text,instant", [
    ("2023-01-02T03:04:05Z", "2023-01-02T03:04:05+00:00"), ("2023-01-02 03:04:05.5", "2023-01-02T03:04:05.500+00:00"),
    (" 2023-01-02 ", "2023-01-02T00:00:00+00:00"), ("2023-01-02T03:04:05+02:00", "2023-01-02T01:04:05+00:00"),
    ("1672628645", "2023-01-02T03:04:05+00:00"), ("1672628645000", "2023-01-02T03:04:05+00:00"), (1672628645, "2023-01-02T03:04:05+00:00"),
    (datetime(2023, 1, 2, 3, 4, 5), "2023-01-02T03:04:05+00:00"),
])
def test_an_instant_is_read_from_iso_text_dates_and_seconds_or_milliseconds(text, instant):
    assert at(text).event.at == datetime.fromisoformat(instant).timestamp() * 1000


def test_a_timestamp_without_a_zone_is_told_in_that_of_the_map():
    assert at("2023-07-01 12:00:00", zone=ZoneInfo("Europe/Berlin")).event.at == datetime.fromisoformat("2023-07-01T10:00:00Z").timestamp() * 1000


def test_a_timestamp_is_read_in_the_format_of_the_map_and_no_other():
    assert (at("02/01/2023 3:04", format="%d/%m/%Y %H:%M").event.at, at("2023-01-02", format="%d/%m/%Y")) == (1_672_628_640_000, "at is no instant")


@pytest.mark.parametrize("text", ["", "yesterday", "20230102", "2023-13-01", "-5", "1969-12-31", "2101-01-01", None, True, "1" * 50])
def test_what_is_no_instant_rejects_the_row(text):
    assert at(text) == "at is no instant"


def test_a_row_more_than_a_day_ahead_of_the_clock_is_rejected():
    assert at("2024-01-01") == "at is more than 24 h ahead of the clock"


@pytest.mark.parametrize("cell,who", [("u1", "u1"), (" u1 ", "u1"), (17, "17"), (17.0, "17"), ("17850.0", "17850.0"), ("email:A@b.c", "email:a@b.c"), ("a:b", "a:b")])
def test_a_person_is_known_by_a_user_id_or_by_the_kind_before_the_colon(cell, who):
    assert str(events((cell, "2023-01-02", "", ""))[0].who) == who


def test_ids_are_of_the_kind_that_the_map_says():
    assert str(events((" A@b.c", "2023-01-02", "", ""), kind="email")[0].who) == "email:a@b.c"


@pytest.mark.parametrize("cell", ["", None, "  "])
def test_a_row_of_nobody_is_rejected(cell):
    assert events((cell, "2023-01-02", "", "")) == ["no who"]


def test_an_id_that_cannot_be_one_is_rejected_with_the_rule():
    assert events(("u\x00", "2023-01-02", "", "")) == ["who: an id of 1 to 256 bytes without control characters"]


@pytest.mark.parametrize("text,value", [
    ("7", 7), ("-1.50", -1.5), (" 3 ", 3), ("0", 0), ("0.5", 0.5), ("1e3", 1000), ("Lamp", "Lamp"), ("nan", "nan"), ("1,5", "1,5"), ("9" * 70, "9" * 70), ("A" * 200, "A" * 200),
])
def test_text_that_is_a_number_is_one(text, value):
    assert events(("u", "2023-01-02", "", text), properties={"p": "amount"})[0].event.properties == {"p": value}


@pytest.mark.parametrize("decimal,text,value", [(",", "1.234,50", 1234.5), (",", "2,5", 2.5), (".", "1,234.50", 1234.5)])
def test_grouped_digits_are_a_number_where_the_map_says_which_mark_is_which(decimal, text, value):
    assert events(("u", "2023-01-02", "", text), properties={"p": "amount"}, decimal=decimal)[0].event.properties == {"p": value}


def test_texts_that_might_be_grouped_numbers_are_counted():
    read = reading(RowMap(SEEN, "who", "at", properties={"p": "amount"}))

    list(read.events(enumerate([("u", "2023-01-02", "", text) for text in ("1,50", "1,50", "2,50", "a,b")], 1)))

    assert read.cells.looks_grouped == {"p": 2}


def test_ids_and_names_stay_text():
    found = events(("u", "2023-01-02", "007", "008"), properties={"product_id": "what", "name": "amount"})

    assert found[0].event.properties == {"product_id": "007", "name": "008"}


@pytest.mark.parametrize("text", ["01234", "+4915112345678"])
def test_postcodes_and_telephone_numbers_stay_text(text):
    assert events(("u", "2023-01-02", "", text), properties={"p": "amount"})[0].event.properties == {"p": text}


def test_typed_cells_stay_what_they_are():
    assert events({"who": "u", "at": "2023-01-02", "n": "7", "m": 7, "d": [1]}, columns=None, typed=True)[0].event.properties == {"n": "7", "m": 7, "d": [1]}


def test_without_properties_in_the_map_every_other_column_is_one():
    assert events(("u", "2023-01-02", "Seen It", "2"), events=BY_COLUMN)[0].event.properties == {"amount": 2}


def test_empty_cells_are_no_properties():
    assert events(("u", "2023-01-02", "", None))[0].event.properties == {}


def test_an_event_is_named_by_a_column_as_events_are_compared():
    assert events(("u", "2023-01-02", "Order Completed", ""), events=BY_COLUMN)[0].event.name == "order_completed"


@pytest.mark.parametrize("name", ["", None, "  ", "x" * 201])
def test_a_row_without_a_usable_name_of_an_event_is_rejected(name):
    assert events(("u", "2023-01-02", name, ""), events=BY_COLUMN) == ["no name of an event of 1 to 200 characters"]


def test_the_first_name_whose_condition_holds_is_the_event():
    names = (EventNamed(ColumnTest("what", "eq", "r"), "returned"), EventNamed(ColumnTest("what", "eq", "o"), "ordered"))

    found = events(*[("u", "2023-01-02", what, "") for what in "rox"], events=names)

    assert [found[0].event.name, found[1].event.name, found[2]] == ["returned", "ordered", "no event that the map names"]


def test_rows_that_the_map_rejects_are_rejected_with_its_reason():
    rule = (Combined("all", (ColumnTest("what", "eq", "x"), ColumnTest("amount", "lt", 0))), "given back")

    assert events(("u", "2023-01-02", "x", "-1"), rejects=(rule,)) == ["given back"]


def test_a_row_that_cannot_be_read_is_rejected_with_the_reason():
    assert events(Unread("2 cells where there are 4 columns")) == ["2 cells where there are 4 columns"]


def test_properties_of_more_than_60_000_bytes_are_rejected():
    assert events(("u", "2023-01-02", "x" * 70_000, "")) == ["70,013 bytes of properties; at most 60,000"]


def test_ids_come_from_their_column_and_else_from_file_number_and_row():
    row, other = ("u", "2023-01-02", "m1", ""), ("u", "2023-01-02", "", "")

    found = events(row, other, other, message_id="what")

    assert [each.event.id for each in found] == [hashed_id("m1"), row_id("f.csv", 2, other), row_id("f.csv", 3, other)]
    assert len({each.event.id for each in found}) == 3


def test_two_runs_over_the_same_rows_give_the_same_ids():
    rows = [("u", "2023-01-02", "a", str(i)) for i in range(3)]

    assert events(*rows) == events(*rows)


@pytest.mark.parametrize("row", [{"who": "u", "at": "2023-01-02", "n": 2**70}, {"who": "u", "at": "2023-01-02", "n": "\ud800"}])
def test_a_row_that_no_store_could_hold_is_rejected(row):
    assert events(row, columns=None, typed=True) == ["a number beyond 64 bits, or text that is not valid Unicode"]


def test_a_profile_s_row_merges_its_columns_as_traits_and_keeps_personal_ones_out_of_the_history():
    read = reading(RowMap(profile="who"), ("who", "email", "plan"))

    _, heard, _ = next(read.profiles([(1, ("u", "a@b.c", "gold"))]))

    assert (heard.kind, heard.event.at, heard.traits, heard.event.properties) == ("identify", NOW, {"email": "a@b.c", "plan": "gold"}, {"plan": "gold"})


def test_traits_of_a_profile_s_object_are_its_own_and_those_inside_traits():
    read = reading(RowMap(profile="id"), None, typed=True)

    _, heard, _ = next(read.profiles([(1, {"id": "u", "traits": {"a": 1, "b": 1}, "b": 2})]))

    assert heard.traits == {"a": 1, "b": 2}


def test_items_have_the_columns_as_fields_and_related_ones_between_bars():
    read = reading(RowMap(), ("id", "price", "related"))

    found = list(read.items([(1, ("007", "1.5", "a|b")), (2, ("x", "-1", ""))], parse_item))

    assert found[0][1] == {"id": "007", "price": 1.5, "related": ["a", "b"]}
    assert found[1] == Rejected(2, "the item cannot be taken: price must be a number, 0 or more", ("x", "-1", ""))
