"""`inlay report experiment|holdout NAME`: what an experiment or a holdout showed, on the terminal, as JSON and as a page."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console

from app.content.load import gather
from app.domain.experiments import USUAL_MEASURES, Measure
from app.errors import ContentInvalid, NotFound, SettingsInvalid
from app.settings import Settings, load_settings

if TYPE_CHECKING:
    from app.domain.definitions import Definitions
    from app.reports.results import Metric, Report

COLUMNS = ("variant", "unit", "at", "experiment")
Named = TypeVar("Named")


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="experiment|holdout")
    experiment = actions.add_parser("experiment", help="visitors, rates, lift with intervals, and whether the data can be trusted")
    experiment.add_argument("name", metavar="NAME", help="the experiment, as in rules/")
    experiment.add_argument("--file", type=Path, metavar="F", help="instead of the log: CSV, JSON Lines or Parquet with a row per visitor, or per visit")
    experiment.add_argument("--map", type=_pairs, default={}, metavar="KEY=COLUMN,...", help=f"what columns of the file are called: {', '.join(COLUMNS)}")
    experiment.add_argument("--metric", action="append", default=[], metavar="COLUMN", help="of the file: what is measured; the first decides. COLUMN:down where less is better")
    experiment.add_argument("--guardrail", action="append", default=[], metavar="COLUMN", help="of the file: what must not get worse; less is better, but for COLUMN:up")
    experiment.add_argument("--weights", type=_pairs, default={}, metavar="V=SHARE,...", help="variants and their shares, the control first (those of rules/, else equal ones)")
    holdout = actions.add_parser("holdout", help="what those who are held out do, against those who are not")
    holdout.add_argument("name", metavar="NAME", help="the holdout, as in rules/")
    for action in (experiment, holdout):
        action.add_argument("--log", type=Path, metavar="DIR", help="the packed decision log (log in the data folder)")
        action.add_argument("--from", dest="since", type=date.fromisoformat, metavar="DATE", help="only who was first shown it on this day or later")
        action.add_argument("--to", dest="until", type=date.fromisoformat, metavar="DATE", help="only who was first shown it before this day")
        action.add_argument("--tuned-for", type=int, default=0, metavar="N", help="visitors at which the always-valid interval is tightest; to be chosen before one looks (5,000)")
        action.add_argument("--json", action="store_true", help="the report as JSON")
        action.add_argument("--html", metavar="FILE", help="write the report as a page, too; - writes it alone to standard output")
        action.add_argument("--content", type=Path, help="the folder that holds rules/ (the current one)")
        action.add_argument("--data", type=Path, help="the server's data folder (./data)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where the report could be made, whatever it says."""
    settings = load_settings(content=arguments.content, data=arguments.data)
    report = _holdout(arguments, settings) if arguments.action == "holdout" else _experiment(arguments, settings) if arguments.file is None else _from_file(arguments, settings)
    if arguments.html == "-":
        sys.stdout.write(_reports("experiment_page").page(report))
        return 0
    if arguments.html is not None:
        Path(arguments.html).write_text(_reports("experiment_page").page(report))
    if arguments.json:
        print(json.dumps(_reports("as_json").as_json(report), indent=2, ensure_ascii=False))
        return 0
    import_module("app.cli.report_tables").tell(report, Console(highlight=False))
    if arguments.html is not None:
        print(f"written to {arguments.html}")
    return 0


def _reports(module: str) -> Any:
    """A module of the reports, whose libraries are an extra."""
    try:
        return import_module(f"app.reports.{module}")
    except ImportError as error:
        raise SettingsInvalid(f'reports need the extra "reports": pip install "inlay[reports]" ({error.name} is missing)') from error


# -- from the decision log ---------------------------------------------------------------------------------------------


