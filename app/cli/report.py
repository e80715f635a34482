"""`inlay report experiment NAME`: what an experiment showed, on the terminal, as JSON and as a page."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.content.load import gather
from app.errors import NotFound, SettingsInvalid
from app.settings import load_settings

if TYPE_CHECKING:
    from app.reports.results import Comparison, Measured, Metric, Report

COLUMNS = ("variant", "unit", "at", "experiment")
TONES = {"better": "green", "better_if_planned": "yellow", "worse": "red", "worse_if_planned": "yellow", "no_difference_shown": "", "unreadable": "red"}


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="experiment")
    experiment = actions.add_parser("experiment", help="visitors, rates, lift with intervals, and whether the data can be trusted")
    experiment.add_argument("name", metavar="NAME", help="the experiment, as in rules/")
    experiment.add_argument("--file", type=Path, metavar="F", help="CSV, JSON Lines or Parquet with a row per visitor, or per visit")
    experiment.add_argument("--map", type=_pairs, default={}, metavar="KEY=COLUMN,...", help=f"what columns of the file are called: {', '.join(COLUMNS)}")
    experiment.add_argument("--metric", action="append", default=[], metavar="COLUMN", help="what is measured; the first decides. COLUMN:down where less is better")
    experiment.add_argument("--guardrail", action="append", default=[], metavar="COLUMN", help="what must not get worse; less is better, but for COLUMN:up")
    experiment.add_argument("--weights", type=_pairs, default={}, metavar="V=SHARE,...", help="variants and their shares, the control first (those of rules/, else equal ones)")
    experiment.add_argument("--tuned-for", type=int, default=0, metavar="N", help="visitors at which the always-valid interval is tightest; to be chosen before one looks (5,000)")
    experiment.add_argument("--json", action="store_true", help="the report as JSON")
    experiment.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page, too")
    experiment.add_argument("--content", type=Path, help="the folder that holds rules/ (the current one)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where the report could be made, whatever it says."""
    report = _from_file(arguments)
    if arguments.html is not None:
        arguments.html.write_text(_reports("experiment_page").page(report))
    if arguments.json:
        print(json.dumps(_reports("as_json").as_json(report), indent=2, ensure_ascii=False))
        return 0
    tell(report, Console(highlight=False))
    if arguments.html is not None:
        print(f"written to {arguments.html}")
    return 0


def _reports(module: str) -> Any:
    """A module of the reports, whose libraries are an extra."""
    try:
        return import_module(f"app.reports.{module}")
    except ImportError as error:
        raise SettingsInvalid(f'reports need the extra "reports": pip install "inlay[reports]" ({error.name} is missing)') from error


def _from_file(arguments: argparse.Namespace) -> Report:
    exposures, results = _reports("exposures"), _reports("results")
    if arguments.file is None:
        raise SettingsInvalid("--file: a file with a row per visitor")
    if unknown := sorted(set(arguments.map) - set(COLUMNS)):
        raise SettingsInvalid(f"--map: no {', '.join(unknown)}; there are {', '.join(COLUMNS)}")
    metrics = [_metric(text, i, "up", results) for i, text in enumerate(arguments.metric)]
    if not metrics:
        raise SettingsInvalid("--metric: a column of the file, such as --metric visit")
    metrics += [_metric(text, -1, "down", results) for text in arguments.guardrail]
    table = exposures.Table(arguments.file, tuple(each.name for each in metrics), **arguments.map)
    weights = _weights(arguments, exposures.variants_of(table, arguments.name))
    plan = results.Plan(arguments.name, weights, metrics, arguments.tuned_for or results.TUNED_FOR)
    return results.report(plan, *exposures.count(table, arguments.name, list(weights)))


def _metric(text: str, place: int, usual: str, results: Any) -> Metric:
    name, _, good = text.rpartition(":") if text.endswith((":up", ":down")) else (text, "", usual)
    return results.Metric(name, "primary" if place == 0 else "secondary" if place > 0 else "guardrail", good)


def _weights(arguments: argparse.Namespace, found: Sequence[str]) -> Mapping[str, float]:
    """Those of the command, those of the rules, or equal ones of what the file names."""
    weights = {name: _number(share, name) for name, share in arguments.weights.items()} or _declared(arguments) or dict.fromkeys(found, 1.0)
    if len(weights) < 2:
        raise NotFound(f"{arguments.name}: {len(weights)} variant{'s' * (len(weights) != 1)} in {arguments.file}; an experiment has at least two")
    return weights


def _declared(arguments: argparse.Namespace) -> dict[str, float]:
    settings = load_settings(content=arguments.content)
    definitions, _ = gather(settings.content) if (settings.content / "rules").is_dir() else (None, [])
    declared = definitions.experiments.get(arguments.name) if definitions is not None else None
    return dict(declared.variants) if declared is not None else {}


def _number(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise SettingsInvalid(f"--weights: {name} is {text!r}; a share, such as 0.5")
    return number


def _pairs(text: str) -> dict[str, str]:
    rows = [part.rpartition("=") for part in text.split(",")]
    if not all(key.strip() and value.strip() for key, _, value in rows):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE,KEY=VALUE")
    return {key.strip(): value.strip() for key, _, value in rows}


# -- on the terminal ---------------------------------------------------------------------------------------------------


def tell(report: Report, console: Console) -> None:
    console.print(Text(report.finding, f"bold {TONES[report.verdict]}".strip()), "")
    for measured in report.measured:
        console.print(_told(measured), "")
    for check in (report.ratio, report.multiple):
        console.print(Text("✓ " if check.ok else "✗ ", "green" if check.ok else "red"), Text(check.message), sep="")
    for note in report.notes:
        console.print(Text(f"· {note}", "dim"))


def _told(measured: Measured) -> Table:
    results = _reports("results")
    metric, compared = measured.metric, {each.variant: each for each in measured.comparisons}
    role = {"primary": "decides", "secondary": "", "guardrail": "guardrail"}[metric.role]
    table = Table(box=None, header_style="dim", title=Text.assemble((metric.name, "bold"), (f"  {role}", "dim")), title_justify="left", padding=(0, 2, 0, 0))
    table.add_column("variant", no_wrap=True)
    for head in ("visitors", "rate" if measured.kind == "rate" else "mean", "lift", "one look, 95 %", "odds, 95 %", "whenever, 95 %", "better", ""):
        table.add_column(head, justify="left" if not head else "right")
    for arm in measured.arms:
        start = (arm.variant, f"{arm.sample.n:,}", results.shown(arm.sample.mean, measured.kind) if arm.sample.n else "–")
        each = compared.get(arm.variant)
        table.add_row(*start, *(_columns(each, metric.good, results) if each is not None else ("", "", "", "", "", "control")))
    return table


def _columns(each: Comparison, good: str, results: Any) -> tuple[str | Text, ...]:
    better = each.odds.higher if good == "up" else 1 - each.odds.higher
    spans = [f"{results.percent(low)} to {results.percent(high)}" if low > -9 or high < 9 else "–" for low, high in (each.once.lift, each.odds.lift, each.always.lift)]
    return (results.percent(each.lift), *spans, _chance(better), Text(each.verdict.replace("_", " "), TONES[each.verdict]))


def _chance(share: float) -> str:
    return "> 99.9 %" if share > 0.999 else "< 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"
