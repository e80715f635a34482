"""`inlay check`: everything that is wrong with the content, one problem a line."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from app.content.check import check
from app.domain.bounds import Bounds
from app.errors import Problem
from app.settings import load_settings


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--content", type=Path, metavar="DIR", help="the folder with rules/, blocks/, models/ (.)")
    parser.add_argument("--json", action="store_true", help="a list of problems as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where there are at most warnings, 1 on any error."""
    settings = load_settings(content=arguments.content)
    directory = settings.content
    problems = check(directory, time.time_ns() // 1_000_000, bounds=settings.bounds) + models(directory, settings.bounds)
    failed = sum(not problem.warning for problem in problems)
    if arguments.json:
        print(json.dumps([as_json(problem) for problem in problems], indent=2))
        return 1 if failed else 0
    console = Console(highlight=False, soft_wrap=True)
    for problem in problems:
        console.print(shown(problem))
    warnings = len(problems) - failed
    console.print(f"{failed} problem{'s' * (failed != 1)}, {warnings} warning{'s' * (warnings != 1)} in {directory}")
    return 1 if failed else 0


def models(directory: Path, bounds: Bounds) -> list[Problem]:
    """What a child process finds wrong with each model."""
    from app.adapters.onnx_canary import verdicts
    from app.content.load import inspect

    definitions, _ = inspect(directory, bounds)
    if definitions is None or not definitions.models:
        return []
    with tempfile.TemporaryDirectory() as cache:
        found = verdicts(definitions.models, directory / "models", Path(cache))
    return [
        Problem(card.place.file, card.place.line, f"models.{id}", found[id])
        for id, card in definitions.models.items() if found[id]
    ]


def shown(problem: Problem) -> Text:
    text = Text()
    text.append(f"{problem.file}:{problem.line} {problem.key}: ", "bold yellow" if problem.warning else "bold")
    text.append(("warning: " if problem.warning else "") + problem.message)
    if problem.hint:
        text.append(f"; {problem.hint}", "dim")
    return text


def as_json(problem: Problem) -> dict[str, object]:
    return {"file": problem.file, "line": problem.line, "key": problem.key, "message": problem.message, "hint": problem.hint,
            "level": "warning" if problem.warning else "error"}
