"""The content that the parent has validated and published to its workers: a folder per version and a pointer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from app.errors import Problem

KEPT = 3


@dataclass(frozen=True, slots=True)
class Published:
    """`path` holds the files of `version`, and `source` is the version of the user's own files, another one where a
    served model stayed in place of a broken one: `kept` says of each why. `problems` are those of a newer state that is
    not served; `models` says of each served model why it is not sound ('' is sound), `tables` which need no runtime."""

    version: str
    path: str
    source: str = ""
    problems: tuple[str, ...] = ()
    models: tuple[tuple[str, str], ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    tables: tuple[str, ...] = ()


def pointer(data: Path) -> Path:
    return data / "content" / "current.json"


def read_current(data: Path) -> Published | None:
    """What is published now; None before the first time."""
    try:
        row = json.loads(pointer(data).read_text())
    except (OSError, ValueError):
        return None
    pairs = {name: tuple((id, why) for id, why in row.get(name, ())) for name in ("models", "kept")}
    return Published(row["version"], row["path"], row.get("source", row["version"]), tuple(row["problems"]), **pairs, tables=tuple(row.get("tables", ())))


def stage(data: Path, content: Path, files: Sequence[Path]) -> Path:
    """A copy of the user's files as they are now; what went meanwhile is left out."""
    part = data / "content" / ".staged"
    shutil.rmtree(part, ignore_errors=True)
    for name in ("rules", "blocks", "models"):
        (part / name).mkdir(parents=True)
    for path in files:
        target = part / path.relative_to(content)
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(path, target)
    return part


def home_of(data: Path, version: str) -> Path:
    """Where the files of a version lie once it is published."""
    return data / "content" / version


def publish(data: Path, staged: Path, found: Published) -> None:
    """Give the staged files their place and flip the pointer, atomically; the oldest versions go."""
    home = home_of(data, found.version)
    if not home.exists():
        staged.replace(home)
    _write(data, replace(found, path=str(home.resolve())))
    versions = sorted((p for p in home.parent.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in versions[KEPT:]:
        if old != home:
            shutil.rmtree(old, ignore_errors=True)


def refuse(data: Path, problems: Sequence[Problem]) -> None:
    """Keep serving what is published, and say what is wrong with the newer state."""
    current = read_current(data)
    if current is not None:
        shown = tuple(str(problem) for problem in problems[:100])
        _write(data, replace(current, problems=shown))


def _write(data: Path, published: Published) -> None:
    path = pointer(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(published)))
    part.replace(path)