def _experiment(arguments: argparse.Namespace, settings: Settings) -> Report:
    decision_log, results = _reports("decision_log"), _reports("results")
    experiment = _declared(_rules(settings).experiments, arguments.name, "experiment")
    measures = experiment.measures or USUAL_MEASURES
    plan = results.Plan(experiment.id, _weights(arguments, dict(experiment.variants)), _metrics(measures, results), arguments.tuned_for or results.TUNED_FOR)
    return results.report(plan, *decision_log.count_experiment(_log(arguments, settings, decision_log), experiment, measures))


def _holdout(arguments: argparse.Namespace, settings: Settings) -> Report:
    decision_log, results = _reports("decision_log"), _reports("results")
    holdout = _declared(_rules(settings).holdouts, arguments.name, "holdout")
    weights = {decision_log.HELD: holdout.share, decision_log.SERVED: 1 - holdout.share}
    plan = results.Plan(holdout.id, weights, _metrics(USUAL_MEASURES, results), arguments.tuned_for or results.TUNED_FOR, "holdout")
    return results.report(plan, *decision_log.count_holdout(_log(arguments, settings, decision_log), holdout, USUAL_MEASURES))


def _log(arguments: argparse.Namespace, settings: Settings, decision_log: Any) -> Any:
    folder = arguments.log if arguments.log is not None else settings.log_home
    return decision_log.Log(folder, *("" if day is None else day.isoformat() for day in (arguments.since, arguments.until)))


def _metrics(measures: Sequence[Measure], results: Any) -> list[Metric]:
    return [results.Metric(each.name, "guardrail" if each.guardrail else "secondary" if i else "primary", each.good, each.margin) for i, each in enumerate(measures)]


def _rules(settings: Settings) -> Definitions:
    definitions, problems = gather(settings.content)
    if definitions is None:
        raise ContentInvalid(tuple(problems))
    return definitions


def _declared(known: Mapping[str, Named], name: str, what: str) -> Named:
    if name not in known:
        raise NotFound(f"no {what} {name[:64]!r} in rules/; there are {', '.join(known) or 'none'}")
    return known[name]


# -- from a file -------------------------------------------------------------------------------------------------------


def _from_file(arguments: argparse.Namespace, settings: Settings) -> Report:
    exposures, results = _reports("exposures"), _reports("results")
    if unknown := sorted(set(arguments.map) - set(COLUMNS)):
        raise SettingsInvalid(f"--map: no {', '.join(unknown)}; there are {', '.join(COLUMNS)}")
    metrics = [_metric(text, i, "up", results) for i, text in enumerate(arguments.metric)]
    if not metrics:
        raise SettingsInvalid("--metric: a column of the file, such as --metric visit")
    metrics += [_metric(text, -1, "down", results) for text in arguments.guardrail]
    table = exposures.Table(arguments.file, tuple(each.name for each in metrics), **arguments.map)
    declared = _rules(settings).experiments.get(arguments.name) if (settings.content / "rules").is_dir() else None
    found = exposures.variants_of(table, arguments.name)
    weights = _weights(arguments, dict(declared.variants) if declared is not None else dict.fromkeys(found, 1.0))
    if len(weights) < 2:
        raise NotFound(f"{arguments.name}: {len(weights)} variant{'s' * (len(weights) != 1)} in {arguments.file}; an experiment has at least two")
    plan = results.Plan(arguments.name, weights, metrics, arguments.tuned_for or results.TUNED_FOR)
    return results.report(plan, *exposures.count(table, arguments.name, list(weights)))


def _metric(text: str, place: int, usual: str, results: Any) -> Metric:
    name, _, good = text.rpartition(":") if text.endswith((":up", ":down")) else (text, "", usual)
    return results.Metric(name, "primary" if place == 0 else "secondary" if place > 0 else "guardrail", good)


def _weights(arguments: argparse.Namespace, usual: dict[str, float]) -> dict[str, float]:
    return {name: _number(share, name) for name, share in arguments.weights.items()} or usual


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
