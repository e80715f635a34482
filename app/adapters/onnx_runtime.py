"""Models by ONNX Runtime, inline in the event loop: one thread, no spinning, at most 120 rows a run.

Outputs that are not finite, out of the card's range or of another shape are refused. A watchdog thread ends a run that
takes too long; the model is then benched for a while, and its card's fallback score is used.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import onnxruntime as ort

from app.domain.definitions import ModelCard
from app.domain.json import is_list
from app.errors import ModelUnavailable

MAX_ROWS = 120
BUDGET_SECONDS = 0.1
BENCH_SECONDS = 10.0
GOLDEN = 1e-4
_DTYPES = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_, "tensor(string)": object,
}


Timed = Callable[[str, float], None]
"""Told the model's id and the seconds of each run."""


def _untimed(id: str, seconds: float) -> None:
    pass


class Watchdog:
    """Ends runs that are over their budget. Watching costs a run two attribute writes."""

    def __init__(self) -> None:
        self.deadline = math.inf
        self.options: ort.RunOptions | None = None
        self._thread = threading.Thread(target=self._watch, name="model-watchdog", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while True:
            time.sleep(0.02)
            options = self.options
            if options is not None and time.monotonic() > self.deadline:
                options.terminate = True
                self.deadline = math.inf


class OnnxModel:
    """One loaded model with its card."""

    def __init__(self, card: ModelCard, data: bytes, watchdog: Watchdog, budget: float = BUDGET_SECONDS) -> None:
        self.card = card
        self.timed: Timed = _untimed
        self._watchdog = watchdog
        self._budget = budget
        self._benched_until = 0.0
        self._benched_times = 0
        self._session = open_session(data)
        self._inputs = self._session.get_inputs()
        self._output, self._shape = self._find_output()
        self._fixed = self._inputs[0].shape[0] if isinstance(self._inputs[0].shape[0], int) else 0
        self._single = len(self._inputs) == 1 and not any(column.tensor for column in card.inputs)
        self._fits_card()

    def _find_output(self) -> tuple[str, Any]:
        outputs = self._session.get_outputs()
        names = [each.name for each in outputs]
        if self.card.output_name:
            if self.card.output_name not in names:
                raise ModelUnavailable(f"no output {self.card.output_name!r}; the model has {', '.join(names)}", code="output")
            return self.card.output_name, None
        numbers = [each.name for each in outputs if "label" not in each.name.lower()]
        return (numbers or names)[-1 if len(numbers) > 1 else 0], None

    def _fits_card(self) -> None:
        if self._single:
            width = self._inputs[0].shape[-1]
            if isinstance(width, int) and width != len(self.card.inputs):
                raise ModelUnavailable(f"the model reads {width} columns, the card names {len(self.card.inputs)}", code="inputs")
            return
        wanted, given = {each.name for each in self._inputs}, {column.tensor for column in self.card.inputs}
        if wanted != given:
            raise ModelUnavailable(f"the model reads {', '.join(sorted(wanted))}; the card names {', '.join(sorted(given)) or 'no tensors'}", code="inputs")

    # -- scoring ---------------------------------------------------------------------------------------------------

    def score(self, row: Sequence[float | str]) -> float:
        return self.score_table([row])[0]

    def score_table(self, rows: Sequence[Sequence[float | str]]) -> list[float]:
        if self._single:
            return self.score_rows(np.array(rows, dtype=np.float32))
        found: list[float] = []
        step = self._fixed or MAX_ROWS
        for at in range(0, len(rows), step):
            part = list(rows[at : at + step])
            padded = part + [part[-1]] * (self._fixed - len(part)) if self._fixed else part
            found += self._checked(self._run(self._feeds(padded)), len(padded))[: len(part)]
        return found

    def _feeds(self, rows: Sequence[Sequence[float | str]]) -> dict[str, np.ndarray]:
        columns = {column.tensor: i for i, column in enumerate(self.card.inputs)}
        feeds: dict[str, np.ndarray] = {}
        for each in self._inputs:
            dtype = _DTYPES.get(each.type)
            if dtype is None:
                raise ModelUnavailable(f"input {each.name} is a {each.type}", code="inputs")
            values = np.array([row[columns[each.name]] for row in rows], dtype=dtype)
            feeds[each.name] = values.reshape(-1, 1) if len(each.shape) == 2 else values
        return feeds

    def score_rows(self, matrix: np.ndarray) -> list[float]:
        n = len(matrix)
        if self._fixed:
            return self._fixed_rows(matrix)
        name = self._inputs[0].name
        if self._inputs[0].type == "tensor(double)":
            matrix = matrix.astype(np.float64)
        if n <= MAX_ROWS:
            return self._checked(self._run({name: matrix}), n)
        found: list[float] = []
        for at in range(0, n, MAX_ROWS):
            part = matrix[at : at + MAX_ROWS]
            found += self._checked(self._run({name: part}), len(part))
        return found

    def _fixed_rows(self, matrix: np.ndarray) -> list[float]:
        size = self._fixed
        found: list[float] = []
        for at in range(0, len(matrix), size):
            part = matrix[at : at + size]
            full = np.vstack([part, np.repeat(part[-1:], size - len(part), axis=0)]) if len(part) < size else part
            found += self._checked(self._run({self._inputs[0].name: full}), size)[: len(part)]
        return found

    def _run(self, feeds: dict[str, np.ndarray]) -> Any:
        if self._benched_until and time.monotonic() < self._benched_until:
            raise ModelUnavailable(f"{self.card.id} is benched: it was too slow", code="benched")
        watchdog = self._watchdog
        options = ort.RunOptions()
        begun = time.monotonic()
        watchdog.deadline, watchdog.options = begun + self._budget, options
        try:
            return self._session.run([self._output], feeds, options)[0]
        except Exception as error:
            code = "slow" if options.terminate else "failed"
            raise ModelUnavailable(f"{self.card.id}: {str(error)[:120]}", code=code) from error
        finally:
            watchdog.options = None
            taken = time.monotonic() - begun
            self.timed(self.card.id, taken)
            if taken > self._budget:
                self._bench()

    def _bench(self) -> None:
        self._benched_times = min(self._benched_times + 1, 6)
        self._benched_until = time.monotonic() + BENCH_SECONDS * 2 ** (self._benched_times - 1)

    def _checked(self, output: Any, rows: int) -> list[float]:
        """One finite number in range per row, or ModelUnavailable."""
        if is_list(output):
            return self._in_range([self._of_map(each) for each in output], rows)
        if output.ndim == 2:
            width, index = output.shape[1], self.card.output_index
            if index is None:
                index = 0 if width == 1 else 1 if width == 2 else None
            if index is None or index >= width:
                raise ModelUnavailable(f"{self.card.id}: {width} numbers a row; the card must name an index", code="shape")
            output = output[:, index]
        if output.ndim != 1 or output.dtype.kind not in "fiub":
            raise ModelUnavailable(f"{self.card.id}: the output is no number a row", code="shape")
        return self._in_range(output.tolist(), rows)

    def _of_map(self, row: Any) -> float:
        if not _by_class(row):
            raise ModelUnavailable(f"{self.card.id}: the output is no number a row", code="shape")
        values = list(row.values())
        index = self.card.output_index if self.card.output_index is not None else min(1, len(values) - 1)
        if index in row:
            return row[index]
        if index >= len(values):
            raise ModelUnavailable(f"{self.card.id}: no class {index}", code="shape")
        return values[index]

    def _in_range(self, scores: list[float], rows: int) -> list[float]:
        if len(scores) != rows:
            raise ModelUnavailable(f"{self.card.id}: {len(scores)} scores for {rows} rows", code="shape")
        low, high = self.card.output_range or (-math.inf, math.inf)
        if not scores:
            return scores
        total = sum(scores)
        if total - total != 0.0:
            raise ModelUnavailable(f"{self.card.id}: a score that is not finite", code="nan")
        if min(scores) < low or max(scores) > high:
            raise ModelUnavailable(f"{self.card.id}: a score outside [{low}, {high}]", code="range")
        return scores

    def verify(self) -> None:
        """Warm the session and compare it with the card's golden rows, within 1e-4."""
        row = tuple(column.default for column in self.card.inputs)
        for inputs, wanted in [*((golden.inputs, golden.output) for golden in self.card.golden), (row, None)]:
            got = self.score(inputs)
            if wanted is not None and abs(got - wanted) > GOLDEN:
                raise ModelUnavailable(f"{self.card.id}: golden row {list(inputs)!r:.80} gives {got:.6f}, the card says {wanted}", code="golden")


class Broken:
    """Stands in for a model that could not be loaded: says why, each time."""

    def __init__(self, card: ModelCard, reason: str) -> None:
        self.card = card
        self.reason = reason

    def score(self, row: Sequence[float | str]) -> float:
        raise ModelUnavailable(f"{self.card.id}: {self.reason}", code="broken")

    def score_rows(self, matrix: np.ndarray) -> list[float]:
        return [self.score(())]

    def score_table(self, rows: Sequence[Sequence[float | str]]) -> list[float]:
        return [self.score(())]


class OnnxRuntime:
    """`ModelRuntime`: the models of one version of the content; a bad one leaves the last good one in place.

    `verdicts` says of each model whether the child process that loaded it first found it sound ('' is sound)."""

    def __init__(self, cards: Mapping[str, ModelCard], directory: Path, watchdog: Watchdog, verdicts: Mapping[str, str], previous: OnnxRuntime | None = None, timed: Timed = _untimed) -> None:
        self.models: dict[str, Any] = {}
        self.problems: dict[str, str] = {}
        for id, card in cards.items():
            try:
                if verdicts.get(id):
                    raise ModelUnavailable(verdicts[id], code="canary")
                model = OnnxModel(card, (directory / card.file).read_bytes(), watchdog)
                model.verify()
                model.timed = timed
            except (ModelUnavailable, OSError) as error:
                self.problems[id] = str(error)
                former = previous.models.get(id) if previous is not None else None
                model = former if former is not None and not isinstance(former, Broken) else Broken(card, str(error))
            self.models[id] = model

    def get(self, id: str) -> Any:
        return self.models.get(id)


def _by_class(row: Any) -> TypeGuard[dict[int | str, float]]:
    """What a ZipMap gives for a row: class -> probability."""
    return isinstance(row, dict) and row != {}


def open_session(data: bytes) -> ort.InferenceSession:
    """A session of one thread; a model that names files beside itself is refused."""
    if b"external_data" in data or b"\x12\x08location" in data:
        raise ModelUnavailable("models with external data are not loaded", code="external")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelUnavailable(f"cannot be loaded: {str(error)[:160]}", code="load") from error
