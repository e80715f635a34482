"""`inlay retrain SPEC ...`: export, rows, training, judging, comparing and promoting as one command for a scheduler.

It can be run again at any time: what was learnt from the same history is not learnt again, a version that was rolled back from
is not promoted again, and of two at once the second does nothing. Exit codes: 0 done, 1 something is wrong, 3 another one is at
it, 4 the new version is worse: it is kept beside the one that serves.
"""

from __future__ import annotations

import argparse
import fcntl
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console

from app.cli.dataset import built, definitions_of, doing, history, settings_of, with_history
from app.cli.promoting import promote
from app.domain.definitions import Definitions
from app.learning import cards, versions
from app.learning.evaluation import compare, judge, unseen, wanted
from app.learning.examples import Examples, read_rows, read_table
from app.learning.histories import Events
from app.learning.kinds import Compared
from app.learning.outcomes import carry_out
from app.learning.sameness import of_history, of_table
from app.learning.spec import Spec
from app.learning.tasks import HistoryTask, RecommenderTask, Task, read_task
from app.learning.training import train
from app.learning.versions import Shelf, Version
from app.settings import Settings

BUSY, WORSE = 3, 4
REPORT = "retrained.json"
Source = Callable[[Spec], Examples]
Outcome = Literal["first", "promoted", "unchanged", "worse", "rolled back from", "replaced", "busy"]


