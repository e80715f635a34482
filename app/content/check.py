"""The whole check of a content folder: read, compile, render, prove, and run its tests."""

from __future__ import annotations

from pathlib import Path

from app.content.blocks import Block
from app.content.compiling import compile_blocks
from app.content.cases import run_cases
from app.content.load import gather
from app.content.personal import leaks
from app.content.proof import prove
from app.content.proofs import beyond_kept, proofs
from app.content.recommending import advisers
from app.content.snapshot import Snapshot
from app.domain.bounds import USUAL, Bounds
from app.errors import Problem
from app.ports import ModelRuntime


class _Unscored:
    """Models are not loaded by the check of rules: tests name their scores."""

    def get(self, id: str) -> None:
        return None

    def troubles(self) -> dict[str, str]:
        return {}


def check(directory: Path, now: int, runtime: ModelRuntime | None = None, *, bounds: Bounds = USUAL) -> list[Problem]:
    """Every problem and warning at once. Templates are tried even where the rules cannot be read; the proof and the
    tests need both."""
    definitions, problems = gather(directory, bounds)
    blocks: dict[str, Block] = {}
    if definitions is not None:
        blocks, found = compile_blocks(definitions.blocks)
        problems += found
    if definitions is not None and all(problem.warning for problem in problems):
        problems += [*prove(definitions, blocks), *proofs(definitions), *leaks(definitions), *beyond_kept(definitions, bounds, now)]
        problems += run_cases(Snapshot(definitions, runtime or _Unscored(), advisers=advisers(definitions, directory / "models")), now)
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.key))
