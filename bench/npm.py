"""Checkers that npm has: fetched into the temporary folder when they are needed, never kept with the project."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

AMP_VALIDATOR = "package/dist/compiled/amphtml-validator/validator_wasm.js"
SECONDS = 600


def folder(*packages: str, unpacked: Sequence[tuple[str, str]] = ()) -> Path:
    """Where these packages are installed; `unpacked` are (package, file in it) of which no more than the file is wanted."""
    where = Path(tempfile.gettempdir()) / "inlay-npm"
    where.mkdir(exist_ok=True)
    if not (where / "package.json").exists():
        (where / "package.json").write_text("{}")
    missing = [each for each in packages if not (where / "node_modules" / each.rpartition("@")[0]).is_dir()]
    if missing:
        _run(["npm", "install", "--no-audit", "--no-fund", "--silent", *missing], where)
    for package, file in unpacked:
        if not (where / file).exists():
            packed = _run(["npm", "pack", "--silent", package], where).strip().splitlines()[-1]
            _run(["tar", "xzf", packed, file], where)
    return where


def node(script: str, given: Any, where: Path) -> Any:
    """The JSON that a script writes, to which `given` is JSON on standard input."""
    return json.loads(_run(["node", "-e", script], where, json.dumps(given)))


def _run(command: list[str], where: Path, given: str | None = None) -> str:
    return subprocess.run(command, cwd=where, input=given, capture_output=True, text=True, timeout=SECONDS, check=True).stdout