@dataclass
class Report:
    """What a run did, as it is written to `training/<model>/retrained.json`."""

    model: str
    at: str
    outcome: Outcome = "unchanged"
    version: str | None = None
    serves: str | None = None
    rows: int = 0
    judged_by: int = 0
    judged_on: str = ""
    figures: dict[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    compared: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list[str])
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        begun = time.monotonic()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - begun, 2)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("specs", type=Path, nargs="+", metavar="SPEC.yaml", help="what to train anew")
    parser.add_argument("--json", action="store_true", help="the report of each on a line, as JSON")
    with_history(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    definitions = definitions_of(settings)
    tasks = [(path, read_task(path, definitions)) for path in arguments.specs]
    with history(arguments, settings) as events:
        codes = [_retrained(path, task, events, settings, definitions, json=arguments.json) for path, task in tasks]
    return max(codes)


def _retrained(path: Path, task: Task, events: Events, settings: Settings, definitions: Definitions, *, json: bool) -> int:
    report = Report(_id(task), f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    home = settings.content / "training" / report.model
    with _alone(home) as alone:
        if alone:
            Run(path, task, events, settings, definitions, report).go()
            versions.replace(home / REPORT, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
        else:
            report.outcome = "busy"
    _tell(report, json=json)
    return {"busy": BUSY, "worse": WORSE}.get(report.outcome, 0)


@contextmanager
def _alone(home: Path) -> Generator[bool]:
    """Whether nobody else trains this model; nobody else does until the end. The lock goes with the process."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".retrain.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def _id(task: Task) -> str:
    return task.model if isinstance(task, Spec) else task.id


class Run:
    """One model trained anew."""

    def __init__(self, path: Path, task: Task, events: Events, settings: Settings, definitions: Definitions, report: Report) -> None:
        self._task, self._events, self._settings, self._definitions, self._report = task, events, settings, definitions, report
        self._shelf = Shelf(settings.content, report.model)
        with report.step("look"):
            table = task.table if isinstance(task, Spec) else None
            self._same = of_table(path, table.file) if table is not None else of_history(path, definitions, events)

    def go(self) -> None:
        report, shelf = self._report, self._shelf
        shelf.adopt()
        made = next((each for each in shelf.versions() if each.trained.get("same") == self._same), None)
        if made is not None and made.name == shelf.serving():
            report.outcome, report.version, report.serves = "unchanged", made.name, made.name
            return
        with warnings.catch_warnings(), doing() as say:
            warnings.simplefilter("ignore")
            match self._task:
                case Spec():
                    self._model(self._task, made, say)
                case _:
                    self._other(self._task, made, say)
        report.serves = shelf.serving()

    # -- models that are judged by rows ------------------------------------------------------------------------------

    def _model(self, spec: Spec, made: Version | None, say: Any) -> None:
        report, shelf = self._report, self._shelf
        serving = shelf.serving()
        served = shelf.version(serving) if serving is not None else None
        with tempfile.TemporaryDirectory(prefix="inlay-") as folder:
            source = self._source(spec, served, Path(folder))
            examples = source(spec)
            report.rows = len(examples)
            with report.step("train"):
                made = made or self._trained(spec, examples, say)
            report.version = made.name
            if served is None:
                self._promote(made, "first", "retrained: the first version")
                report.figures = {made.name: made.trained.get("figures") or {}}
                return
            with report.step("compare"):
                found = self._compared(spec, served, made, source)
        if found.finding == "worse":
            report.outcome = "worse"
        else:
            self._promote(made, "promoted", f"retrained: {found}")

    def _source(self, spec: Spec, served: Version | None, folder: Path) -> Source:
        """`f(spec)`: the rows with that spec's inputs; made once, with the inputs of the served version too."""
        if spec.table is not None:
            return partial(read_table, timezone=ZoneInfo(self._definitions.timezone))
        whole = replace(spec, inputs=wanted(spec, [served.model_card(self._definitions)] if served is not None else []))
        rows = folder / "rows.parquet"
        with self._report.step("rows"):
            told = built(whole, self._definitions, self._events, rows)
        self._report.notes += [f"{count:,} instants gave no row: {reason}" for reason, count in told.skipped.items()]
        return partial(read_rows, rows)

    def _trained(self, spec: Spec, examples: Examples, say: Any) -> Version:
        trained = train(replace(spec, version=""), examples, say)
        self._report.notes += trained.notes
        return cards.keep(trained, self._settings.content, "the shop's own history" if spec.table is None else spec.table.file.name, {"same": self._same})

    def _compared(self, spec: Spec, served: Version, made: Version, source: Source) -> Compared:
        report, both = self._report, (served, made)
        model_cards = [each.model_card(self._definitions) for each in both]
        examples = source(replace(spec, inputs=wanted(spec, model_cards)))
        rows, report.judged_on = unseen(spec, examples, both)
        some = examples.take(rows)
        first, second = (judge(spec, version, card, some) for version, card in zip(both, model_cards, strict=True))
        found = compare(spec, first, second, some)
        report.judged_by, report.compared = len(some), asdict(found)
        report.figures = {each.version.name: dict(each.figures) for each in (first, second)}
        return found

    # -- everything else ---------------------------------------------------------------------------------------------

    def _other(self, task: HistoryTask, made: Version | None, say: Any) -> None:
        """Kinds of people, lifetime values, recommenders: what proves sound replaces what was there."""
        content, definitions, report = self._settings.content, self._definitions, self._report
        with report.step("train"):
            match task:
                case RecommenderTask():
                    outcome = carry_out(task, definitions, self._events, content, say)
                    report.outcome, report.notes = "replaced", [f"{name}: {value}" for value, name in outcome.told]
                    return
                case _:
                    made = made or carry_out(replace(task, version=""), definitions, self._events, content, say, {"same": self._same}).version
        assert made is not None
        report.version = made.name
        self._promote(made, "replaced", "retrained")

    def _promote(self, version: Version, outcome: Outcome, why: str) -> None:
        """Unless somebody went back from it."""
        if any(row["was"] == version.name and row["why"] == "rolled back" for row in self._shelf.log()):
            self._report.outcome = "rolled back from"
            return
        with self._report.step("promote"):
            promote(self._settings.content, self._definitions, self._shelf, version, why)
        self._report.outcome = outcome


_SAID: Mapping[Outcome, str] = {
    "first": "version {version} is the first, and serves", "promoted": "version {version} is not worse, and serves", "unchanged": "nothing happened since version {version}, which serves",
    "worse": "version {version} is worse and kept; version {serves} goes on serving", "rolled back from": "version {version} was rolled back from and stays so; version {serves} serves",
    "replaced": "learnt anew, and serves", "busy": "another one is at it",
}


def _tell(report: Report, *, json: bool) -> None:
    if json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{report.model}: {_SAID[report.outcome].format(version=report.version, serves=report.serves)}", markup=False)
    if report.compared is not None:
        console.print(f"  {Compared(**report.compared)}, by {report.judged_by:,} {report.judged_on}", markup=False)
    for note in report.notes:
        console.print(f"  note: {note}", markup=False)
    if report.seconds:
        console.print("  " + ", ".join(f"{name} {seconds:g} s" for name, seconds in report.seconds.items()), markup=False)
