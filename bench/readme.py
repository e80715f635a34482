"""The table of measured figures in the project's README: written with each figure, or by `python -m bench.readme`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bench.figures import Entries, read
from bench.machine import ROOT
from bench.registry import Figure, figures

FILE = ROOT / "README.md"
_BETWEEN = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)


def table(known: Mapping[str, Figure], entries: Entries) -> str:
    """One line a figure, in the order of the registry; nothing where nothing was measured yet."""
    rows = [_row(each, entries[key]) for key, each in known.items() if key in entries]
    if not rows:
        return ""
    machines = sorted({entry["machine"] for entry in entries.values()})
    return "\n".join(["| what | measured | target | command |", "|---|---:|---:|---|", *rows, "", *machines]) + "\n"


def _row(each: Figure, entry: Mapping[str, object]) -> str:
    value = entry["value"]
    assert isinstance(value, (int, float))
    missed = "" if each.reached(value) else ", not reached"
    return f"| {each.title} | {value:,g} {entry['unit']} | {each.target}{missed} | `{entry['command']}` |"


def with_table(text: str, found: str) -> str:
    """The README with `found` between its marks."""
    return _BETWEEN.sub(lambda _: found, text, count=1)


def write(known: Mapping[str, Figure], entries: Entries) -> None:
    FILE.write_text(with_table(FILE.read_text(), table(known, entries)))


if __name__ == "__main__":
    write(figures(), read())
