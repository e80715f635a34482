"""`python -m bench` measures everything; `figures [KEY ...]` some; `list` names them; `profile NAME` shows where time goes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from bench import figures as file
from bench import profile, readme, report
from bench.registry import Figure, Measured, figures


def main(arguments: Sequence[str]) -> int:
    known = figures()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    actions = parser.add_subparsers(dest="action")
    some = actions.add_parser("figures", help="measure some keys, or all")
    some.add_argument("keys", nargs="*", metavar="KEY")
    some.add_argument("--only-tell", action="store_true", help="write neither figures.json nor the report: for a busy machine")
    actions.add_parser("list", help="name the figures")
    profiling = actions.add_parser("profile", help="sample the worker under a load")
    profiling.add_argument("load", choices=profile.LOADS)
    profiling.add_argument("--seconds", type=float, default=8.0)
    asked = parser.parse_args(arguments)
    if asked.action == "profile":
        profile.profile(asked.load, asked.seconds)
        return 0
    if asked.action == "list":
        for each in known.values():
            print(f"{each.key:32}{each.target:>12} {each.unit:24}{each.title}")
        return 0
    keys = getattr(asked, "keys", []) or list(known)
    if unknown := [key for key in keys if key not in known]:
        print(f"no figure {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    return measure([known[key] for key in keys], known, write=not getattr(asked, "only_tell", False))


def measure(wanted: Sequence[Figure], known: dict[str, Figure], *, write: bool) -> int:
    """Measure one after the other, writing each down at once; 1 where any could not be measured."""
    console, failed = Console(highlight=False), 0
    for each in wanted:
        console.print(f"[bold]{each.key}[/bold] {each.title}")
        try:
            found = each.measure()
        except Exception as error:  # noqa: BLE001 (one figure that fails leaves the others)
            console.print(f"  [red]not measured[/red]: {type(error).__name__}: {error}", markup=True)
            failed = 1
            continue
        value, notes = (found.value, found.notes) if isinstance(found, Measured) else (found, {})
        if write:
            entries = file.write({each.key: file.entry(each.key, each.unit, value, **notes)})
            report.FILE.write_text(report.report(known, entries))
            readme.write(known, entries)
        verdict = "" if not each.target else " [green]reached[/green]" if each.reached(value) else " [red]missed[/red]"
        console.print(f"  {file.rounded(value):,g} {each.unit}  [dim]{each.target}[/dim]{verdict}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
