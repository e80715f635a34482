"""One model: what it may read and give, and what becomes of answers that cannot be trusted."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from onnx import helper

from app.adapters.onnx_model import OnnxModel
from app.adapters.watchdog import Watchdog
from app.domain.conditions import Ref
from app.domain.definitions import Golden, Input, ModelCard
from app.errors import ModelUnavailable
from tests.made_models import (
    BOOL, DOUBLE, FOUR, I64, TEXT, card, column, four_tensors, identity, labels_and_probabilities, less_the_greatest, linear, made, node,
    slow_for_great_numbers, tensor, unary, value, zip_map,
)  # fmt: skip

WATCHDOG = Watchdog()


def load(data: bytes, of: ModelCard | None = None, **fields: Any) -> OnnxModel:
    return OnnxModel(of or card("x", **fields), data, WATCHDOG)


def refusal(work: Any, *args: Any) -> ModelUnavailable:
    with pytest.raises(ModelUnavailable) as refused:
        work(*args)
    return refused.value


# -- what goes in ------------------------------------------------------------------------------------------------------

ROW = ("DE", 3.0, 100.5, 1.0)


def test_several_named_tensors_each_get_their_column_in_their_type():
    assert load(four_tensors(), card(*FOUR)).score(ROW) == 1.0 + 3.0 + 100.5 + 1.0


def test_the_order_of_the_card_is_free_where_tensors_are_named():
    assert load(four_tensors(), card(*FOUR[::-1])).score(ROW[::-1]) == 105.5


def test_columns_that_name_the_same_tensor_lie_side_by_side_in_it():
    nodes = [node("ReduceSum", "numbers axis", "s", keepdims=1), node("Mul", "s factor", "y")]
    data = made(nodes, [value("numbers", shape=(None, 2)), value("factor")], [value("y")], [tensor("axis", 1, kind=I64)])
    of = card(column("a", "float", 0.0, "numbers"), column("f", "float", 0.0, "factor"), column("b", "float", 0.0, "numbers"))

    assert load(data, of).score_table([(1.0, 10.0, 2.0), (3.0, 1.0, 4.0)]) == [30.0, 7.0]


@pytest.mark.parametrize("kind,given,wanted", [(DOUBLE, 1e-9 + 1, 1e-9 + 1), (I64, 2.0**53 - 1, 2.0**53 - 1), (I64, 2.7, 2), (BOOL, 3.0, 1)])
def test_one_tensor_of_any_type_of_number_is_read_exactly(kind, given, wanted):
    model = load(identity(kind))

    assert (model.score((given,)), model.score_rows(np.array([[given]], model.dtype))) == (wanted, [wanted])


def test_one_tensor_of_texts_is_read():
    encoder = helper.make_node("LabelEncoder", ["x"], ["y"], domain="ai.onnx.ml", keys_strings=["DE"], values_floats=[1.0], default_float=0.0)
    data = made([encoder], [value("x", TEXT)], [value("y")])

    assert load(data, card(Input(Ref(("profile", "country")), "", "string"))).score_table([("DE",), ("\u2603",)]) == [1.0, 0.0]


def test_a_tensor_without_columns_holds_one_number_a_row():
    assert load(identity(shape=(None,))).score_table([(1.0,), (2.0,)]) == [1.0, 2.0]


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 9])
def test_a_fixed_batch_is_filled_up_and_what_fills_it_is_not_answered(rows):
    matrix = np.arange(rows, dtype=np.float32).reshape(-1, 1)

    assert load(identity(shape=(4, 1))).score_rows(matrix) == matrix[:, 0].tolist()


def test_named_tensors_of_a_fixed_batch_are_filled_up_too():
    data = made([node("Add", "a b", "y")], [value("a", shape=(2, 1)), value("b", shape=(2, 1))], [value("y", shape=(2, 1))])
    of = card(column("a", "float", 0.0), column("b", "float", 0.0))

    assert load(data, of).score_table([(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]) == [2.0, 4.0, 6.0]


def test_at_most_120_rows_are_scored_at_once_and_all_of_them_together():
    scores = load(less_the_greatest()).score_rows(np.arange(240, dtype=np.float32).reshape(-1, 1))

    assert (scores[0], scores[119], scores[120], scores[239]) == (-119.0, 0.0, -119.0, 0.0)


def test_a_number_that_a_tensor_cannot_hold_is_refused():
    assert refusal(load(identity(I64)).score, (1e300,)).code == "inputs"


@pytest.mark.parametrize("data,of,said", [
    (linear(1, 2, 3), card("a", "b"), "reads 3 columns, the card names 2"),
    (four_tensors(), card(*FOUR[:3]), "the card names country, spend, visits"),
    (four_tensors(), card("a", "b", "c", "d"), "the card names no tensors"),
    (four_tensors(), card(column("x", "float", 0.0, "country"), *FOUR[1:]), "country holds texts"),
    (identity(), card(column("x", "string", "")), "x holds numbers"),
    (identity(shape=(None, 1, 1)), card("x"), "3 dimensions"),
    (identity(shape=()), card("x"), "0 dimensions"),
    (identity(14, (None, 1)), card("x"), "complex"),
    (identity(), card(), "the card names no inputs"),
    (made([node("Constant", "", "y", value=tensor("c", 1.0))], [], [value("y")]), card("x"), "the model reads nothing"),
    (made([node("Concat", "a b", "y", axis=0)], [value("a", shape=(2, 1)), value("b", shape=(3, 1))], [value("y")]), card(column("a", "float", 0.0), column("b", "float", 0.0)), "2 and 3 rows"),
])  # fmt: skip
def test_a_card_that_does_not_fit_the_model_is_refused_at_load(data, of, said):
    found = refusal(load, data, of)

    assert said in found.message


# -- what comes out ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data,fields,score", [
    (identity(), {}, 0.25),
    (identity(shape=(None, 1), output=(None, 1)), {"output_index": 0}, 0.25),
    (identity(shape=(1, 1)), {}, 0.25),
    (made([node("Squeeze", "x", "y")], [value("x", shape=(1, 1))], [value("y", shape=())]), {}, 0.25),
    (made([node("Unsqueeze", "x axes", "y")], [value("x")], [value("y", shape=(None, 1, 1))], [tensor("axes", 2, kind=I64)]), {}, 0.25),
    (labels_and_probabilities(), {}, 0.25),
    (labels_and_probabilities(), {"output_index": 0}, 0.75),
    (labels_and_probabilities(), {"output_name": "label"}, 0.0),
    (zip_map(classlabels_int64s=[0, 1]), {}, 0.25),
    (zip_map(classlabels_int64s=[0, 1]), {"output_index": 0}, 0.75),
    (zip_map(classlabels_int64s=[1, 2]), {"output_index": 1}, 0.75),
    (zip_map(classlabels_int64s=[1, 2]), {"output_index": 0}, 0.75),
    (zip_map(classlabels_strings=["no", "yes"]), {}, 0.25),
    (zip_map(classlabels_strings=["no", "yes"]), {"output_index": 0}, 0.75),
    (zip_map(classlabels_strings=["no", "yes"]), {"output_index": "no"}, 0.75),
    (zip_map(classlabels_strings=["no", "yes"]), {"output_index": "yes"}, 0.25),
])  # fmt: skip
def test_the_score_is_found_in_whatever_shape_it_comes(data, fields, score):
    assert load(data, **fields).score((0.25,)) == pytest.approx(score)


@pytest.mark.parametrize("op,given", [("Log", -1.0), ("Log", 0.0), ("Exp", 1e4), ("Reciprocal", -0.0)])
def test_a_score_that_is_not_finite_is_refused(op, given):
    assert refusal(load(unary(op)).score, (given,)).code == "nan"


def test_one_bad_score_refuses_the_whole_batch():
    assert refusal(load(unary("Log")).score_rows, np.array([[1], [0], [2]], np.float32)).code == "nan"


def test_great_scores_whose_sum_is_beyond_a_float_are_finite():
    assert load(identity(DOUBLE)).score_table([(1.7e308,), (1.7e308,)]) == [1.7e308, 1.7e308]


@pytest.mark.parametrize("given", [-0.01, 1.01])
def test_a_score_out_of_the_range_is_refused(given):
    assert refusal(load(identity(), output_range=(0.0, 1.0)).score, (given,)).code == "range"


@pytest.mark.parametrize("given", [0.0, 1.0])
def test_the_ends_of_the_range_are_in_it(given):
    assert load(identity(), output_range=(0.0, 1.0)).score((given,)) == given


@pytest.mark.parametrize("data,fields", [
    (labels_and_probabilities(), {"output_index": 2}),
    (zip_map(classlabels_strings=["no", "yes"]), {"output_index": "maybe"}),
    (zip_map(classlabels_strings=["no", "yes"]), {"output_index": 5}),
    (made([node("Concat", "x x x", "y", axis=1)], [value("x")], [value("y", shape=(None, 3))]), {}),
    (made([node("Concat", "x x", "y", axis=0)], [value("x")], [value("y")]), {}),
    (made([node("ReduceSum", "x", "y", keepdims=0)], [value("x")], [value("y", shape=())]), {}),
    (made([node("Slice", "x from from", "y")], [value("x")], [value("y")], [tensor("from", 0, kind=I64)]), {}),
    (made([node("Cast", "x", "y", to=8)], [value("x")], [value("y", 8)]), {"output_name": "y"}),
])  # fmt: skip
def test_an_output_of_another_shape_is_refused(data, fields):
    assert refusal(load(data, **fields).score_table, [(1.0,), (2.0,)]).code == "shape"


@pytest.mark.parametrize("data,fields", [
    (made([node("Identity", "x", "a"), node("Identity", "x", "b")], [value("x")], [value("a"), value("b")]), {}),
    (identity(), {"output_name": "scores"}),
    (made([node("Cast", "x", "y", to=8)], [value("x")], [value("y", 8)]), {}),
])  # fmt: skip
def test_where_the_scores_stand_must_be_known_at_load(data, fields):
    assert refusal(lambda: load(data, **fields)).code == "output"


# -- golden rows and time ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [1.0, 1.00009, 0.99991])
def test_golden_rows_agree_within_a_ten_thousandth(told):
    load(identity(), golden=(Golden((1.0,), told),)).verify()


@pytest.mark.parametrize("told", [1.00011, 0.99989])
def test_golden_rows_that_differ_by_more_refuse_the_model(told):
    assert refusal(load(identity(), golden=(Golden((1.0,), told),)).verify).code == "golden"


def test_a_model_that_cannot_score_many_rows_at_once_is_refused_at_load():
    one_row = made([node("Reshape", "x one", "y")], [value("x")], [value("y", shape=(1, 1))], [tensor("one", 1, 1, kind=I64)])

    assert refusal(load(one_row).verify).code == "failed"


def test_a_run_that_takes_too_long_is_ended_and_the_model_benched():
    model = load(slow_for_great_numbers())

    codes = [refusal(model.score, (1e12,)).code, refusal(model.score, (1.0,)).code]

    assert (codes, model.benched) == (["slow", "benched"], True)


def test_one_slow_model_leaves_the_others_at_work():
    slow, other = load(slow_for_great_numbers()), load(identity())
    refusal(slow.score, (1e12,))

    assert other.score((0.25,)) == 0.25


def test_what_is_watched_in_one_thread_is_not_forgotten_for_another():
    watchdog = Watchdog()
    slow, quick = OnnxModel(card("x"), slow_for_great_numbers(), watchdog), OnnxModel(card("x"), identity(), watchdog)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(refusal(slow.score, (1e12,)).code))
    thread.start()
    scores = {quick.score((0.25,)) for _ in iter(thread.is_alive, False)}
    thread.join()

    assert (found, scores <= {0.25}, watchdog.runs) == (["slow"], True, {})


def test_scores_are_finite_numbers_of_python():
    assert [type(score) for score in load(identity()).score_table([(1.0,)])] == [float]
