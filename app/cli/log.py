"""`inlay log pack|status`: the decision log's stream turned into Parquet, and what there is."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.journal.packed import Packed, pack
from app.journal.segments import segments
from app.settings import Settings, load_settings


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="pack|status")
    packing = actions.add_parser("pack", help="turn what servers have written into Parquet by day, drop what is too old")
    packing.add_argument("--open", action="store_true", help="also what servers still write to, as far as it is: it is packed again later")
    status = actions.add_parser("status", help="the days that there are, and what waits to be packed")
    for action in (packing, status):
        action.add_argument("--log", type=Path, metavar="DIR", help="the log's folder (log in the data folder)")
        action.add_argument("--data", type=Path, help="the server's data folder (./data)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """1 where a file was damaged; the rest is packed then."""
    settings = load_settings(data=arguments.data, log_folder=str(arguments.log) if arguments.log is not None else None)
    return _pack(settings, Console(highlight=False), every=arguments.open) if arguments.action == "pack" else _status(settings, Console(highlight=False))


def _pack(settings: Settings, console: Console, *, every: bool) -> int:
    folder = settings.log_home
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("packing", total=len(segments(folder)))
        done = pack(folder, time.time_ns() // 1_000_000, keep_days=settings.log_days, every=every, step=lambda _: progress.advance(task))
    for trouble in done.troubles:
        console.print(f"[bold]{trouble}[/bold]")
    console.print(_summary(done))
    return 1 if done.troubles else 0


def _summary(done: Packed) -> str:
    told = f"{done.decisions:,} decisions and {done.outcomes:,} outcomes of {done.files:,} files packed"
    return told + (f"; {done.days_dropped:,} days dropped for age" if done.days_dropped else "")


def _status(settings: Settings, console: Console) -> int:
    folder = settings.log_home
    table = Table("day", "files", "MB", box=None, header_style="dim")
    for column in table.columns[1:]:
        column.justify = "right"
    for home in sorted(folder.glob("date=*")):
        files = list(home.glob("*.parquet"))
        table.add_row(home.name.removeprefix("date="), f"{len(files):,}", f"{_megabytes(files):,.1f}")
    waiting = segments(folder)
    if waiting:
        table.add_row("to be packed", f"{len(waiting):,}", f"{_megabytes(waiting):,.1f}")
    console.print(table if table.row_count else f"no log in {folder}")
    return 0


def _megabytes(files: list[Path]) -> float:
    return sum(path.stat().st_size for path in files) / 2**20
