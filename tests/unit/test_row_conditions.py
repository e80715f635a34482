"""Conditions over the columns of a table."""

from __future__ import annotations

import pytest

from app.formats.row_conditions import OPERATORS, ColumnTest, Combined, bind


def holds(operator: str, value: object, cell: object) -> bool:
    return bind(ColumnTest("c", operator, value), {"c": 0})((cell,))


@pytest.mark.parametrize("operator,value,cell,want", [
    ("eq", "a", "a", True), ("eq", "a", "b", False), ("eq", 7, "7.0", True), ("eq", 7, 7, True), ("eq", 7, "x", False), ("eq", True, "true", True), ("eq", False, False, True),
    ("ne", "a", "b", True), ("ne", 7, "8", True), ("gt", 7, "8", True), ("gt", 7, "7", False), ("gte", 7, "7", True), ("lt", 0, "-1", True), ("lte", 0, " 0 ", True),
    ("lt", "2011-01-01", "2010-12-31 10:00", True), ("gt", 7, "x", False), ("in", ["a", 7], "7", True), ("in", ["a"], "b", False), ("not_in", ["a"], "b", True),
    ("contains", "am", "Lamp", True), ("not_contains", "am", "Cup", True), ("starts_with", "C", "C123", True), ("starts_with", "C", "123", False), ("ends_with", "3", 123, True),
    ("matches", "^C[0-9]+$", "C12", True), ("matches", "^C", "12", False), ("exists", True, "x", True), ("exists", False, "x", False), ("exists", True, 0, True),
])
def test_an_operator_compares_a_cell_as_what_it_is_compared_with(operator, value, cell, want):
    assert holds(operator, value, cell) is want


@pytest.mark.parametrize("cell", ["", None])
@pytest.mark.parametrize("operator", [operator for operator in OPERATORS if operator != "exists"])
def test_of_an_empty_cell_only_that_it_is_empty_holds(operator, cell):
    assert (holds(operator, ["x"] if operator in ("in", "not_in") else "x", cell), holds("exists", False, cell)) == (False, True)


@pytest.mark.parametrize("how,want", [("all", [True, False, False]), ("any", [True, True, False]), ("not", [False, False, True])])
def test_conditions_combine(how, want):
    both = bind(Combined(how, (ColumnTest("a", "eq", "1"), ColumnTest("b", "eq", "1"))), {"a": 0, "b": 1})

    assert [both(row) for row in (("1", "1"), ("1", "2"), ("2", "2"))] == want
