"""The models of one version of the content."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.adapters.onnx_model import OnnxModel
from app.adapters.onnx_runtime import OnnxRuntime
from app.adapters.watchdog import Watchdog
from app.content.load import load
from app.errors import ModelUnavailable
from tests.made_models import card, identity, slow_for_great_numbers

ROOT = Path(__file__).parent.parent.parent
STARTER = load(ROOT).models


def runtime(folder: Path, data: bytes, verdict: str = "") -> OnnxRuntime:
    (folder / "made.onnx").write_bytes(data)
    return OnnxRuntime({"made": card("x")}, folder, Watchdog(), {"made": verdict})


@pytest.mark.parametrize("id", STARTER)
def test_the_starter_models_give_their_golden_rows(id):
    model = OnnxModel(STARTER[id], (ROOT / "models" / STARTER[id].file).read_bytes(), Watchdog())

    model.verify()

    assert len(STARTER[id].golden) >= 3


def test_a_sound_model_is_in_no_trouble(tmp_path):
    found = runtime(tmp_path, identity())

    assert (found.get("made").score((0.25,)), found.troubles()) == (0.25, {})


@pytest.mark.parametrize("data,verdict,why", [(b"broken", "", "no ONNX file"), (identity(), "killed the process that loaded it", "killed the process")])
def test_a_model_that_cannot_be_used_says_why_at_each_score(tmp_path, data, verdict, why):
    found = runtime(tmp_path, data, verdict)

    with pytest.raises(ModelUnavailable, match=why):
        found.get("made").score_table([(1.0,)])
    assert why in found.troubles()["made"]


def test_a_benched_model_is_in_trouble_for_a_while(tmp_path):
    found = runtime(tmp_path, slow_for_great_numbers())
    with pytest.raises(ModelUnavailable):
        found.get("made").score((1e12,))

    assert "benched" in found.troubles()["made"]


def test_an_unknown_model_is_none(tmp_path):
    assert runtime(tmp_path, identity()).get("other") is None
