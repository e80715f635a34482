"""`inlay import events|profiles|items FILE`: CSV, JSON Lines or Parquet, gzipped or not, into the store.

Repeatable: rows are known by a hash of file and row, so an import that was interrupted is simply run again; it goes on
where the other stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path

from rich.console import Console

from app.adapters.redis_catalogue import RedisCatalogue
from app.adapters.redis_imports import Place, RedisImports
from app.adapters.redis_link import Link
from app.adapters.redis_live import RedisLive
from app.adapters.redis_names import Names
from app.adapters.redis_timers import SHARDS, shard_of
from app.cli.import_bar import Bar
from app.cli.import_bulk import AT_ONCE, Bulk, Outcome, Take
from app.cli.import_rejects import Rejects
from app.cli.import_source import Source, source_of
from app.cli.store import new_link, store_url
from app.content.event_rules import EventRules
from app.content.in_force import in_force
from app.domain.definitions import Definitions
from app.domain.event import hashed_id
from app.errors import SettingsInvalid, StoreUnavailable
from app.formats.rows import Entry, Rejected
from app.domain.receipt import Receipt
from app.ingest import Ingest
from app.settings import Settings, load_settings
from app.supervise.folder import with_secret
from app.wiring import build_identifiers, build_identities, build_store, random_id

WRITE_SECONDS = 30


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=("events", "profiles", "items"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--map", type=Path, metavar="M.yaml", help="says which column is what")
    parser.add_argument("--dry-run", action="store_true", help="count what would be taken and rejected, and why; nothing is written")
    parser.add_argument("--rejects", type=Path, metavar="F", help="write rejected rows here with the reason: .csv, or JSON Lines")
    parser.add_argument("--encoding", help="of a CSV that is not UTF-8, such as cp1252")
    parser.add_argument("--delimiter", help="of a CSV, where it is none of , ; | and tab")
    parser.add_argument("--content", type=Path, help="the folder with rules/, which say what may be taken")
    parser.add_argument("--data", type=Path, help="the server's data folder")
    parser.add_argument("--redis-url", help="the server's Redis, where it is not the embedded one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where everything was read and what was taken is in the store; rejected rows are counted by reason, and no failure."""
    settings = load_settings(content=arguments.content, data=arguments.data, redis_url=arguments.redis_url)
    if not arguments.file.is_file():
        raise SettingsInvalid(f"no file {arguments.file}")
    begun = time.monotonic()
    definitions = in_force(settings.content, settings.data, settings.bounds) if arguments.kind != "items" else Definitions("")
    source = source_of(arguments, definitions.identities)
    gc.disable()  # millions of rows come and go, none of them in a circle
    try:
        counts = asyncio.run(_dry(source, arguments) if arguments.dry_run else _import(source, arguments, settings, definitions))
    except KeyboardInterrupt:
        print("stopped: run the same command again to go on", file=sys.stderr)
        raise
    finally:
        gc.enable()
    console = Console(highlight=False, soft_wrap=True)
    for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        console.print(f"{count:>12,}  {name}", markup=False)
    console.print(f"{'would be read' if arguments.dry_run else 'read'} from {arguments.file} in {time.monotonic() - begun:,.1f} s", markup=False)
    for note in source.notes():
        console.print(f"note: {note}", markup=False)
    return 0


async def _dry(source: Source, arguments: argparse.Namespace) -> Counter[str]:
    async def counted(batch: Sequence[Entry]) -> Outcome:
        return Outcome(Counter({"would be taken": len(batch)}))

    async def forgotten(_: object) -> None:
        """A dry run leaves nothing behind."""

    with closing(Rejects(arguments.rejects, source.table.columns)) as rejects, Bar(arguments.kind, source.table.total, source.done) as bar:
        bulk = Bulk([counted], rejects, forgotten, bar.moved)
        await bulk.run(source.entries, Place())
    return +bulk.counts


async def _import(source: Source, arguments: argparse.Namespace, settings: Settings, definitions: Definitions) -> Counter[str]:
    async with AsyncExitStack() as stack:
        url = stack.enter_context(store_url(settings))
        reads, *writes = [new_link(url) for _ in range(1 + AT_ONCE)]
        for link in (reads, *writes):
            stack.push_async_callback(link.close)
        kept = RedisImports(reads, source.key)
        before = await kept.load()
        rejects = stack.enter_context(closing(Rejects(arguments.rejects, source.table.columns, before)))
        bar = stack.enter_context(Bar(arguments.kind, source.table.total, source.done))
        takes = [_items_into(writes[0])] if arguments.kind == "items" else _events_into(reads, writes, settings, definitions)
        bulk = Bulk(takes, rejects, kept.save, bar.moved)
        try:
            await bulk.run(source.entries, before if before is not None and rejects.continued else Place())
        except StoreUnavailable as error:
            raise StoreUnavailable(f"stopped after {bulk.done:,} rows and groups, {error}: run the same command again to go on") from error
        await kept.forget()
        if arguments.kind != "items":
            await RedisLive(reads, SHARDS, shard_of).advance({})
    return +bulk.counts


# -- where it goes -----------------------------------------------------------------------------------------------------


def _items_into(link: Link) -> Take:
    catalogue = RedisCatalogue(link, WRITE_SECONDS)

    async def put(batch: Sequence[Entry]) -> Outcome:
        await catalogue.put([item for _, item, _ in batch])
        return Outcome(Counter({"items": len(batch)}))

    return put


def _events_into(reads: Link, writes: Sequence[Link], settings: Settings, definitions: Definitions) -> list[Take]:
    """As many ways as there are links to write over; they share one mirror of names."""
    settings = with_secret(settings).model_copy(update={"write_timeout_ms": WRITE_SECONDS * 1000})
    names, gates, rules, identifiers = Names(reads), definitions.gates("ingest"), EventRules(definitions.events), build_identifiers(settings, definitions)
    return [
        _applied_by(Ingest(
            build_store(settings, reads, names, link), build_identities(settings, link, names), random_id, hashed_id, lambda: gates, lambda: rules, lambda: identifiers,
        )) for link in writes
    ]


def _applied_by(ingest: Ingest) -> Take:
    async def take(batch: Sequence[Entry]) -> Outcome:
        receipt = Receipt()
        await ingest.apply([(number, heard) for number, heard, _ in batch], time.time_ns() // 1_000_000, receipt)
        rows = {number: row for number, _, row in batch} if receipt.rejected else {}
        refused = [Rejected(each.index, each.detail, rows[each.index]) for each in receipt.rejected]
        return Outcome(Counter({"accepted": receipt.accepted, "duplicates": receipt.duplicates}), refused)

    return take
