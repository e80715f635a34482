"""`inlay models drift`: whether models still see what they learnt from, and say what comes true: on the terminal, as JSON and as a page."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from app.cli.dataset import doing
from app.content.values import duration
from app.domain.definitions import Definitions
from app.errors import SettingsInvalid
from app.settings import Settings

if TYPE_CHECKING:
    from app.reports.model_watch import Report, Watched

DRIFTED = 4
"""The exit code where a model drifted or its values are skewed."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", nargs="*", metavar="MODEL", help="which (all of people)")
    parser.add_argument("--log", type=Path, metavar="DIR", help="the folder of the decision log (log/ in the data folder)")
    parser.add_argument("--since", default="30d", metavar="TIME", help="how far back decisions are looked at (30d)")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page, too")
    parser.add_argument("--content", type=Path, help="the folder that holds rules/ (the current one)")
    parser.add_argument("--data", type=Path, help="the server's data folder (./data)")
    parser.set_defaults(act=_drift, redis_url=None)


def _drift(arguments: argparse.Namespace, settings: Settings, definitions: Definitions) -> int:
    """What was found is left in the data folder, too: the server tells it as metrics."""
    try:
        from app.reports.model_watch import watch
        from app.reports.model_watch_page import as_json, kept, page
        from app.wiring.content import open_content
    except ImportError as error:
        raise SettingsInvalid(f"this needs {error.name}, of the extra `log`: pip install 'inlay[log]'") from error
    within = duration(arguments.since)
    if within is None or within <= 0:
        raise SettingsInvalid(f"--since: {arguments.since!r} is no time, such as 30d")
    with doing() as say:
        found = watch(arguments.log or settings.log_home, settings.content, open_content, since=time.time_ns() // 1_000_000 - within, models=arguments.models, step=lambda number: say(f"{number:,} decisions"))
    kept(found, settings.data)
    if arguments.html is not None:
        arguments.html.write_text(page(found))
    if arguments.json:
        print(json.dumps(as_json(found), indent=2, ensure_ascii=False))
    else:
        _tell(found, arguments.html)
    return DRIFTED if any(each.state == "drifted" or each.skewed for each in found.models) else 0


def _tell(found: Report, written: Path | None) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{found.records:,} logged decisions", markup=False)
    for each in found.models:
        _tell_model(console, each)
    for why, number in found.skipped.items():
        console.print(f"passed over: {number:,} records: {why}", markup=False)
    for trouble in found.troubles:
        console.print(f"passed over: {trouble}", markup=False)
    if written is not None:
        console.print(f"the page is {written}", markup=False)


def _tell_model(console: Console, each: Watched) -> None:
    console.print(f"\n{each.model}, version {each.version}: {each.state}; {each.decisions:,} decisions by it" + (f", {each.other_versions:,} by others" if each.other_versions else ""), markup=False)
    if each.drift:
        table = Table("", "PSI", "", "absent then", "now", box=None, header_style="dim")
        for row in each.drift:
            table.add_row(row.name, "–" if row.psi is None else f"{row.psi:.3f}", row.state, f"{row.absent_then:.1%}", f"{row.absent_now:.1%}")
        console.print(table)
    if each.calibration is not None:
        told = each.calibration
        console.print(f"calibration: {told.foretold:.4f} foretold, {told.came:.4f} came true, error {told.error:.4f}, {told.decisions:,} decisions", markup=False)
    console.print(f"skew: {each.skewed:,} of {each.compared:,} logged values are others than those computed again", markup=False)
    for shadow in each.shadows:
        losses = "" if shadow.loss is None else f", log loss {shadow.loss:.4f} against {shadow.served_loss:.4f}"
        console.print(f"beside it, {shadow.name}: {shadow.scored:,} scores, {shadow.mean:.4f} in the mean, {shadow.apart:.4f} apart{losses}", markup=False)
    for note in each.notes:
        console.print(f"note: {note}", markup=False)
