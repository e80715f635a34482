"""What sets one kind of trained model apart from another: how it is learnt, how it is judged, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from app.learning.examples import Examples
from app.learning.fitting import Parameters
from app.learning.judging import Baseline
from app.learning.preparing import Preparation
from app.learning.searching import Moved
from app.learning.spec import Spec
from app.learning.splits import Split


@dataclass(frozen=True, slots=True)
class Learnt:
    """`data` is the ONNX file, `by_library` what the library gives for the same rows."""

    preparation: Preparation
    parameters: Parameters
    trials: int
    data: bytes
    by_library: Callable[[Examples], np.ndarray]


@dataclass(frozen=True, slots=True)
class Trained:
    """`test` are the rows that it is judged by, `told` the file's scores of them, `difference` the largest one from the library's.
    `notes` are what somebody should look at."""

    spec: Spec
    learnt: Learnt
    test: Examples
    told: np.ndarray
    difference: float
    figures: Mapping[str, float]
    importance: Mapping[str, float]
    baselines: Mapping[str, Baseline]
    rows: int
    notes: tuple[str, ...]


Finding = Literal["better", "as good", "worse"]


@dataclass(frozen=True, slots=True)
class Compared:
    """`difference` is how much more of a figure the second version has than the first, with its interval of 95 % over people; `more`
    are other figures' differences that count."""

    finding: Finding
    figure: str
    difference: float
    low: float
    high: float
    more: Mapping[str, float]

    def __str__(self) -> str:
        others = "".join(f", {name} {value:+.4f}" for name, value in self.more.items())
        return f"{self.finding}: {self.figure} {self.difference:+.4f} (95 %: {self.low:+.4f} to {self.high:+.4f}){others}"


@dataclass(frozen=True, slots=True)
class Kind:
    """`looked` gives what to note of the rows before anything is learnt, and raises `SettingsInvalid` where they do not allow it.
    `measure` of (rows, scores) is what an input's importance is told in: how much of it is lost, in words `lost`, without the input.
    `enough` raises `SettingsInvalid` where rows, in the words that it is given, are too few to judge by; `compared` says whether the
    second of two versions is better on the same rows, by the scores of both."""

    looked: Callable[[Examples, Split], list[str]]
    learn: Callable[[Spec, Examples, Split, Moved], Learnt]
    judged: Callable[[Examples, np.ndarray, int], Mapping[str, float]]
    measure: Callable[[Examples, np.ndarray], float]
    lost: str
    enough: Callable[[Examples, np.ndarray, str], None]
    compared: Callable[[Examples, np.ndarray, np.ndarray, int], Compared]
    shown: tuple[str, ...]
    """The figures that versions are told beside one another by."""
    draw: Callable[[Trained, Path], None]
    drawn: str
    purpose: str
    """Of the model, whose id stands for {}, where the spec has no description."""
    method: Callable[[Spec], str]
    output: Callable[[Spec], Mapping[str, Any]]
    fallback: str
    """The figure that is the score where the model cannot be used."""
    foretells: bool
    """Whether scores are chances of the label, which the decision log can hold against what came."""
    verdict: Callable[[Trained], str]
    limits: tuple[str, ...]
