"""What an ONNX file may name, and what is refused before the runtime sees it."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper

from app.adapters.onnx_file import refuse_foreign
from app.errors import ModelUnavailable
from tests.made_models import EXTERNALS, identity, linear, made, node, tensor, value, with_external


def refusal(data: bytes) -> ModelUnavailable:
    with pytest.raises(ModelUnavailable) as refused:
        refuse_foreign(data)
    return refused.value


def operator(name: str, domain: str) -> bytes:
    return made([helper.make_node(name, ["x"], ["y"], domain=domain)], [value("x")], [value("y")])


@pytest.mark.parametrize("where", EXTERNALS)
def test_data_in_other_files_are_refused_wherever_they_are_named(where):
    found = refusal(with_external(where))

    assert (found.code, "external data" in found.message) == ("external", True)


def test_an_operator_of_somebody_elses_is_refused_by_name():
    found = refusal(operator("Oracle", "acme.ml"))

    assert found.code == "operator"
    assert found.message == "needs the operator acme.ml.Oracle: custom operators are not loaded, only those of ai.onnx, ai.onnx.ml, com.microsoft"


def test_an_operator_of_somebody_elses_is_found_inside_a_branch_too():
    branch = helper.make_graph([helper.make_node("Oracle", ["x"], ["t"], domain="acme.ml")], "inner", [], [value("t", shape=None)])
    data = made([node("If", "c", "y", then_branch=branch, else_branch=branch)], [value("x")], [value("y")], [tensor("c", 1, kind=9)])

    assert refusal(data).code == "operator"


def test_functions_that_the_file_defines_itself_are_its_own():
    function = helper.make_function("acme", "Same", ["a"], ["b"], [node("Identity", "a", "b")], [helper.make_opsetid("", 17)])
    data = made([helper.make_node("Same", ["x"], ["y"], domain="acme")], [value("x")], [value("y")], functions=[function], acme=1)

    refuse_foreign(data)


def test_a_long_list_of_numbers_in_an_attribute_hides_nothing():
    weights = helper.make_node("Constant", [], ["w"], value_floats=[float(i) for i in range(5_000)])
    hidden = helper.make_node("Constant", [], ["v"], value=helper.make_tensor("v", 1, [1], [1.0]))
    hidden.attribute[0].t.data_location = 1
    data = made([weights, hidden, node("Identity", "x", "y")], [value("x")], [value("y")])

    assert refusal(data).code == "external"


@pytest.mark.parametrize("data", [b"", b"not a model", identity()[:-3], linear(1.0)[:40], b"\x18\x00\x00\x00ORTM" + b"\x00" * 60, b"\xff" * 30, b"\x3a\x7f\x0a"])
def test_what_is_no_onnx_file_is_refused(data):
    assert refusal(data).code == "load"


def test_names_that_only_look_like_external_data_are_none():
    weight = numpy_helper.from_array(np.array([1.0], np.float32), "external_data location")
    data = made([helper.make_node("Add", ["x", "external_data location"], ["y"])], [value("x")], [value("y")], [weight])

    refuse_foreign(data)
