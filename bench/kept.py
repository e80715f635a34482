"""What is slow to make is kept in the temporary folder, under a hash of all that it was made of."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from bench.machine import ROOT

KEPT = Path(tempfile.gettempdir()) / f"inlay-bench-kept-{os.getuid()}"


def digest(*parts: str | bytes | Path) -> str:
    """A hash of texts and of the contents of files."""
    found = sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part.encode() if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()[:16]


def source(*patterns: str) -> list[Path]:
    """Files of the repository that a kept thing depends on, in order."""
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file())


def today() -> str:
    """People's histories end now: those of another day are made anew."""
    return datetime.now(UTC).date().isoformat()


def kept(name: str, parts: Iterable[str | bytes | Path], make: Callable[[Path], None]) -> Path:
    """The folder that `make` filled, now or earlier from the same parts. Others of that name are removed."""
    wanted = KEPT / f"{name}-{digest(*parts)}"
    if not (wanted / "whole").exists():
        KEPT.mkdir(mode=0o700, exist_ok=True)
        for former in KEPT.glob(f"{name}-*"):
            shutil.rmtree(former)
        wanted.mkdir()
        make(wanted)
        (wanted / "whole").touch()
    return wanted
