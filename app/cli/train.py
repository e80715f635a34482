"""`inlay train SPEC`: a model out of the shop's own history, as ONNX with its card, where the server finds it."""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from app.cli.dataset import built, doing, history, settings_of, tell, with_history
from app.content.load import load
from app.domain.definitions import Definitions
from app.errors import SettingsInvalid
from app.learning.cards import write
from app.learning.examples import Examples, read_rows, read_table
from app.learning.spec import Spec, read_spec
from app.learning.training import train
from app.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", type=Path, metavar="SPEC.yaml", help="says what to learn from what")
    parser.add_argument("--rows", type=Path, metavar="FILE", help="a training set that `inlay dataset` wrote (made of the history)")
    with_history(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    definitions = load(settings.content, settings.bounds)
    spec = read_spec(arguments.spec, definitions)
    if spec.label is not None and not spec.label.yes_or_no:
        raise SettingsInvalid(f"{arguments.spec}: label: inlay train tells yes from no; a label is {{did: ..., within: ...}} or {{did_not: ..., within: ...}}")
    examples, source = _examples(arguments, settings, definitions, spec)
    with doing() as say, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trained = train(spec, examples, say)
    card, page = write(trained, spec, settings.content, source)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{trained.fitted.method}: {trained.rows:,} rows to learn from, {len(trained.test):,} to judge by", markup=False)
    for name, value in trained.figures.items():
        console.print(f"{value:>12.4f}  {name.replace('_', ' ')}", markup=False)
    console.print(f"{trained.difference:>12.1e}  largest difference of the ONNX file from the library", markup=False)
    for note in trained.notes:
        console.print(f"note: {note}", markup=False)
    console.print(f"written to {card} and {page}", markup=False)
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
