"""`inlay codes import|list`: pools of coupon codes, filled and counted."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.adapters.redis_stocks import RedisStocks
from app.cli.store import store_link
from app.content.cap_rules import usable_pool
from app.content.limits import Limits
from app.content.load import gather
from app.domain.caps import Level
from app.formats.code_file import COLUMN, CodeFile, read_codes
from app.settings import Settings, load_settings

SECONDS = 30.0
SHOWN = 20
"""Mistakes of a file that are told one by one."""


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="import|list")
    taking = actions.add_parser("import", help="add the codes of a file to a pool; those that it ever had are left out")
    taking.add_argument("file", type=Path, metavar="FILE", help="one code a line, or a CSV with a column of them")
    taking.add_argument("--pool", metavar="NAME", help="the pool, as inventory: {codes: NAME} names it (the file's name)")
    taking.add_argument("--column", default=COLUMN, help=f"the column that holds the codes ({COLUMN})")
    listing = actions.add_parser("list", help="every pool, and how many codes are left in it")
    listing.add_argument("--json", action="store_true", help="one JSON object a line instead")
    for action in (taking, listing):
        action.add_argument("--content", type=Path, metavar="DIR", help="the folder with the rules (.)")
        action.add_argument("--data", type=Path, help="the server's data folder (./data)")
        action.add_argument("--redis-url", help="the server's Redis, where it is not the embedded one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 done; 1 where a file cannot be taken, of which nothing was added then."""
    settings = load_settings(content=arguments.content, data=arguments.data, redis_url=arguments.redis_url)
    return asyncio.run((_import if arguments.action == "import" else _list)(arguments, settings))


def _declared(settings: Settings) -> Mapping[str, int]:
    """The pools that the rules name, with what counts as low; none where there are no rules."""
    definitions, _ = gather(settings.content)
    return Limits(definitions).pools if definitions is not None else {}


async def _import(arguments: argparse.Namespace, settings: Settings) -> int:
    pool = arguments.pool or arguments.file.stem
    if not usable_pool(pool):
        print(f"inlay: {pool!r:.80} is no usable name of a pool: letters, digits, _ and -, at most 64 (--pool)", file=sys.stderr)
        return 1
    try:
        found = read_codes(arguments.file.read_bytes(), arguments.column)
    except OSError as error:
        print(f"inlay: {arguments.file}: {error.strerror}", file=sys.stderr)
        return 1
    if found.problems:
        return _refused(arguments.file, found)
    async with store_link(settings) as link:
        stocks = RedisStocks(link, SECONDS)
        new = await stocks.add(pool, found.codes)
        level = (await stocks.levels([pool]))[pool]
    known = len(found.codes) - new
    print(f"{pool}: {new:,} new codes, {known:,} that it had already, {found.repeated:,} repeated in the file; {level.free:,} are left, {level.given:,} are given")
    if pool not in _declared(settings):
        print(f"no offer in {settings.content} has inventory: {{codes: {pool}}}")
    return 0


def _refused(file: Path, found: CodeFile) -> int:
    for line, message in found.problems[:SHOWN]:
        print(f"{file}:{line}: {message}", file=sys.stderr)
    more = len(found.problems) - SHOWN
    print(f"inlay: nothing was added{f'; {more:,} more lines are wrong' if more > 0 else ''}", file=sys.stderr)
    return 1


async def _list(arguments: argparse.Namespace, settings: Settings) -> int:
    declared = _declared(settings)
    async with store_link(settings) as link:
        stocks = RedisStocks(link, SECONDS)
        levels = dict(await stocks.levels())
        levels |= await stocks.levels([pool for pool in declared if pool not in levels])
    rows = [(pool, level, _state(level, declared.get(pool))) for pool, level in sorted(levels.items())]
    if arguments.json:
        for pool, level, state in rows:
            print(json.dumps({"pool": pool, "left": level.free, "given": level.given, "state": state}))
        return 0
    table = Table("pool", "left", "given", "state")
    for pool, level, state in rows:
        table.add_row(pool, f"{level.free:,}", f"{level.given:,}", state)
    Console(highlight=False).print(table if rows else "no pool has any codes: inlay codes import FILE")
    return 0


def _state(level: Level, low: int | None) -> str:
    if not level.free:
        return "empty"
    return "unused" if low is None else "low" if level.free <= low else "good"
