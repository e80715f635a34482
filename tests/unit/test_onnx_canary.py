"""The child process that loads a model first: what it lets pass, and what it takes upon itself."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.adapters.onnx_canary import REFUSED_SECONDS, try_out, trying, verdicts
from app.adapters.onnx_trial import unusual
from app.domain.definitions import Golden, ModelCard
from tests.made_models import (
    FOUR, always_slow, card, four_tensors, identity, kills_its_process, kills_its_process_at, linear, never_loads, slow_for_great_numbers, unary,
    wants_memory, with_external,
)  # fmt: skip


def verdict(folder: Path, data: bytes, of: ModelCard | None = None, seconds: float = 20.0, **fields: Any) -> str:
    (folder / "made.onnx").write_bytes(data)
    return try_out(of or card("x", **fields), folder / "made.onnx", seconds)


@pytest.mark.parametrize("data,of", [(identity(), card("x")), (four_tensors(), card(*FOUR)), (linear(1, 2), card("a", "b", golden=(Golden((1, 1), 3.0),)))])
def test_a_sound_model_passes(tmp_path, data, of):
    assert verdict(tmp_path, data, of) == ""


def test_a_model_that_kills_its_process_kills_the_child_alone(tmp_path):
    assert verdict(tmp_path, kills_its_process()) == "killed the process that loaded it (signal 8)"


@pytest.mark.parametrize("number", [0, 1, 1_000, -1_000])
def test_a_model_that_dies_of_an_unusual_number_dies_in_the_child(tmp_path, number):
    assert "signal 8" in verdict(tmp_path, kills_its_process_at(number), of=card("x"))


def test_a_model_that_never_finishes_loading_is_given_up(tmp_path):
    assert verdict(tmp_path, never_loads(), seconds=2) == "did not load and answer within 2 s"


def test_a_model_that_wants_more_memory_than_there_is_for_it_is_refused(tmp_path):
    assert "Failed to allocate memory" in verdict(tmp_path, wants_memory())


@pytest.mark.parametrize("products", [20, 1_000])
def test_a_model_that_is_always_slow_never_comes_to_serve(tmp_path, products):
    assert re.search(r"at most 0\.1 s|terminate", verdict(tmp_path, always_slow(products)))


def test_a_model_that_is_slow_for_some_rows_passes_and_is_watched_when_it_serves(tmp_path):
    assert verdict(tmp_path, slow_for_great_numbers()) == ""


@pytest.mark.parametrize("data,fields,said", [
    (identity(), {"golden": (Golden((1.0,), 2.0),)}, "golden row [1.0] gives 1.000000, the card says 2.0"),
    (unary("Log"), {}, "a score that is not finite"),
    (with_external("subgraph"), {}, "external data"),
    (b"not a model", {}, "no ONNX file"),
    (linear(1, 2), {}, "reads 2 columns, the card names 1"),
])
def test_what_is_wrong_is_said_in_words(tmp_path, data, fields, said):
    assert said in verdict(tmp_path, data, **fields)


def test_every_kind_of_number_is_among_the_unusual_rows():
    numbers = {row[0] for row in unusual(card("x"))}

    assert {0.0, -1.0, 1.0, 1e18, -1e18, 0.001} <= numbers
    assert {row[0] for row in unusual(card(*FOUR))} > {"", "\u2603"}


def test_a_sound_verdict_is_remembered(tmp_path):
    (tmp_path / "made.onnx").write_bytes(identity())
    first = verdicts({"made": card("x")}, tmp_path, tmp_path / "kept")
    kept = next((tmp_path / "kept").glob("*.json")).stat().st_mtime_ns

    again = verdicts({"made": card("x")}, tmp_path, tmp_path / "kept")

    assert (first, again, next((tmp_path / "kept").glob("*.json")).stat().st_mtime_ns) == ({"made": ""}, {"made": ""}, kept)


def test_of_models_that_are_tried_together_each_gets_what_it_would_get_alone(tmp_path):
    made = {"sound": identity(), "deadly": kills_its_process(), "after": identity(), "wrong": linear(1, 2)}
    for name, data in made.items():
        (tmp_path / f"{name}.onnx").write_bytes(data)

    found = verdicts({name: replace(card("x"), id=name, file=f"{name}.onnx") for name in made}, tmp_path, tmp_path / "kept")

    assert (found["sound"], found["deadly"], found["after"]) == ("", "killed the process that loaded it (signal 8)", "")
    assert (list(found), "reads 2 columns" in found["wrong"]) == (list(made), True)


def test_models_that_nobody_waits_for_are_given_up(tmp_path):
    (tmp_path / "made.onnx").write_bytes(never_loads())

    with trying({"a": card("x"), "b": card("x", golden=(Golden((1.0,), 1.0),))}, tmp_path, tmp_path / "kept"):
        pass

    assert list((tmp_path / "kept").iterdir()) == []


def test_another_card_is_tried_anew(tmp_path):
    (tmp_path / "made.onnx").write_bytes(identity())
    verdicts({"made": card("x")}, tmp_path, tmp_path / "kept")

    assert "golden" in verdicts({"made": card("x", golden=(Golden((1.0,), 2.0),))}, tmp_path, tmp_path / "kept")["made"]


def test_a_refusal_is_looked_at_again_after_an_hour(tmp_path):
    (tmp_path / "made.onnx").write_bytes(linear(1, 2))
    verdicts({"made": card("x")}, tmp_path, tmp_path / "kept")
    kept = next((tmp_path / "kept").glob("*.json"))
    kept.write_text('"it was the machine"')
    remembered = verdicts({"made": card("x")}, tmp_path, tmp_path / "kept")
    os.utime(kept, times=(time.time() - REFUSED_SECONDS - 1,) * 2)

    anew = verdicts({"made": card("x")}, tmp_path, tmp_path / "kept")

    assert (remembered["made"], "reads 2 columns" in anew["made"]) == ("it was the machine", True)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    assert verdicts({"made": card("x")}, tmp_path, tmp_path / "kept") == {"made": "cannot be read: No such file or directory"}
