"""What the child process does with models: `python -m app.adapters.onnx_trial SECONDS`, cards and files pickled on stdin, a line for each on stdout.

A model must load, give its golden rows, be quick enough, and outlive rows as no person has them.
"""

from __future__ import annotations

import pickle
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from app.adapters.onnx_canary import SOUND, TABLES
from app.adapters.onnx_feeds import MAX_ROWS
from app.adapters.onnx_model import BUDGET_SECONDS, WARM_SECONDS, OnnxModel
from app.adapters.tree_model import TreeModel
from app.adapters.watchdog import Watchdog
from app.domain.definitions import ModelCard
from app.errors import ModelUnavailable

MEMORY = 4 << 30

Row = list[float | str]


def main(seconds: float) -> None:
    """`seconds` is what each model may take, 0 as long as it likes: the process ends where one takes longer."""
    with suppress(ValueError, OSError):  # not every system bounds memory
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    models: list[tuple[ModelCard, Path]] = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 (from our own parent)
    for card, path in models:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        print(tried(card, path), flush=True)


def tried(card: ModelCard, path: Path) -> str:
    """`SOUND`, `TABLES`, or in one line what is wrong."""
    try:
        data = path.read_bytes()
        model = OnnxModel(card, data, Watchdog(), WARM_SECONDS)
        model.verify()
        be_quick(model)
    except (ModelUnavailable, MemoryError) as error:
        return " ".join(str(error).split()) or "needs too much memory"
    model.budget = BUDGET_SECONDS
    with suppress(ModelUnavailable):
        model.score_table(unusual(card))
    return SOUND if TreeModel.vouched(card, data, model) is None else TABLES


def be_quick(model: OnnxModel) -> None:
    """The best of three scorings must be within the budget: three slow ones are no accident of a busy machine."""
    card = model.card
    rows: list[Row] = [[column.default for column in card.inputs]] * (MAX_ROWS if card.per_item else 1)
    took: list[float] = []
    for _ in range(3):
        begun = time.perf_counter()
        model.score_table(rows)
        took.append(time.perf_counter() - begun)
    if min(took) > BUDGET_SECONDS:
        raise ModelUnavailable(f"takes {min(took):.2g} s for {len(rows)} rows; at most {BUDGET_SECONDS:g} s", code="slow")


def unusual(card: ModelCard) -> list[Row]:
    """Rows that nobody has: zero, minus one, and numbers of every size and sign; texts that are empty, odd or long."""
    numbers = [0.0, -1.0, 1.0, 0.5, *(sign * 10.0**power for power in range(-3, 19, 3) for sign in (1, -1)), -(2.0**63), 2.0**53]
    texts = ["", "\u2603", "x" * 10_000, "0", " "]

    def value(row: int, at: int) -> float | str:
        if card.inputs[at].type == "string":
            return texts[(row + at) % len(texts)]
        return numbers[(row * (at + 1) + row // len(numbers)) % len(numbers)]

    return [[value(row, at) for at in range(len(card.inputs))] for row in range(MAX_ROWS)]


if __name__ == "__main__":
    main(float(sys.argv[1]))
