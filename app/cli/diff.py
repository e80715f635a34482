"""`inlay diff OLD NEW`: what changed in the rules, in words."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.text import Text

from app.content.load import load
from app.reports.diff import Change, changes

MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=Path, metavar="OLD", help="a folder with rules/, blocks/, models/")
    parser.add_argument("new", type=Path, metavar="NEW", help="another")
    parser.add_argument("--json", action="store_true", help="a list of {kind, what, text, place} instead")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0, whatever changed; 1 where either cannot be read."""
    found = changes(load(arguments.old), load(arguments.new))
    if arguments.json:
        print(json.dumps([{"kind": each.kind, "what": each.what, "text": each.text, "place": each.place} for each in found], indent=2, ensure_ascii=False))
        return 0
    console = Console(highlight=False)
    for each in found:
        console.print(_line(each), soft_wrap=True)
    counts = ", ".join(f"{sum(each.kind == kind for each in found):,} {kind}" for kind in MARKS)
    console.print(Text(f"{counts}; `inlay replay` tells what it does to people" if found else "nothing changed", "bold"))
    return 0


def _line(change: Change) -> Text:
    mark, colour = MARKS[change.kind]
    text = Text.assemble((f"{mark} ", colour), (change.what, "bold"), f" {change.text}" if change.text else "")
    return text.append(f"  {change.place}", "dim") if change.place else text
