"""One model by ONNX Runtime, inline in the event loop: one thread, no spinning, at most 120 rows a run.

Outputs that are not finite, out of the card's range or of another shape are refused. A watchdog thread ends what takes
too long; the model is then benched for a while.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

import numpy as np
import onnxruntime as ort

from app.adapters.onnx_feeds import MAX_ROWS, batch, feeds, output
from app.adapters.onnx_file import refuse_foreign
from app.adapters.scores import Timed, give_golden, in_range, untimed
from app.adapters.watchdog import Watchdog
from app.domain.definitions import ModelCard
from app.domain.json import is_list
from app.errors import ModelUnavailable
from app.ports import Scorer
from app.telemetry import log

BUDGET_SECONDS = 0.1
"""What one scoring may take, whatever its number of rows."""
WARM_SECONDS = 2.0
"""What it may take at load, when nothing is warm and nobody waits."""
BENCH_SECONDS = 10.0
FORGIVEN_SECONDS = 600.0
_NOISE = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : |/onnxruntime_src/\S+ |\w+\.(?:cc|h):\d+ |onnxruntime::[^\n]*?\) ")


class OnnxModel:
    """One loaded model with its card."""

    def __init__(self, card: ModelCard, data: bytes, watchdog: Watchdog, budget: float = BUDGET_SECONDS) -> None:
        self.card = card
        self.timed: Timed = untimed
        self._watchdog = watchdog
        self.budget = budget
        self._benched_until = 0.0
        self._benched_times = 0
        self._session = open_session(data)
        inputs = self._session.get_inputs()
        self._feeds = feeds(card, inputs)
        self._output = [output(card, self._session.get_outputs())]
        self._step, self._fixed = batch(inputs)
        dtypes = [each.dtype for each in self._feeds]
        self.dtype = dtypes[0] if len(dtypes) == 1 and dtypes[0] is not np.object_ else None

    @property
    def in_order(self) -> bool:
        """Whether rows of float32 go in as they are."""
        return self.dtype is np.float32 and not self._feeds[0].vector

    # -- scoring ---------------------------------------------------------------------------------------------------

    def score(self, row: Sequence[float | str]) -> float:
        return self.score_table([row])[0]

    def score_rows(self, matrix: np.ndarray) -> list[float]:
        only = self._feeds[0]
        if only.vector:
            matrix = matrix[:, 0]
        return self._in_runs(len(matrix), lambda rows: {only.tensor: matrix[rows]})

    def score_table(self, rows: Sequence[Sequence[float | str]]) -> list[float]:
        whole = {each.tensor: each.of(rows) for each in self._feeds}
        return self._in_runs(len(rows), lambda part: {name: tensor[part] for name, tensor in whole.items()})

    def fixed(self, matrix: np.ndarray, varying: Sequence[int], *, ranking: bool = False) -> Scorer:
        own, stretches = matrix.copy(), _stretches(varying)

        def score(values: Sequence[float], rows: Sequence[int] | None) -> list[float]:
            for column, at, stop in stretches:
                own[:, column : column + stop - at] = values[at:stop]
            return self.score_rows(own if rows is None else own[rows])

        return score

    def _in_runs(self, count: int, part: Callable[[Any], dict[str, np.ndarray]]) -> list[float]:
        """Scores of `count` rows in as many runs as the model needs; the last row fills up a fixed batch."""
        deadline = time.monotonic() + self.budget
        step = self._step
        if count <= step and not self._fixed:
            return self._checked(self._run(part(slice(None)), deadline), count)
        found: list[float] = []
        for at in range(0, count, step):
            size = step if self._fixed else min(step, count - at)
            rows = np.minimum(np.arange(at, at + size), count - 1)
            found += self._checked(self._run(part(rows), deadline), size)
        return found[:count]

    def _run(self, feeds: dict[str, np.ndarray], deadline: float) -> Any:
        if self._benched_until and time.monotonic() < self._benched_until:
            raise ModelUnavailable(f"{self.card.id} is benched: it was too slow", code="benched")
        options = ort.RunOptions()
        here, begun = threading.get_ident(), time.monotonic()
        self._watchdog.runs[here] = (deadline, options)
        try:
            return self._session.run(self._output, feeds, options)[0]
        except Exception as error:
            # Whatever the runtime raises, the card's fallback score stands in.
            code = "slow" if options.terminate else "failed"
            raise ModelUnavailable(f"{self.card.id}: {_said(error)}", code=code) from error
        finally:
            del self._watchdog.runs[here]
            ended = time.monotonic()
            self.timed(self.card.id, ended - begun)
            if ended > deadline:
                self._bench()

    @property
    def benched(self) -> bool:
        return time.monotonic() < self._benched_until

    def _bench(self) -> None:
        """Out for 10 s, twice as long each time; forgiven after ten quiet minutes."""
        now = time.monotonic()
        if now - self._benched_until > FORGIVEN_SECONDS:
            self._benched_times = 0
        seconds = BENCH_SECONDS * 2**self._benched_times
        self._benched_until = now + seconds
        self._benched_times = min(self._benched_times + 1, 5)
        log.warning("model %s took longer than %g s and is out for %g s", self.card.id, self.budget, seconds)

    # -- what came out ---------------------------------------------------------------------------------------------

    def _checked(self, found: Any, rows: int) -> list[float]:
        """One finite number in range per row, or ModelUnavailable."""
        if is_list(found):
            return in_range(self.card, [self._of_map(each) for each in found], rows)
        if found.dtype.kind not in "fiub":
            raise self._misshapen("no numbers come out")
        if found.ndim != 1:
            found = self._column(found, rows)
        return in_range(self.card, found.tolist(), rows)

    def _column(self, found: np.ndarray, rows: int) -> np.ndarray:
        if found.size == 0 or found.size % rows or (found.ndim and found.shape[0] != rows):
            raise self._misshapen(f"{list(found.shape)} comes out for {rows} rows")
        found = found.reshape(rows, -1)
        return found[:, self._position(found.shape[1])]

    def _position(self, width: int) -> int:
        """Which of a row's numbers is the score: the card's `index`; else the only one, or the second of two."""
        index = self.card.output_index
        if index is None and width <= 2:
            return width - 1
        if not isinstance(index, int) or index >= width:
            raise self._misshapen(f"{width} numbers a row; the card must name an index below {width}")
        return index

    def _of_map(self, row: Any) -> float:
        """A ZipMap's score: that of the class which `index` names, else the one at that position."""
        if not _by_class(row):
            raise self._misshapen("no number a row comes out")
        index = self.card.output_index
        if index in row:
            return row[index]
        if isinstance(index, str):
            raise self._misshapen(f"no class {index!r:.40}; there are {', '.join(map(str, row))[:80]}")
        return list(row.values())[self._position(len(row))]

    def _misshapen(self, what: str) -> ModelUnavailable:
        return ModelUnavailable(f"{self.card.id}: {what}", code="shape")

    def verify(self) -> None:
        """Warm the session with one row and with many, and compare it with the card's golden rows, within 1e-4."""
        budget, self.budget = self.budget, max(self.budget, WARM_SECONDS)
        try:
            usual = tuple(column.default for column in self.card.inputs)
            self.score(usual)
            self.score_table([usual] * MAX_ROWS)
            give_golden(self.card, self.score)
        finally:
            self.budget = budget


def _stretches(columns: Sequence[int]) -> list[tuple[int, int, int]]:
    """Neighbouring columns together: (first column, where its value stands, where the last one's ends)."""
    found: list[tuple[int, int, int]] = []
    for at, column in enumerate(columns):
        if found and column == found[-1][0] + at - found[-1][1]:
            found[-1] = (*found[-1][:2], at + 1)
        else:
            found.append((column, at, at + 1))
    return found


def _by_class(row: Any) -> TypeGuard[dict[int | str, float]]:
    """What a ZipMap gives for a row: class -> probability, in the order of the classes."""
    return isinstance(row, dict) and row != {}


def open_session(data: bytes) -> ort.InferenceSession:
    """A session of one thread over a file that stands alone."""
    refuse_foreign(data)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelUnavailable(f"cannot be loaded: {_said(error)}", code="load") from error


def _said(error: Exception) -> str:
    """What the runtime said, without its error numbers and the paths of its own sources."""
    return _NOISE.sub("", str(error)).strip()[:200]
