"""The content that the parent has validated and published to its workers: a folder per version and a pointer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from app.errors import Problem

KEPT = 3


@dataclass(frozen=True, slots=True)
class Published:
    """`path` holds the files of `version`; `problems` are those of a newer state that is not served; `models` says of
    each model why it is not sound ('' is sound)."""

    version: str
    path: str
    problems: tuple[str, ...] = ()
    models: tuple[tuple[str, str], ...] = ()


def pointer(data: Path) -> Path:
    return data / "content" / "current.json"


def read_current(data: Path) -> Published | None:
    """What is published now; None before the first time."""
    try:
        row = json.loads(pointer(data).read_text())
    except (OSError, ValueError):
        return None
    return Published(row["version"], row["path"], tuple(row["problems"]), tuple((id, why) for id, why in row["models"]))


def publish(data: Path, content: Path, files: Sequence[Path], version: str, models: dict[str, str]) -> None:
    """Copy the files and flip the pointer, atomically; the oldest versions go."""
    home = data / "content" / version
    if not home.exists():
        part = home.with_name(f".{version}.part")
        shutil.rmtree(part, ignore_errors=True)
        for name in ("rules", "blocks", "models"):
            (part / name).mkdir(parents=True)
        for path in files:
            target = part / path.relative_to(content)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        part.replace(home)
    _write(data, Published(version, str(home.resolve()), (), tuple(models.items())))
    versions = sorted((p for p in home.parent.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in versions[KEPT:]:
        if old != home:
            shutil.rmtree(old, ignore_errors=True)


def refuse(data: Path, problems: Sequence[Problem]) -> None:
    """Keep serving what is published, and say what is wrong with the newer state."""
    current = read_current(data)
    if current is not None:
        shown = tuple(str(problem) for problem in problems[:100])
        _write(data, Published(current.version, current.path, shown, current.models))


def _write(data: Path, published: Published) -> None:
    path = pointer(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(published)))
    part.replace(path)
