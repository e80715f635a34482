"""Model files with bytes changed, cut and doubled: the child process says no or the model is harmless."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.adapters.onnx_canary import verdicts
from app.adapters.onnx_runtime import OnnxRuntime
from app.adapters.onnx_trial import unusual
from app.adapters.watchdog import Watchdog
from app.content.load import load
from app.domain.definitions import ModelCard
from app.errors import ModelUnavailable
from tests.made_models import FOUR, card, four_tensors, labels_and_probabilities, slow_for_great_numbers, zip_map

ROOT = Path(__file__).parent.parent.parent
STARTER = load(ROOT).models["buy_7d"]
SOUND: Sequence[tuple[ModelCard, bytes]] = (
    (STARTER, (ROOT / "models" / STARTER.file).read_bytes()), (card(*FOUR), four_tensors()), (card("x"), labels_and_probabilities()),
    (card("x"), zip_map(classlabels_int64s=[0, 1])), (card("x"), slow_for_great_numbers()),
)  # fmt: skip


def damaged(data: bytes, rng: random.Random) -> bytes:
    """One to eight changes: a byte or a bit, a piece cut out, doubled or overwritten, the end cut off."""
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        at, size = rng.randrange(len(data) + 1), rng.randrange(1, 16)
        head, piece, tail = data[:at], data[at : at + size], data[at + size :]
        data = rng.choice((
            head + bytes([rng.randrange(256)]) + data[at + 1 :],
            head + bytes(byte ^ 1 << rng.randrange(8) for byte in data[at : at + 1]) + data[at + 1 :],
            head + tail,
            head + piece + piece + tail,
            head + rng.choice((b"\xff", b"\x00", b"\x7f")) * size + tail,
            head,
        ))  # fmt: skip
    return data


def outcomes(folder: Path, count: int, seed: int) -> dict[str, int]:
    """How many damaged files were refused by the child, and how many it found sound, loaded and run here as it serves."""
    rng = random.Random(seed)
    cards: dict[str, ModelCard] = {}
    for number in range(count):
        of, data = SOUND[number % len(SOUND)]
        cards[f"m{number}"] = ModelCard(f"m{number}", f"m{number}.onnx", of.inputs, of.fallback, output_index=of.output_index, output_name=of.output_name)
        (folder / f"m{number}.onnx").write_bytes(damaged(data, rng))
    found = verdicts(cards, folder, folder / "kept", seconds=10)
    runtime = OnnxRuntime(cards, folder, Watchdog(), found)
    return {"refused": sum(map(bool, found.values())), "harmless": sum(harmless(runtime, cards[id]) for id, why in found.items() if not why)}


def harmless(runtime: OnnxRuntime, of: ModelCard) -> bool:
    try:
        return len(runtime.get(of.id).score_table(unusual(of))) == 120
    except ModelUnavailable:
        return True


def test_no_damaged_file_does_harm(tmp_path):
    found = outcomes(tmp_path, 25, seed=1)

    assert found["refused"] + found["harmless"] == 25
    assert found["refused"] > 5


@pytest.mark.long
def test_none_of_a_thousand_damaged_files_does_harm(tmp_path):
    found = outcomes(tmp_path, 1_000, seed=2)

    assert found["refused"] + found["harmless"] == 1_000
