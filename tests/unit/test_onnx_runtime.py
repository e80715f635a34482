"""Models as the server runs them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from app.adapters.onnx_canary import try_out, verdicts
from app.adapters.onnx_runtime import OnnxModel, OnnxRuntime, Watchdog
from app.content.load import load
from app.domain.definitions import Golden
from app.errors import ModelUnavailable

ROOT = Path(__file__).parent.parent.parent
CARD = load(ROOT).models["buy_7d"]
DATA = (ROOT / "models" / "buy_7d.onnx").read_bytes()


def model(**changes: object) -> OnnxModel:
    return OnnxModel(dataclasses.replace(CARD, **changes), DATA, Watchdog())


def test_a_sound_model_gives_its_golden_rows():
    model().verify()


def test_many_rows_score_as_one_by_one():
    rows = np.random.default_rng(1).random((300, 4), dtype=np.float32) * 100

    assert model().score_rows(rows) == pytest.approx([model().score(row) for row in rows[:3].tolist()] + model().score_rows(rows)[3:], abs=1e-6)


@pytest.mark.parametrize("changes,code", [
    ({"golden": (Golden((0, 0, 0, 0), 0.99),)}, "golden"), ({"output_range": (0.9, 1.0)}, "range"), ({"output_index": 7}, "shape"),
])
def test_a_model_that_is_not_what_its_card_says_is_refused(changes, code):
    with pytest.raises(ModelUnavailable) as refused:
        model(**changes).verify()

    assert refused.value.code == code


@pytest.mark.parametrize("changes", [{"inputs": CARD.inputs[:2]}, {"output_name": "nope"}])
def test_a_card_of_another_model_is_refused_at_load(changes):
    with pytest.raises(ModelUnavailable):
        model(**changes)


@pytest.mark.parametrize("data", [b"", b"not a model", DATA[: len(DATA) // 2], DATA + b"external_data"])
def test_a_damaged_file_is_refused(data):
    with pytest.raises(ModelUnavailable):
        OnnxModel(CARD, data, Watchdog())


def test_a_row_that_is_not_finite_leaves_no_score_that_is_not():
    assert all(np.isfinite(score) for score in model().score_rows(np.array([[np.nan, np.inf, 0, 0]], dtype=np.float32)))


def test_a_bad_model_leaves_the_last_good_one_in_place(tmp_path):
    good = OnnxRuntime({"buy_7d": CARD}, ROOT / "models", Watchdog(), {})
    (tmp_path / CARD.file).write_bytes(b"broken")

    after = OnnxRuntime({"buy_7d": CARD}, tmp_path, Watchdog(), {}, good)

    assert after.get("buy_7d") is good.get("buy_7d")
    assert "buy_7d" in after.problems


def test_a_model_that_the_child_process_refused_says_so_at_each_score():
    runtime = OnnxRuntime({"buy_7d": CARD}, ROOT / "models", Watchdog(), {"buy_7d": "killed the process that loaded it"})

    with pytest.raises(ModelUnavailable, match="killed the process"):
        runtime.get("buy_7d").score((0, 0, 0, 0))


def test_the_child_process_finds_a_sound_model_sound_and_remembers_it(tmp_path):
    first = verdicts({"buy_7d": CARD}, ROOT / "models", tmp_path)

    assert (first, len(list(tmp_path.glob("*.json")))) == ({"buy_7d": ""}, 1)


def test_a_model_that_hangs_the_child_process_is_refused():
    assert "within 0.01 s" in try_out(CARD, ROOT / "models" / CARD.file, seconds=0.01)
