"""`inlay dead-letters list|show|redrive|drop`: events that were refused, and another try once what was wrong is mended."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.cli.store import store_link
from app.content.event_rules import EventRules
from app.content.in_force import in_force
from app.content.snapshot import iso
from app.domain.dead_letter import OF_PEOPLE_NOT_KEPT, Held
from app.domain.event import Refused
from app.domain.receipt import Receipt
from app.formats.again import heard_again
from app.formats.segment import NotHeard
from app.ingest import Ingest
from app.ports import DeadLetters
from app.settings import Settings, load_settings
from app.supervise.parent import with_secret
from app.wiring import build_dead_letters, build_identifiers, build_identities, build_rewards, build_store, hashed_id, random_id

PAGE = 500
SHOWN = 50


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|redrive|drop")
    listing = actions.add_parser("list", help="the latest, as a table")
    show = actions.add_parser("show", help="one with its bytes, as they came")
    redrive = actions.add_parser("redrive", help="apply them by the rules as they are now; what is taken is no dead letter any more")
    drop = actions.add_parser("drop", help="delete them")
    show.add_argument("id", metavar="ID")
    listing.add_argument("--limit", type=int, default=SHOWN, help=f"how many ({SHOWN})")
    listing.add_argument("--json", action="store_true", help="one JSON object a line instead")
    for action in (redrive, drop):
        action.add_argument("ids", nargs="*", metavar="ID")
        action.add_argument("--all", action="store_true", help="every one, or every one of --reason")
    for action in (listing, redrive, drop):
        action.add_argument("--reason", help="only those refused for this")
    redrive.add_argument("--content", type=Path, metavar="DIR", help="the folder with the rules (.)")
    for action in (listing, show, redrive, drop):
        action.add_argument("--data", type=Path, help="the server's data folder (./data)")
        action.add_argument("--redis-url", help="the server's Redis, where it is not the embedded one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 done; 1 where an id is not known, or events were refused again; 2 where it is not said which."""
    settings = load_settings(data=arguments.data, redis_url=arguments.redis_url, content=getattr(arguments, "content", None))
    if arguments.action in ("redrive", "drop") and bool(arguments.ids) == bool(arguments.all or arguments.reason):
        print("inlay: name ids, or say --all or --reason", file=sys.stderr)
        return 2
    return asyncio.run(_run(arguments, settings))


async def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    actions: dict[str, Callable[[argparse.Namespace, Settings, Link, DeadLetters], Awaitable[int]]] = {
        "list": _list, "show": _show, "redrive": _redrive, "drop": _drop,
    }
    async with store_link(settings) as link:
        return await actions[arguments.action](arguments, settings, link, build_dead_letters(settings, link))


async def _each(dead: DeadLetters, reason: str | None) -> AsyncIterator[Held]:
    """All of them, oldest first; what comes meanwhile from the end on is not among them."""
    after, end = "", f"{time.time_ns() // 1_000_000}"
    while page := await dead.page(after, PAGE):
        for held in page:
            if held.id.partition("-")[0] > end:
                return
            if reason is None or held.letter.reason == reason:
                yield held
        after = page[-1].id


async def _list(arguments: argparse.Namespace, settings: Settings, link: Link, dead: DeadLetters) -> int:
    found = [held async for held in _each(dead, arguments.reason)]
    shown, tally, console = found[-arguments.limit :], await dead.tally(), Console(highlight=False)
    if arguments.json:
        for held in shown:
            print(json.dumps(_row(held)))
        return 0
    table = Table("id", "came", "from", "reason", "what is wrong", "bytes", box=None, header_style="dim")
    table.columns[5].justify = "right"
    for held in shown:
        letter = held.letter
        table.add_row(held.id, iso(letter.at), letter.source, letter.reason, letter.detail, f"{(letter.size or len(letter.body)):,}")
    console.print(table if shown else "no dead letters")
    trimmed = ", ".join(f"{number:,} {reason}" for reason, number in sorted(tally.trimmed.items()))
    console.print(f"{len(shown):,} of {tally.held:,}, {tally.bytes / 2**20:.1f} of {settings.dead_letters_mb} MB" + (f"; gone for want of room or for age: {trimmed}" if trimmed else ""))
    return 0


