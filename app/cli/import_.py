"""`inlay import events|profiles|items FILE`: CSV, JSONL or Parquet, gzipped or not, into the store.

Repeatable: rows are known by a hash of (file, row), so an import that was interrupted is simply run again.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gc
import gzip
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.adapters.redis_catalogue import RedisCatalogue
from app.adapters.redis_names import Names
from app.catalogue.items import parse_item
from app.cli.store import store_link
from app.content.load import gather
from app.content.source import read_yaml
from app.domain.definitions import Definitions
from app.domain.literals import parse_number
from app.errors import Problem, RequestInvalid, SettingsInvalid
from app.formats.rows import Rejected, RowMap
from app.ingest import Ingest
from app.settings import Settings, load_settings
from app.supervise.parent import with_secret
from app.wiring import build_identifiers, build_identities, build_store, hashed_id, random_id

BATCH = {"events": 50_000, "profiles": 10_000, "items": 1_000}
"""Rows written at once. Many of them are about the same people, each of whom costs the store one step a batch."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=("events", "profiles", "items"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--map", type=Path, metavar="M.yaml", help="names the columns of a table of events")
    parser.add_argument("--dry-run", action="store_true", help="count what would be taken and rejected, and why")
    parser.add_argument("--rejects", type=Path, metavar="F", help="write rejected rows here, as JSONL")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--redis-url")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where everything was read; rejected rows are counted by reason, and are no failure."""
    settings = load_settings(data=arguments.data, redis_url=arguments.redis_url)
    if not arguments.file.is_file():
        raise SettingsInvalid(f"no file {arguments.file}")
    gc.disable()  # millions of rows come and go, none of them in a circle
    outcomes = asyncio.run(_import(arguments, settings))
    console = Console(highlight=False)
    for name, count in sorted(outcomes.items(), key=lambda pair: -pair[1]):
        console.print(f"{count:>12,}  {name}")
    console.print(f"{'would be read' if arguments.dry_run else 'read'} from {arguments.file}")
    return 0


async def _import(arguments: argparse.Namespace, settings: Settings) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    entries = _entries(arguments)
    with _Rejects(arguments.rejects) as reject, _progress() as progress:
        task = progress.add_task(arguments.kind, total=None)
        async with _sink(arguments, settings) as take:
            async for batch in _read_ahead(entries, BATCH[arguments.kind]):
                good = [entry for entry in batch if not isinstance(entry, Rejected)]
                for entry in (entry for entry in batch if isinstance(entry, Rejected)):
                    outcomes[f"rejected: {entry.reason}"] += 1
                    reject({"row": entry.number, "reason": entry.reason, **entry.row})
                outcomes.update(await take(good))
                progress.advance(task, len(batch))
    return outcomes


async def _read_ahead(entries: Iterator[Any], size: int) -> AsyncGenerator[list[Any]]:
    """Batches; the next one is read while the store is busy with one."""
    def read() -> list[Any]:
        return list(islice(entries, size))

    following = asyncio.create_task(asyncio.to_thread(read))
    while batch := await following:
        following = asyncio.create_task(asyncio.to_thread(read))
        yield batch


@asynccontextmanager
async def _sink(arguments: argparse.Namespace, settings: Settings) -> AsyncGenerator[Any]:
    """Where a batch goes; gives back outcomes with their counts."""
    if arguments.dry_run:
        async def counted(batch: list[Any]) -> dict[str, int]:
            return {"would be taken": len(batch)} if batch else {}

        yield counted
        return
    async with store_link(settings) as link:
        if arguments.kind == "items":
            catalogue = RedisCatalogue(link, 5.0)

            async def put(batch: list[Any]) -> dict[str, int]:
                await catalogue.put(batch)
                return {"items": len(batch)}

            yield put
            return
        definitions = gather(settings.content)[0] or Definitions("")
        gates = [each.purpose for each in definitions.consents.values() if "ingest" in each.gates]
        settings = with_secret(settings).model_copy(update={"write_timeout_ms": 30_000})
        names, identifiers = Names(link), build_identifiers(settings, definitions)
        ingest = Ingest(
            build_store(settings, link, names), build_identities(settings, link, names), random_id, hashed_id, lambda: gates, identifiers=lambda: identifiers,
        )

        async def send(batch: list[Any]) -> dict[str, int]:
            receipt = await ingest.take(batch, time.time_ns() // 1_000_000)
            return Counter({"accepted": receipt.accepted, "duplicates": receipt.duplicates}) + Counter(f"rejected: {each.reason}" for each in receipt.rejected)

        yield send


def _entries(arguments: argparse.Namespace) -> Iterator[Any]:
    """Events, or checked items; rows that are neither are `Rejected`."""
    rows = enumerate(read_rows(arguments.file), 1)
    if arguments.kind == "items":
        return (_item(index, row) for index, row in rows)
    if arguments.kind == "profiles":
        return (_profile(index, row, arguments.file.name) for index, row in rows)
    if arguments.map is None:
        return (row | {"messageId": row.get("messageId") or f"{arguments.file.name}:{index}"} for index, row in rows)
    return RowMap(_read_map(arguments.map), str(arguments.map)).events(rows, arguments.file.name)


def _read_map(path: Path) -> dict[str, Any]:
    problems: list[Problem] = []
    node = read_yaml(path, str(path), problems)
    if node is None or not isinstance(node.value, dict):
        raise SettingsInvalid("; ".join(map(str, problems)) or f"{path}: a mapping belongs here")
    return node.plain()


def _item(index: int, row: dict[str, Any]) -> Any:
    fields = {key: _typed(key, value) for key, value in row.items() if value not in (None, "")}
    try:
        return parse_item(fields)
    except RequestInvalid as error:
        return Rejected(index, error.message[:100], row)


def _typed(key: str, value: Any) -> Any:
    if not isinstance(value, str) or key in ("id", "name", "category", "url", "image"):
        return str(value) if key == "id" else value
    if key == "related":
        return value.split("|")
    found = parse_number(value)
    return value if found is None else found


def _profile(index: int, row: dict[str, Any], file: str) -> Any:
    id = row.get("id")
    if not id:
        return Rejected(index, "no id", row)
    traits = row.get("traits") if isinstance(row.get("traits"), dict) else {key: _typed(key, value) for key, value in row.items() if key != "id" and value not in (None, "")}
    return {"type": "identify", "userId": str(id), "traits": traits, "messageId": f"{file}:{index}"}


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a CSV, JSONL or Parquet file, one at a time."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        yield from _parquet(path)
        return
    with (gzip.open(path, "rt", encoding="utf-8", newline="") if path.suffix == ".gz" else path.open(encoding="utf-8", newline="")) as file:
        if name.endswith((".jsonl", ".ndjson")):
            for number_, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield json.loads(line)
                    except ValueError as error:
                        raise SettingsInvalid(f"{path}:{number_}: not JSON: {error}") from error
        elif name.endswith(".csv"):
            yield from csv.DictReader(file)
        else:
            raise SettingsInvalid(f"{path}: .csv, .jsonl or .parquet, with or without .gz")


def _parquet(path: Path) -> Iterable[dict[str, Any]]:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise SettingsInvalid("Parquet needs the extra: pip install 'inlay[parquet]'") from error
    for batch in parquet.ParquetFile(path).iter_batches(10_000):
        yield from batch.to_pylist()


class _Rejects:
    """A file for rejected rows, or nowhere."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("w", encoding="utf-8") if path is not None else None

    def __enter__(self) -> Any:
        return self._write

    def _write(self, row: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(row, default=str) + "\n")

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), transient=True, console=Console(stderr=True))
