"""`inlay audit profiles`: what is wrong with the profiles, on the terminal and as a page."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.adapters.redis_names import Names
from app.adapters.redis_people import RedisPeople
from app.cli.store import store_link
from app.content.in_force import in_force
from app.learning.records import cleaned
from app.reports.audit_page import last_months, page
from app.reports.profiles import Audit, Auditor
from app.settings import Settings, load_settings
from app.wiring import build_store, wall_clock

SHOWN = 12
BARS = " ▁▂▃▄▅▆▇█"


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="profiles")
    profiles = actions.add_parser("profiles", help="duplicates, stale, contradictory and impossible profiles, growth by type of event")
    profiles.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page, too")
    profiles.add_argument("--content", type=Path, help="the folder that holds rules/ (the current one)")
    profiles.add_argument("--data", type=Path, help="the server's data folder (./data)")
    profiles.add_argument("--redis-url", help="the server's Redis, where it is not the embedded one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(content=arguments.content, data=arguments.data, redis_url=arguments.redis_url)
    audit = asyncio.run(_audited(settings))
    _tell(audit, Console(highlight=False))
    if arguments.html is not None:
        arguments.html.write_text(page(audit))
        print(f"written to {arguments.html}")
    return 0


async def _audited(settings: Settings) -> Audit:
    definitions = in_force(settings.content, settings.data, settings.bounds)
    auditor = Auditor(definitions.traits, lambda value, trait: cleaned(value, trait.kind), wall_clock())
    async with store_link(settings) as link:
        async for profile in RedisPeople(link, build_store(settings, link, Names(link))).everybody():
            auditor.see(profile)
    return auditor.audit()


def _tell(audit: Audit, console: Console) -> None:
    console.print(f"[bold]{audit.people:,}[/] people, [bold]{audit.events:,}[/] events kept\n")
    stale = Table("last heard of", "people", box=None, header_style="dim")
    for name, number in audit.stale.items():
        stale.add_row(name, f"{number:,}")
    console.print(stale, "")
    growth, months = Table("event", "ever", "by month", box=None, header_style="dim"), last_months(audit.growth)
    for name, found in sorted(audit.growth.items(), key=lambda each: (-each[1].total(), each[0])):
        growth.add_row(name, f"{found.total():,}", spark([found[month] for month in months]))
    if months:
        growth.caption = f"{months[0]} to {months[-1]}"
    console.print(growth, "")
    _list(console, "duplicates", [(", ".join(each.traits), f"{len(each.people)} people", ", ".join(each.people[:6])) for each in audit.duplicates])
    _list(console, "contradictory", [(each.person, each.trait, each.what) for each in audit.contradictory])
    _list(console, "out of range", [(each.person, each.trait, each.what) for each in audit.out_of_range])


def spark(numbers: list[int]) -> str:
    """Small columns, one per number."""
    most = max(numbers, default=0) or 1
    return "".join(BARS[-(-8 * each // most)] for each in numbers)


def _list(console: Console, title: str, rows: list[tuple[str, str, str]]) -> None:
    console.print(f"[bold]{len(rows):,}[/] {title}")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for row in rows[:SHOWN]:
        table.add_row(*row)
    if rows:
        console.print(table)
    if len(rows) > SHOWN:
        console.print(f"  and {len(rows) - SHOWN:,} more")
