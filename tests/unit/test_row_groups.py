"""Rows of a group, wherever they stand, become one event."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.import_groups import Groups
from app.formats.row_reading import Reading
from app.formats.rows import EventNamed, Rejected, RowMap

COLUMNS = ("invoice", "who", "at", "product_id", "quantity", "price")
NOW = 1_700_000_000_000


def line(invoice: Any, product: str, quantity: Any = "1", price: Any = "1.5", who: str = "u", at: str = "2023-01-02") -> tuple[Any, ...]:
    return invoice, who, at, product, quantity, price


def grouped(*rows: tuple[Any, ...]) -> list[Any]:
    names = {name: name for name in COLUMNS[3:]}
    reading = Reading(RowMap((EventNamed(None, "order"),), "who", "at", group_by="invoice", properties=names), COLUMNS, "f.csv", NOW, typed=False)
    return list(Groups(reading.events(enumerate(rows, 1)), "invoice", 0))


def properties(*rows: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [each[1].event.properties for each in grouped(*rows)]


def test_rows_of_one_group_are_one_event_wherever_they_stand():
    found = grouped(line("1", "a"), line("2", "b"), line("1", "c", "2"))

    assert sorted([number, [product["product_id"] for product in heard.event.properties["products"]]] for number, heard, _ in found) == [[1, ["a", "c"]], [2, ["b"]]]


def test_the_rows_of_a_group_are_kept_in_the_order_of_the_file():
    assert [product["product_id"] for product in properties(*(line("1", f"p{i}") for i in range(50)))[0]["products"]] == [f"p{i}" for i in range(50)]


def test_a_group_is_what_its_first_row_is():
    found = grouped(line("1", "a", at="2023-01-05"), line("1", "b", at="2023-01-02"))

    assert (found[0][0], found[0][1].event.at) == (1, 1_672_876_800_000)


def test_one_number_of_two_people_is_two_events():
    assert len(grouped(line("1", "a", who="u"), line("1", "b", who="v"))) == 2


def test_the_total_is_price_times_quantity_exactly():
    assert properties(line("1", "a", "3", "0.10"), line("1", "b", "-1", "0.20"), line("1", "c", "", "2"))[0]["total"] == 2.1


def test_rows_without_prices_have_no_total():
    assert "total" not in properties(line("1", "a", "3", ""))[0]


def test_a_row_of_no_group_is_rejected():
    assert grouped(line("", "a")) == [Rejected(1, "no invoice", line("", "a"))]


def test_rows_that_are_rejected_come_first_in_the_order_of_the_file():
    found = grouped(line("1", "a"), line("2", "b", at="x"), line("1", "c", at="y"))

    assert [each.number for each in found[:2]] == [2, 3]


def test_a_group_that_is_too_large_is_rejected_with_all_its_rows():
    found = grouped(*(line("1", "x" * 1_000) for _ in range(100)))

    assert (found[0].reason, len(found[0].row)) == ("105,634 bytes of properties; at most 60,000", 100)


@pytest.mark.parametrize("invoice", ["1", 1, "ß" * 100])
def test_a_group_may_be_named_by_any_cell(invoice):
    assert len(grouped(line(invoice, "a"), line(invoice, "b"))) == 1
