"""Tensors of the Open Inference Protocol become the rows of a card, or a message says what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import RequestInvalid
from app.web.tensors import outputs_of, rows_of, tensors_of
from tests.made_models import FOUR, card

TWO = card("x", "y")
MIXED = card(*FOUR)


def tensor(**changed: Any) -> dict[str, Any]:
    return {"name": "inputs", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4], **changed}


def mixed(**changed: Any) -> list[dict[str, Any]]:
    given = {"country": ("BYTES", ["DE"]), "visits": ("INT64", [3]), "spend": ("FP32", [1.5]), "member": ("BOOL", [True])}
    return [{"name": name, "datatype": kind, "shape": [len(data)], "data": data} for name, (kind, data) in (given | changed).items()]


def test_a_card_without_tensors_reads_one_that_is_called_inputs():
    assert [each.plain for each in tensors_of(TWO)] == [{"name": "inputs", "datatype": "FP32", "shape": [-1, 2]}]


def test_each_tensor_of_a_card_has_its_type():
    assert [(each.name, each.datatype) for each in tensors_of(MIXED)] == [("country", "BYTES"), ("visits", "INT64"), ("spend", "FP32"), ("member", "BOOL")]


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]], ids=["flat", "rows"])
def test_values_are_read_row_by_row(data):
    assert rows_of([tensor(data=data)], TWO) == [[1.0, 2.0], [3.0, 4.0]]


def test_what_is_null_is_the_card_s_default():
    assert rows_of(mixed(country=("BYTES", [None])), MIXED) == [["", 3.0, 1.5, 1.0]]


@pytest.mark.parametrize("changed,why", [
    ({"name": "numbers"}, "inputs[0].name: an input of made: expected one of inputs, or profile alone, given 'numbers'"),
    ({"datatype": "FP64"}, "inputs[0].datatype: input 'inputs': expected datatype FP32, given 'FP64'"),
    ({"shape": [2, 3]}, "inputs[0].shape: input 'inputs': expected shape [rows, 2], given [2, 3]"),
    ({"shape": [-1, 2]}, "expected shape [rows, 2], given [-1, 2]"),
    ({"shape": None}, "expected shape [rows, 2], given nothing"),
    ({"shape": [0, 2], "data": []}, "expected 1 to 1,200 rows, given 0"),
    ({"shape": [1201, 2]}, "expected 1 to 1,200 rows, given 1,201"),
    ({"data": [1, 2, 3]}, "inputs[0].data: input 'inputs': expected 4 values for shape [2, 2], given 3"),
    ({"data": [1, 2, 3, "4"]}, "inputs[0].data[3]: input 'inputs': expected a number (or null for what is absent), given '4'"),
    ({"data": [1, 2, 3, True]}, "expected a number (or null for what is absent), given True"),
    ({"data": [1, 2, 3, 1e39]}, "expected a number (or null for what is absent), given 1e+39"),
    ({"data": "1234"}, "expected a list of values, row by row, given '1234'"),
])  # fmt: skip
def test_what_is_wrong_with_a_tensor_names_the_input_what_is_expected_and_what_was_given(changed, why):
    with pytest.raises(RequestInvalid) as refused:
        rows_of([tensor(**changed)], TWO)

    assert why in refused.value.message


@pytest.mark.parametrize("inputs,why", [
    (None, "a list of tensors"), ([], "a list of tensors"), ([3], "expected one of inputs"), ([tensor(), tensor()], "expected each input once"),
])  # fmt: skip
def test_inputs_that_are_none_are_refused(inputs, why):
    with pytest.raises(RequestInvalid) as refused:
        rows_of(inputs, TWO)

    assert why in refused.value.message


@pytest.mark.parametrize("inputs,why", [
    (mixed()[:3], "none that is called member"), (mixed(spend=("FP32", [1, 2])), "as many rows in every input, given 1 in country, 1 in visits, 2 in spend, 1 in member"),
    (mixed(visits=("INT64", [1.5])), "expected a whole number"), (mixed(member=("BOOL", [1])), "expected true or false"), (mixed(country=("BYTES", [1])), "expected a text"),
])  # fmt: skip
def test_several_tensors_have_to_be_there_and_to_agree(inputs, why):
    with pytest.raises(RequestInvalid) as refused:
        rows_of(inputs, MIXED)

    assert why in refused.value.message


def test_outputs_that_are_not_asked_for_are_left_out():
    assert outputs_of([{"name": "fallback"}], ["score", "fallback"]) == ["fallback"]
    assert outputs_of(None, ["score", "fallback"]) == ["score", "fallback"]


@pytest.mark.parametrize("asked,why", [("score", "a list of {name}"), ([{"name": "logits"}], "expected one of score, fallback, given 'logits'")])
def test_outputs_that_do_not_exist_are_refused(asked, why):
    with pytest.raises(RequestInvalid) as refused:
        outputs_of(asked, ["score", "fallback"])

    assert why in refused.value.message
