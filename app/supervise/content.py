"""Validating the user's folders in a process of its own, and publishing what is sound.

`python -m app.supervise.content CONTENT DATA BOUND` prints the problems as JSON; exit 0 where it published.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from app.content.load import content_files, inspect
from app.errors import Problem
from app.content.published import publish, read_current, refuse


def fingerprint(content: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells that a file changed, came or went."""

    def rows() -> Iterator[tuple[str, int, int]]:
        for path in content_files(content):
            try:
                stat = path.stat()
            except OSError:
                continue
            yield str(path), stat.st_mtime_ns, stat.st_size

    return tuple(rows())


def validate_and_publish(content: Path, data: Path, bound: int) -> list[Problem]:
    """All problems; published where no error is among them, else the last good version stays."""
    from app.adapters.onnx_canary import verdicts
    from app.content.blocks import compile_blocks

    definitions, problems = inspect(content, bound=bound)
    if definitions is not None:
        problems += compile_blocks(definitions.blocks)[1]
    if definitions is None or any(not problem.warning for problem in problems):
        refuse(data, problems)
        return problems
    published = read_current(data)
    if published is None or published.version != definitions.version or published.problems:
        models = verdicts(definitions.models, content / "models", data / "canary")
        publish(data, content, content_files(content), definitions.version, models)
    return problems


def main() -> int:
    content, data, bound = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    problems = validate_and_publish(content, data, bound)
    json.dump([asdict(problem) for problem in problems], sys.stdout)
    return 1 if any(not problem.warning for problem in problems) else 0


if __name__ == "__main__":
    sys.exit(main())
