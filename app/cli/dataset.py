"""`inlay dataset SPEC`: a training set of (person, instant, inputs, label) out of a history, as the server would have known it."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.content.load import gather, load
from app.domain.definitions import Definitions
from app.errors import ContentInvalid, SettingsInvalid
from app.learning.dataset import DAY, Told, build
from app.learning.histories import Events, events_of
from app.learning.spec import Spec
from app.learning.tasks import read_task
from app.settings import Settings, load_settings


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", type=Path, metavar="SPEC.yaml", help="says which people at which instants, the label and the inputs")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the Parquet file to write")
    with_history(parser)
    parser.set_defaults(run=run)


def with_history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--history", type=events_of, metavar="FILE", help="files that `inlay export events` wrote, or a table of a warehouse (what the store holds)")
    parser.add_argument("--content", type=Path, help="the folder that holds rules/ (the current one)")
    parser.add_argument("--data", type=Path, help="the server's data folder (./data)")
    parser.add_argument("--redis-url", help="the server's Redis, where it is not the embedded one")


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    definitions = load(settings.content, settings.bounds)
    spec = read_task(arguments.spec, definitions)
    if not isinstance(spec, Spec) or spec.rows is None:
        raise SettingsInvalid(f"{arguments.spec} asks for no rows (rows: and label:); inlay train {arguments.spec} does what it asks for")
    with history(arguments, settings) as events:
        told = built(spec, definitions, events, arguments.out)
    tell(told, spec)
    Console(highlight=False, soft_wrap=True).print(f"written to {arguments.out}", markup=False)
    return 0


def settings_of(arguments: argparse.Namespace) -> Settings:
    return load_settings(content=arguments.content, data=arguments.data, redis_url=arguments.redis_url)


def definitions_of(settings: Settings) -> Definitions:
    """The content, for what trains: a recommender's file that cannot be read is no hindrance to making it anew. `ContentInvalid`."""
    definitions, problems = gather(settings.content, settings.bounds)
    wrong = tuple(each for each in problems if not each.warning and not (each.key.startswith("recommenders.") and each.key.endswith(".file")))
    if definitions is None or wrong:
        raise ContentInvalid(wrong)
    return definitions


@contextmanager
def history(arguments: argparse.Namespace, settings: Settings) -> Generator[Events]:
    """The file of events that was named, or one made of what the store holds, which goes afterwards."""
    if arguments.history is not None:
        yield arguments.history
        return
    from app.cli.export import export  # a file needs no store, nor what is loaded with it

    with tempfile.TemporaryDirectory(prefix="inlay-") as folder:
        path = Path(folder) / "events.parquet"
        asyncio.run(export(settings, "events", path))
        yield path


def built(spec: Spec, definitions: Definitions, events: Events, into: Path) -> Told:
    with doing() as say:

        def moved(people: int, rows: int) -> None:
            say(f"{people:,} people, {rows:,} rows")

        return build(spec, definitions, events, into, moved)


@contextmanager
def doing() -> Generator[Callable[[str], None]]:
    """A spinner with the time on standard error; gives what changes its words."""
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True, console=Console(stderr=True), refresh_per_second=4) as progress:
        task = progress.add_task("")
        yield lambda text: progress.update(task, description=text)


def tell(told: Told, spec: Spec) -> None:
    """What the rows are, and what gave none."""
    console = Console(highlight=False, soft_wrap=True)
    share = f"the label holds in {told.mean:.1%}" if spec.label is not None and spec.label.yes_or_no else f"the label is {told.mean:,.2f} in the mean"
    console.print(f"{told.rows:,} rows of {told.people:,} people; {share}", markup=False)
    for reason, count in told.skipped.items():
        console.print(f"{count:,} instants gave none: {reason}", markup=False)
    for first, last in told.gaps:
        console.print(f"note: nobody did anything from {_day(first)} to {_day(last)}; is the history whole?", markup=False)


def _day(number: int) -> str:
    return f"{datetime.fromtimestamp(number * DAY / 1000, UTC):%Y-%m-%d}"
