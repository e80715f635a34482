"""The rules that a command goes by: those in the folder, or, while these are broken, those that the server still serves."""

from __future__ import annotations

from pathlib import Path

from app.content.load import load
from app.content.published import read_current
from app.domain.bounds import USUAL, Bounds
from app.domain.definitions import Definitions
from app.errors import ContentInvalid


def in_force(content: Path, data: Path, bounds: Bounds = USUAL) -> Definitions:
    """Nothing is declared where there is neither a folder `rules/` nor anything served. `ContentInvalid` where the folder is
    broken and nothing is served: nothing may be taken then of people who did not agree."""
    written = (content / "rules").is_dir()
    served = read_current(data)
    try:
        if written:
            return load(content, bounds)
    except ContentInvalid:
        if served is None or not Path(served.path).is_dir():
            raise
    return load(Path(served.path), bounds) if served is not None and Path(served.path).is_dir() else Definitions("")
