"""`inlay train SPEC`: a model out of the shop's own history, as ONNX with its card, where the server finds it."""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from app.cli.dataset import built, definitions_of, doing, history, settings_of, tell, with_history
from app.domain.definitions import Definitions
from app.errors import SettingsInvalid
from app.cli.promoting import promote
from app.learning.cards import keep
from app.learning.examples import Examples, read_rows, read_table
from app.learning.outcomes import carry_out
from app.learning.spec import Spec
from app.learning.tasks import read_task
from app.learning.training import kind_of, train
from app.learning.versions import CARD, Shelf, Version
from app.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", type=Path, metavar="SPEC.yaml", help="says what to learn from what")
    parser.add_argument("--rows", type=Path, metavar="FILE", help="a training set that `inlay dataset` wrote (made of the history)")
    parser.add_argument("--candidate", action="store_true", help="keep the version beside the one that serves (it serves at once)")
    with_history(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    definitions = definitions_of(settings)
    task = read_task(arguments.spec, definitions)
    if isinstance(task, Spec):
        return _model(arguments, settings, definitions, task)
    with history(arguments, settings) as events, doing() as say, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = carry_out(task, definitions, events, settings.content, say)
    _tell(outcome.told, ())
    if outcome.version is None:
        Console(highlight=False, soft_wrap=True).print(f"written to {' and '.join(map(str, outcome.written))}", markup=False)
    else:
        _serve(arguments, settings, definitions, outcome.version)
    return 0


def _serve(arguments: argparse.Namespace, settings: Settings, definitions: Definitions, version: Version) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"written to {version.folder / CARD}", markup=False)
    if arguments.candidate:
        console.print(f"version {version.name} of {version.model} is kept; inlay models promote {version.model} {version.name} makes it serve", markup=False)
        return
    promote(settings.content, definitions, Shelf(settings.content, version.model), version, "trained")
    console.print(f"version {version.name} of {version.model} serves", markup=False)


def _tell(rows: Sequence[tuple[str, str]], notes: Sequence[str]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for value, name in rows:
        console.print(f"{value:>12}  {name}", markup=False)
    for note in notes:
        console.print(f"note: {note}", markup=False)


def _model(arguments: argparse.Namespace, settings: Settings, definitions: Definitions, spec: Spec) -> int:
    if spec.label is not None and not spec.label.yes_or_no:
        raise SettingsInvalid(f"{arguments.spec}: label: inlay train tells yes from no; a label is {{did: ..., within: ...}} or {{did_not: ..., within: ...}}")
    examples, source = _examples(arguments, settings, definitions, spec)
    with doing() as say, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trained = train(spec, examples, say)
    rows = [(f"{trained.rows:,}", f"rows to learn from, by {kind_of(spec).method(spec)}"), (f"{len(trained.test):,}", "rows to judge by")]
    rows += [(f"{value:.4f}", name.replace("_", " ")) for name, value in trained.figures.items()]
    rows += [(f"{trained.difference:.1e}", "largest difference of the ONNX file from the library")]
    _tell(rows, trained.notes)
    _serve(arguments, settings, definitions, keep(trained, settings.content, source))
    return 0


def _examples(arguments: argparse.Namespace, settings: Settings, definitions: Definitions, spec: Spec) -> tuple[Examples, str]:
    """The examples, and what they are in words."""
    if spec.table is not None:
        return read_table(spec, ZoneInfo(definitions.timezone)), spec.table.file.name
    if arguments.rows is not None:
        return read_rows(arguments.rows, spec), "the shop's own history"
    with tempfile.TemporaryDirectory(prefix="inlay-") as folder, history(arguments, settings) as events:
        rows = Path(folder) / "rows.parquet"
        tell(built(spec, definitions, events, rows), spec)
        return read_rows(rows, spec), "the shop's own history"
