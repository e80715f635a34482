"""`inlay replay`: logged requests through another version of the content, on the terminal, as JSON and as a page."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from app.content.values import duration
from app.errors import SettingsInvalid
from app.wiring.content import open_to_replay

if TYPE_CHECKING:
    from app.reports.replay import Replay

SHOWN = 12


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log", type=Path, required=True, metavar="DIR", help="the folder of a decision log")
    parser.add_argument("--content", type=Path, required=True, metavar="NEW", help="the folder with rules/, blocks/, models/ to try")
    parser.add_argument("--reward", default="email_clicked", metavar="EVENT", help="what counts as a success: an event of the log's outcomes (email_clicked)")
    parser.add_argument("--within", default="7d", metavar="TIME", help="how long after a decision (7d)")
    parser.add_argument("--processes", type=int, default=0, metavar="N", help="how many files at a time (one a core)")
    parser.add_argument("--json", action="store_true", help="the whole as JSON instead")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page, too")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where the log could be replayed, even if some of it could not; what was passed over is named."""
    try:
        from app.reports.replay import replay
        from app.reports.replay_page import as_json, page
    except ImportError as error:
        raise SettingsInvalid(f'replay needs the extra "log": pip install "inlay[log]" ({error.name} is missing)') from error
    within = duration(arguments.within)
    if within is None or within <= 0:
        raise SettingsInvalid(f"--within: {arguments.within!r} is no time, such as 7d or 36h")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[decisions]:,} decisions"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        files = len(list(arguments.log.glob("date=*/decisions-*.parquet"))) + len(list(arguments.log.glob("stream/*.log")))
        task, decisions = progress.add_task("replaying", total=files, decisions=0), 0

        def step(number: int) -> None:
            nonlocal decisions
            decisions += number
            progress.update(task, advance=1, decisions=decisions)

        found = replay(arguments.log, arguments.content, open_to_replay, reward=arguments.reward, within_ms=within, processes=arguments.processes, step=step)
    if arguments.html is not None:
        arguments.html.write_text(page(found))
    if arguments.json:
        print(json.dumps(as_json(found), indent=2, ensure_ascii=False))
    else:
        tell(found, Console(highlight=False), arguments.html)
    return 0


def tell(found: Replay, console: Console, written: Path | None) -> None:
    from app.reports.replay_page import estimates, headline, share, shown

    table = _table(("placement", 1), "decisions", "changed", "people", "fallback", "blank", "capped")
    for each in found.placements:
        table.add_row(
            each.placement, f"{each.decisions:,}", share(each.changed, each.decisions), f"{each.people_changed:,}",
            f"{share(each.fallback_old, each.decisions)} → {share(each.fallback_new, each.decisions)}", share(each.gone, each.decisions),
            f"{share(each.capped_old, each.decisions)} → {share(each.capped_new, each.decisions)}",
        )
    console.print(table, "")
    if found.changes:
        changes = _table(("placement", 1), ("instead of", 1), ("would get", 1), ("because", 1), "decisions")
        for each in found.changes[:SHOWN]:
            changes.add_row(each.placement, shown(each.old), shown(each.new), each.why, f"{each.decisions:,}")
        console.print(changes, "")
    for offer, old, new in found.uses:
        console.print(f"{offer}: {old:,} used, {new:,} would be")
    if found.worth is not None:
        rewards = _table((found.worth.reward, 1), "per decision", "95 % interval", "effective", "mean weight")
        for name, each in estimates(found.worth):
            rewards.add_row(name, f"{each.value:.5f}", f"{each.low:.5f} to {each.high:.5f}", f"{each.effective:,.0f}", f"{each.mean_weight:.3f}")
        console.print(rewards, Text(found.worth.finding, "bold"), "", sep="\n")
    for why, number in found.skipped.items():
        console.print(Text(f"passed over: {number:,} records: {why}", "yellow"))
    for trouble in found.troubles:
        console.print(Text(f"passed over: {trouble}", "yellow"))
    console.print(Text(f"{found.decisions:,} decisions replayed: {headline(found)}" + (f"; the page is {written}" if written else "; --html FILE writes a page"), "bold"))


def _table(*heads: str | tuple[str, int]) -> Table:
    table = Table(box=None, header_style="dim")
    for head in heads:
        table.add_column(head if isinstance(head, str) else head[0], justify="right" if isinstance(head, str) else "left")
    return table
