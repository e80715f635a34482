"""`inlay export`: everybody in a segment as CSV or NDJSON; events, profiles, items, decisions and what came of them as Parquet;
decisions taken ahead for a sender that makes no calls."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.adapters.redis_catalogue import RedisCatalogue
from app.adapters.redis_link import Link
from app.adapters.redis_live import RedisLive
from app.adapters.redis_names import Names
from app.adapters.redis_people import RedisPeople
from app.adapters.redis_wordings import RedisWordings
from app.adapters.redis_timers import SHARDS, shard_of
from app.cli import export_decisions
from app.cli.store import store_link
from app.domain.event import Identity
from app.domain.item import Item
from app.domain.profile import Profile
from app.learning.parquet import COLUMNS, KINDS, Kind, Row, Writer, decision_rows, event_rows, item_rows, profile_rows, reward_rows
from app.security.tokens import Tokens
from app.settings import Settings, load_settings, parse_secret
from app.supervise.folder import with_secret
from app.web.segments import written
from app.wiring import build_store, wall_clock

PAGE = 5_000


def add(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True, metavar="|".join(("segment", *KINDS)))
    segment = what.add_parser("segment", help="the people in a segment")
    segment.add_argument("id", metavar="ID", help="the segment")
    segment.add_argument("--format", choices=("csv", "ndjson"), default="csv", help="csv, or one JSON object a line (csv)")
    for kind in KINDS:
        each = what.add_parser(kind, help=f"all {kind}, as a Parquet file")
        each.add_argument("file", type=Path, metavar="FILE", help="the file to write")
    export_decisions.add(what.choices["decisions"])
    for each in what.choices.values():
        each.add_argument("--data", type=Path, help="the server's data folder (./data)")
        each.add_argument("--redis-url", help="the server's Redis, where it is not the embedded one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.what == "decisions" and arguments.sender:
        return export_decisions.run(arguments)
    settings = load_settings(data=arguments.data, redis_url=arguments.redis_url)
    if arguments.what == "segment":
        return asyncio.run(_segment(settings, arguments.id, arguments.format))
    begun = time.monotonic()
    count = asyncio.run(export(settings, arguments.what, arguments.file))
    Console(highlight=False, soft_wrap=True).print(f"{count:,} {arguments.what} in {arguments.file}, {time.monotonic() - begun:,.1f} s", markup=False)
    return 0


async def _segment(settings: Settings, id: str, form: str) -> int:
    async with store_link(settings) as link:
        live, after, head = RedisLive(link, SHARDS, shard_of, 5.0), "", True
        while head or after:
            keys, after = await live.members(id, after, PAGE)
            sys.stdout.write(written([str(Identity.from_key(key)) for key in keys], form, head=head).decode())
            head = False
    return 0


class Opening:
    """Opens the ids of decisions that events name; `failed` counts those that it cannot."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self.failed = 0

    def __call__(self, id: str) -> tuple[str, str] | None:
        found = self._tokens.open(id)
        self.failed += found is None
        return found


async def export(settings: Settings, kind: Kind, path: Path) -> int:
    """Write the file, a piece at a time; how many rows it has."""
    progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True, console=Console(stderr=True, soft_wrap=True, highlight=False), refresh_per_second=4)
    async with store_link(settings) as link:
        with Writer(path, COLUMNS[kind]) as file, progress:
            task, count = progress.add_task(kind), 0
            async for rows in _rows(settings, link, kind, progress.console.print):
                file.add(rows)
                count += len(rows)
                progress.update(task, description=f"{count:,} {kind}")
    return file.written


async def _rows(settings: Settings, link: Link, kind: Kind, note: Callable[[str], None]) -> AsyncGenerator[list[Row]]:
    if kind == "items":
        _, items = await RedisCatalogue(link, 30.0).changes(0)
        for fields in items.values():
            if fields is not None:
                yield list(item_rows(Item(fields)))
        return
    people = RedisPeople(link, build_store(settings, link, Names(link)))
    rows: Callable[[Profile], Iterable[Row]]
    opening: Opening | None = None
    match kind:
        case "events":
            rows = event_rows
        case "profiles":
            rows = profile_rows
        case "decisions":
            rows = partial(decision_rows, wordings=await RedisWordings(link, 30.0).keep({}, wall_clock()))
        case "rewards":
            opening = Opening(Tokens(parse_secret(with_secret(settings).secret)))
            rows = partial(reward_rows, opened=opening)
    async for profile in people.everybody(sends=kind in ("decisions", "rewards")):
        yield list(rows(profile))
    if opening is not None and opening.failed:
        note(f"left out: {opening.failed:,} whose decision_id the secret here does not open (not recorded, or INLAY_SECRET is not the server's)")
