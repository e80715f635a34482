"""How good versions of a model are on the same fresh rows, and whether one of them is worse than another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from app.domain.definitions import ModelCard, TensorType
from app.errors import SettingsInvalid
from app.learning.examples import Examples
from app.learning.kinds import Compared
from app.learning.libraries import library
from app.learning.spec import Column, Spec
from app.learning.training import kind_of
from app.learning.versions import Version

_TYPES: Mapping[TensorType, Any] = {"float": np.float32, "int": np.int64, "bool": np.bool_, "string": np.object_}


@dataclass(frozen=True, slots=True)
class Judged:
    """A version's scores of the rows, and the figures that training tells."""

    version: Version
    scores: np.ndarray
    figures: Mapping[str, float]


def wanted(spec: Spec, cards: Sequence[ModelCard]) -> tuple[Column, ...]:
    """The spec's inputs, and those that only a version has."""
    found = {column.name: column for column in spec.inputs}
    for card in cards:
        for column in card.inputs:
            found.setdefault(column.name, Column(column.name, column.type == "string"))
    return tuple(found.values())


def unseen(spec: Spec, examples: Examples, versions: Sequence[Version]) -> tuple[np.ndarray, str]:
    """(rows that none of the versions learnt from, what they are in words)."""
    rows = np.arange(len(examples))
    if examples.instant is None:
        return rows, "rows, all there are: nothing tells when they were, so versions may have learnt from some"
    since = max((_instant(said) for each in versions if (said := each.trained.get("unseen_from"))), default=0)
    rows = rows[examples.instant >= since]
    unknown = [each.name for each in versions if "unseen_from" not in each.trained]
    if not len(rows):
        raise SettingsInvalid(f"no row is later than what {' and '.join(each.name for each in versions)} learnt from: take in newer events, or compare other versions")
    kind_of(spec).enough(examples, rows, "what no version learnt from")
    return rows, f"rows that no version learnt from{f' (nothing is known of what {chr(44).join(unknown)} learnt from)' if unknown else ''}"


def judge(spec: Spec, version: Version, card: ModelCard, examples: Examples) -> Judged:
    told = score(card, version.data, examples)
    return Judged(version, told, kind_of(spec).judged(examples, told, spec.seed))


def score(card: ModelCard, data: bytes, examples: Examples) -> np.ndarray:
    """What a file gives for every row, its inputs filled as the card says. `SettingsInvalid` where it gives no number a row."""
    columns = {column.name: values for column, values in zip(examples.columns, examples.values, strict=True)}
    if missing := [str(column.name) for column in card.inputs if column.name not in columns]:
        raise SettingsInvalid(f"the rows have no {', '.join(missing)}, which {card.id} {card.version} reads: name it under inputs, and make the rows anew")
    runtime = library("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    name = card.output_name or next(each.name for each in session.get_outputs() if "float" in each.type)
    found: Any = session.run([name], _tensors(card, [each.name for each in session.get_inputs()], columns))[0]
    if not hasattr(found, "reshape") or len(found) != len(examples):
        raise SettingsInvalid(f"{card.id} {card.version}: its output {name} is no table of numbers: it can serve, and is not judged here")
    rows: np.ndarray = found.reshape(len(examples), -1)
    return rows[:, card.output_index if isinstance(card.output_index, int) else -1].astype(np.float64)


def _tensors(card: ModelCard, names: Sequence[str], columns: Mapping[Any, np.ndarray]) -> dict[str, np.ndarray]:
    filled: dict[str, list[np.ndarray]] = {}
    for column in card.inputs:
        values = columns[column.name]
        absent = values == "" if column.type == "string" else np.isnan(values.astype(np.float64))
        filled.setdefault(column.tensor or names[0], []).append(np.where(absent, column.default, values).astype(_TYPES[column.type]))
    return {name: np.column_stack(parts) for name, parts in filled.items()}


def compare(spec: Spec, first: Judged, second: Judged, examples: Examples) -> Compared:
    """Whether the second is better than the first on these rows. Rows of one person depend on each other: the interval is over people."""
    return kind_of(spec).compared(examples, first.scores, second.scores, spec.seed)


def _instant(text: str) -> int:
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
