"""`bench/figures.json`: what was measured last, by key; figures not measured now keep their former entry."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import commit, machine

FILE = Path(__file__).parent / "figures.json"
Entries = dict[str, dict[str, Any]]


def read(path: Path = FILE) -> Entries:
    return json.loads(path.read_text()) if path.exists() else {}


def entry(key: str, unit: str, value: float, **more: Any) -> dict[str, Any]:
    """One figure as it is kept: with the command that measures it again, the machine, the commit and the day."""
    return {
        "value": rounded(value), "unit": unit, "command": f'make figures ONLY="{key}"', "machine": machine(), "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(), **more,
    }


def write(fresh: Entries, path: Path = FILE) -> Entries:
    """Put the fresh entries over the former ones; gives all."""
    entries = read(path) | fresh
    part = path.with_suffix(".part")
    part.write_text(json.dumps(dict(sorted(entries.items())), indent=2, ensure_ascii=False) + "\n")
    part.replace(path)
    return entries


def rounded(value: float) -> float:
    """Three significant digits, whole numbers from a thousand on: more would be noise."""
    return round(value) if abs(value) >= 1_000 else float(f"{value:.3g}")