def _row(held: Held) -> dict[str, object]:
    letter = held.letter
    return {"id": held.id, "came": iso(letter.at), "from": letter.source, "reason": letter.reason, "detail": letter.detail, "bytes": (letter.size or len(letter.body))}


async def _show(arguments: argparse.Namespace, settings: Settings, link: Link, dead: DeadLetters) -> int:
    held = await dead.get(arguments.id)
    if held is None:
        print(f"inlay: no dead letter {arguments.id!r}; `inlay dead-letters list` shows them", file=sys.stderr)
        return 1
    for name, value in _row(held).items():
        print(f"{name:>7}  {value}", file=sys.stderr)
    sys.stdout.flush()
    sys.stdout.buffer.write(held.letter.body + b"\n")
    return 0


async def _chosen(arguments: argparse.Namespace, dead: DeadLetters) -> tuple[list[Held], list[str]]:
    """Those that are meant, and the ids that nobody knows."""
    if not arguments.ids:
        return [held async for held in _each(dead, arguments.reason)], []
    asked = [(id, await dead.get(id)) for id in arguments.ids]
    return [held for _, held in asked if held is not None], [id for id, held in asked if held is None]


def _told(unknown: list[str]) -> None:
    if unknown:
        print(f"inlay: no dead letter {', '.join(unknown)}", file=sys.stderr)


async def _redrive(arguments: argparse.Namespace, settings: Settings, link: Link, dead: DeadLetters) -> int:
    definitions = in_force(settings.content, settings.data, settings.bounds)
    rules = EventRules(definitions.events)
    gates = [each.purpose for each in definitions.consents.values() if "ingest" in each.gates]
    settings = with_secret(settings)
    names, identifiers = Names(link), build_identifiers(settings, definitions)
    store = build_store(settings, link, names)
    ingest = Ingest(
        store, build_identities(settings, link, names), random_id, hashed_id, lambda: gates, lambda: rules, lambda: identifiers,
        rewards=build_rewards(settings, link, store, lambda: definitions.bandits),
    )
    outcomes: Counter[str] = Counter()
    chosen, unknown = await _chosen(arguments, dead)
    for held in chosen:
        outcome = await redriven(held, ingest, dead)
        outcomes[outcome] += 1
        if outcome.startswith("still"):
            print(f"{held.id}  {outcome}", file=sys.stderr)
    for name, number in sorted(outcomes.items()):
        print(f"{number:>12,}  {name.partition(':')[0]}")
    _told(unknown)
    return 1 if unknown or any(name.startswith("still") for name in outcomes) else 0


async def redriven(held: Held, ingest: Ingest, dead: DeadLetters) -> str:
    """Apply the events of a letter, and drop it where none is refused any more. Applied first: where the command ends in
    between, the next time finds them applied."""
    now, receipt = time.time_ns() // 1_000_000, Receipt()
    try:
        heard = list(enumerate(heard_again(held, now, hashed_id)))
    except NotHeard as error:
        receipt.rejected.append(Refused(0, error.reason, error.detail))
    else:
        await ingest.apply(heard, now, receipt)
    again = [refused for refused in receipt.rejected if refused.reason not in OF_PEOPLE_NOT_KEPT]
    if again:
        return f"still {again[0].reason}: {again[0].detail}"
    await dead.drop([held.id])
    return "applied" if receipt.accepted else "known already" if receipt.duplicates else "of people who are not kept"


async def _drop(arguments: argparse.Namespace, settings: Settings, link: Link, dead: DeadLetters) -> int:
    chosen, unknown = await _chosen(arguments, dead)
    ids = [held.id for held in chosen]
    done = sum([await dead.drop(ids[at : at + PAGE]) for at in range(0, len(ids), PAGE)])
    print(f"{done:>12,}  dropped")
    _told(unknown)
    return 1 if unknown else 0
