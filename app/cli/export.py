"""`inlay export segment ID`: everybody in a segment, as CSV or NDJSON on standard output."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from app.adapters.redis_live import RedisLive
from app.adapters.redis_timers import SHARDS, shard_of
from app.cli.store import store_link
from app.domain.event import Identity
from app.settings import load_settings
from app.web.segments import written

PAGE = 5_000


def add(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True, metavar="segment")
    segment = what.add_parser("segment", help="the people in a segment")
    segment.add_argument("id", metavar="ID", help="the segment")
    segment.add_argument("--format", choices=("csv", "ndjson"), default="csv", help="csv, or one JSON object a line (csv)")
    segment.add_argument("--data", type=Path, help="the server's data folder (./data)")
    segment.add_argument("--redis-url", help="the server's Redis, where it is not the embedded one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    return asyncio.run(_export(arguments))


async def _export(arguments: argparse.Namespace) -> int:
    settings = load_settings(data=arguments.data, redis_url=arguments.redis_url)
    async with store_link(settings) as link:
        live, after, head = RedisLive(link, SHARDS, shard_of, 5.0), "", True
        while head or after:
            keys, after = await live.members(arguments.id, after, PAGE)
            sys.stdout.write(written([str(Identity.from_key(key)) for key in keys], arguments.format, head=head).decode())
            head = False
    return 0
