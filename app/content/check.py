"""The whole check of a content folder: read, compile, render, prove, and run its tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.content.blocks import compile_blocks
from app.content.cases import run_cases
from app.content.load import gather
from app.content.proof import prove
from app.content.snapshot import Snapshot
from app.errors import Problem


class _Unscored:
    """Models are not loaded by the check of rules: tests name their scores."""

    def get(self, id: str) -> Any:
        return None

    def troubles(self) -> dict[str, str]:
        return {}


def check(directory: Path, now: int, runtime: Any = None, *, bound: int = 1_000) -> list[Problem]:
    """Every problem and warning at once. Templates are tried even where the rules cannot be read; the proof and the
    tests need both."""
    definitions, problems = gather(directory, bound=bound)
    if definitions is not None:
        problems += compile_blocks(definitions.blocks)[1]
    if definitions is None or any(not problem.warning for problem in problems):
        return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.key))
    snapshot = Snapshot(definitions, runtime or _Unscored())
    return problems + prove(snapshot) + run_cases(snapshot, now)
