"""`bench/REPORT.md`: every figure with its target, and whether it was reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.figures import Entries
from bench.registry import Figure

FILE = Path(__file__).parent / "REPORT.md"
_HEAD = """# Measured

Written by `make bench` and `make figures`; README.md beside it explains each figure. Ratios are medians of interleaved runs
on one machine: trust them more than absolute numbers.

| figure | measured | target | reached | what it is | commit | date |
|---|---|---|---|---|---|---|
"""


def report(figures: Mapping[str, Figure], entries: Entries) -> str:
    rows = [_row(each, entries[key]) for key, each in figures.items() if key in entries]
    machines = sorted({entry["machine"] for entry in entries.values()})
    return _HEAD + "\n".join(rows) + "\n\n" + "\n".join(f"Machine: {name}" for name in machines) + "\n"


def _row(each: Figure, entry: Mapping[str, object]) -> str:
    value = entry["value"]
    assert isinstance(value, (int, float))
    reached = "" if not each.target else "yes" if each.reached(value) else "**no**"
    notes = [f"`{name} {entry[name]}`" for name in sorted(set(entry) - _KNOWN)]
    cells: Iterable[object] = (f"`{each.key}`", f"{value:,g} {each.unit}", each.target, reached, " ".join([each.title, *notes]), entry["commit"], entry["date"])
    return "| " + " | ".join(map(str, cells)) + " |"


_KNOWN = {"value", "unit", "command", "machine", "commit", "date"}
