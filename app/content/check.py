"""The whole check of a content folder: read, compile, render, prove, and run its tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.content.blocks import compile_blocks
from app.content.cases import run_cases
from app.content.load import inspect
from app.content.proof import prove
from app.content.snapshot import Snapshot
from app.errors import Problem


class _Unscored:
    """Models are not loaded by the check of rules: tests name their scores."""

    def get(self, id: str) -> Any:
        return None


def check(directory: Path, now: int, runtime: Any = None) -> list[Problem]:
    """Every problem and warning at once."""
    definitions, problems = inspect(directory)
    if definitions is None:
        return problems
    broken = compile_blocks(definitions.blocks)[1]
    if broken:
        return problems + broken
    snapshot = Snapshot(definitions, runtime or _Unscored())
    return problems + prove(snapshot) + run_cases(snapshot, now)
