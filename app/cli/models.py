"""`inlay models`: versions of models beside one another: list, evaluate and compare them, promote one, go back, watch them."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.table import Table

from app.cli import model_drift
from app.cli.dataset import built, history, settings_of, with_history
from app.cli.promoting import promote, refuse_unsound
from app.content.load import load
from app.domain.definitions import Definitions
from app.domain.json import is_object
from app.errors import SettingsInvalid
from app.learning.evaluation import Judged, compare, judge, unseen, wanted
from app.learning.examples import Examples, read_rows, read_table
from app.learning.spec import Spec
from app.learning.tasks import read_task
from app.learning.training import kind_of
from app.learning.versions import Shelf, Version, shelves
from app.settings import Settings

LISTED = ("auc", "log_loss", "qini")
_encode = msgspec.json.Encoder().encode


def add(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True, metavar="list|evaluate|compare|promote|rollback|shadow|drift")
    each = what.add_parser("list", help="every version of a model, or of all, and which one serves")
    each.add_argument("model", nargs="?", metavar="MODEL", help="the model (all)")
    each.set_defaults(act=_list)
    each = what.add_parser("evaluate", help="the figures of versions on rows that they did not learn from")
    each.add_argument("spec", metavar="SPEC", help="the spec that says which rows, or the model that training/ has one of")
    each.add_argument("versions", nargs="*", metavar="VERSION", help="which (the one that serves)")
    each.set_defaults(act=_evaluate)
    _with_rows(each)
    each = what.add_parser("compare", help="whether one version is better than another on the same rows")
    each.add_argument("spec", metavar="SPEC", help="the spec that says which rows, or the model that training/ has one of")
    each.add_argument("versions", nargs="*", metavar="VERSION", help="two of them (the one that serves, and the newest)")
    each.set_defaults(act=_compare)
    _with_rows(each)
    each = what.add_parser("promote", help="make a version the one that serves")
    each.add_argument("model", metavar="MODEL")
    each.add_argument("version", metavar="VERSION")
    each.set_defaults(act=_promote)
    each = what.add_parser("rollback", help="go back to the version that served before")
    each.add_argument("model", metavar="MODEL")
    each.set_defaults(act=_rollback)
    each = what.add_parser("shadow", help="score a version beside the one that serves, for a share of the decisions; nobody decides by it")
    each.add_argument("model", metavar="MODEL")
    each.add_argument("version", nargs="?", metavar="VERSION", help="which (no version any more)")
    each.add_argument("--share", type=float, default=0.1, metavar="SHARE", help="of the decisions (0.1)")
    each.set_defaults(act=_shadow)
    model_drift.add(what.add_parser("drift", help="whether models see what they learnt from, and say what comes true, by the decision log"))
    for each in what.choices.values():
        if "--content" not in each._option_string_actions:  # noqa: SLF001 (argparse tells it nowhere else)
            each.add_argument("--content", type=Path, help="the folder that holds rules/ (the current one)")
            each.set_defaults(data=None, redis_url=None)
    for name in ("list", "evaluate", "compare"):
        what.choices[name].add_argument("--json", action="store_true", help="the same as JSON")
    parser.set_defaults(run=run)


def _with_rows(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=Path, metavar="FILE", help="a training set that `inlay dataset` wrote (made of the history)")
    with_history(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    return arguments.act(arguments, settings, load(settings.content, settings.bounds))


# -- what there is -----------------------------------------------------------------------------------------------------


def _list(arguments: argparse.Namespace, settings: Settings, definitions: Definitions) -> int:
    every = [shelf for shelf in shelves(settings.content) if arguments.model in (None, shelf.model)]
    if arguments.model is not None and not every:
        raise SettingsInvalid(f"no model {arguments.model[:64]!r}; there are {', '.join(shelf.model for shelf in shelves(settings.content)) or 'none'}")
    rows = [row for shelf in every for row in _rows(shelf)]
    if arguments.json:
        sys.stdout.write(_encode(rows).decode() + "\n")
        return 0
    names = [name for name in LISTED if any(name in row["figures"] for row in rows)]
    table = Table("model", "version", "", "trained on", *(name.replace("_", " ") for name in names), box=None, header_style="bold")
    for row in rows:
        told = row["figures"]
        table.add_row(row["model"], row["version"], "serves" if row["serves"] else "", row["on"], *(f"{told[name]:g}" if name in told else "" for name in names))
    Console(highlight=False).print(table)
    return 0


def _rows(shelf: Shelf) -> list[dict[str, Any]]:
    serving, kept = shelf.serving(), shelf.versions()
    found: list[dict[str, Any]] = [
        {"model": shelf.model, "version": each.name, "serves": each.name == serving, "on": _made_of(each), "figures": figures_of(each), "sha256": str(each.card.get("sha256", ""))}
        for each in kept
    ]
    if serving is not None and serving not in {each.name for each in kept}:
        found.append({"model": shelf.model, "version": serving, "serves": True, "on": "", "figures": {}, "sha256": ""})
    return found


def figures_of(version: Version) -> dict[str, float]:
    """Those that its card tells."""
    found: Any = version.trained.get("figures")
    return dict(found) if is_object(found) else {}


def _made_of(version: Version) -> str:
    told = version.trained
    rows = f"{told['rows']:,} rows" if isinstance(told.get("rows"), int) else ""
    return ", ".join(filter(None, (rows, f"judged to {told['judged_to']}" if "judged_to" in told else str(told.get("on", "")))))


# -- how good they are -------------------------------------------------------------------------------------------------


def spec_named(name: str, settings: Settings, definitions: Definitions) -> Spec:
    """A file, or the model of which `training/` has a spec. `SettingsInvalid` where it trains no model that is judged by rows."""
    path = Path(name) if Path(name).suffix in (".yaml", ".yml") else settings.content / "training" / f"{name}.yaml"
    task = read_task(path, definitions)
    if not isinstance(task, Spec) or (task.label is not None and not task.label.yes_or_no):
        raise SettingsInvalid(f"{path}: only models that tell yes from no, or what a message changes, are judged by rows")
    return task


def fresh_rows(arguments: argparse.Namespace, settings: Settings, definitions: Definitions, spec: Spec) -> Examples:
    if spec.table is not None:
        return read_table(spec, ZoneInfo(definitions.timezone))
    if arguments.rows is not None:
        return read_rows(arguments.rows, spec)
    with tempfile.TemporaryDirectory(prefix="inlay-") as folder, history(arguments, settings) as events:
        rows = Path(folder) / "rows.parquet"
        built(spec, definitions, events, rows)
        return read_rows(rows, spec)


def judged(versions: Sequence[Version], spec: Spec, arguments: argparse.Namespace, settings: Settings, definitions: Definitions) -> tuple[list[Judged], Examples, str]:
    """(each version's figures, the rows that they were made of, what those are in words)."""
    cards = [each.model_card(definitions) for each in versions]
    examples = fresh_rows(arguments, settings, definitions, replace(spec, inputs=wanted(spec, cards)))
    rows, said = unseen(spec, examples, versions)
    some = examples.take(rows)
    return [judge(spec, version, card, some) for version, card in zip(versions, cards, strict=True)], some, said


def _evaluate(arguments: argparse.Namespace, settings: Settings, definitions: Definitions) -> int:
    spec = spec_named(arguments.spec, settings, definitions)
    shelf = Shelf(settings.content, spec.model)
    shelf.adopt()
    names = arguments.versions or [_serving(shelf)]
    found, some, said = judged([shelf.version(name) for name in names], spec, arguments, settings, definitions)
    if arguments.json:
        told = {"model": spec.model, "rows": len(some), "versions": {each.version.name: dict(each.figures) for each in found}}
        sys.stdout.write(_encode(told).decode() + "\n")
        return 0
    Console(highlight=False, soft_wrap=True).print(f"{len(some):,} {said}", markup=False)
    _print(spec, found)
    return 0


def _compare(arguments: argparse.Namespace, settings: Settings, definitions: Definitions) -> int:
    spec = spec_named(arguments.spec, settings, definitions)
    shelf = Shelf(settings.content, spec.model)
    shelf.adopt()
    names = arguments.versions or [_serving(shelf), shelf.versions()[-1].name]
    if len(set(names)) != 2:
        raise SettingsInvalid(f"two versions are compared, and there are {' and '.join(dict.fromkeys(names))}; inlay models list {spec.model} names them")
    (first, second), some, said = judged([shelf.version(name) for name in names], spec, arguments, settings, definitions)
    found = compare(spec, first, second, some)
    if arguments.json:
        told = {"model": spec.model, "rows": len(some), "versions": {each.version.name: dict(each.figures) for each in (first, second)}, "compared": asdict(found)}
        sys.stdout.write(_encode(told).decode() + "\n")
        return 0
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{len(some):,} {said}", markup=False)
    _print(spec, [first, second])
    console.print(f"{second.version.name} against {first.version.name}: {found}", markup=False)
    return 0


def _serving(shelf: Shelf) -> str:
    name = shelf.serving()
    if name is None:
        raise SettingsInvalid(f"no version of {shelf.model} serves; name one of {', '.join(each.name for each in shelf.versions()) or 'none: train one first'}")
    return name


def _print(spec: Spec, found: Sequence[Judged]) -> None:
    table = Table("", *(f"version {each.version.name}" for each in found), box=None, header_style="bold")
    for name in kind_of(spec).shown:
        table.add_row(name.replace("_", " "), *(f"{each.figures[name]:.4f}" for each in found))
    Console(highlight=False).print(table)


# -- which one serves --------------------------------------------------------------------------------------------------


def _promote(arguments: argparse.Namespace, settings: Settings, definitions: Definitions) -> int:
    shelf = Shelf(settings.content, arguments.model)
    shelf.adopt()
    return _switch(settings, definitions, shelf, shelf.version(arguments.version), "promoted")


def _rollback(arguments: argparse.Namespace, settings: Settings, definitions: Definitions) -> int:
    shelf = Shelf(settings.content, arguments.model)
    return _switch(settings, definitions, shelf, shelf.version(shelf.former()), "rolled back")


def _switch(settings: Settings, definitions: Definitions, shelf: Shelf, version: Version, why: str) -> int:
    console, was = Console(highlight=False, soft_wrap=True), shelf.serving()
    if was == version.name:
        console.print(f"version {version.name} of {shelf.model} serves already", markup=False)
        return 0
    promote(settings.content, definitions, shelf, version, why)
    console.print(f"version {version.name} of {shelf.model} serves{f', and {was} does no longer' if was is not None else ''}", markup=False)
    return 0


def _shadow(arguments: argparse.Namespace, settings: Settings, definitions: Definitions) -> int:
    shelf, console = Shelf(settings.content, arguments.model), Console(highlight=False, soft_wrap=True)
    shelf.adopt()
    serving = shelf.version(_serving(shelf))
    if arguments.version is None:
        shelf.unshade()
        console.print(f"nothing is scored beside {shelf.model} any more", markup=False)
        return 0
    if not 0 < arguments.share <= 1:
        raise SettingsInvalid(f"--share: {arguments.share:g} is none: above 0, and at most 1")
    version = shelf.version(arguments.version)
    refuse_unsound(settings.content, definitions, shelf, version)
    shelf.shade(version, arguments.share)
    console.print(f"version {version.name} of {shelf.model} is scored beside {serving.name} in {arguments.share:.0%} of the decisions; inlay models drift {shelf.model} tells of it", markup=False)
    return 0
