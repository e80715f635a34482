"""`inlay identities`: merge and part people, find those who are probably one, look at the doubtful."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from app.adapters.redis_identities import RedisIdentities
from app.adapters.redis_names import Names
from app.adapters.redis_people import RedisPeople
from app.cli.store import store_link
from app.content.in_force import in_force
from app.domain.claims import Link
from app.domain.definitions import Definitions
from app.domain.event import ID_BYTES, Identity
from app.domain.identity import Identifiers
from app.domain.profile import Profile
from app.errors import RequestInvalid, SettingsInvalid
from app.identities import Identities
from app.learning.linkage import Match, matches
from app.learning.records import Person, compared
from app.learning.resolving import Verdict, verdicts
from app.settings import Settings, load_settings
from app.supervise.parent import with_secret
from app.wiring import build_identifiers, build_identities, build_store, wall_clock

SHOWN = 50


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="merge|unmerge|apart|match|review")
    merge = actions.add_parser("merge", help="make two people one; the first id goes on")
    unmerge = actions.add_parser("unmerge", help="make two people two again: each keeps what came by their own identifiers")
    apart = actions.add_parser("apart", help="say that two people are two, so that they are not proposed again")
    for action in (merge, unmerge, apart):
        action.add_argument("a", metavar="A", help="a user id, or kind:value")
        action.add_argument("b", metavar="B", help="another")
    match = actions.add_parser("match", help="find people who are probably one, by the traits that rules/ declares")
    match.add_argument("--merge", type=float, default=0.95, metavar="P", help="merge from this probability on (0.95)")
    match.add_argument("--review", type=float, default=0.5, metavar="P", help="keep for review from this probability on (0.5)")
    match.add_argument("--dry-run", action="store_true", help="merge nobody, keep nothing")
    review = actions.add_parser("review", help="show the pairs that somebody should look at")
    for action in (merge, unmerge, apart, match, review):
        action.add_argument("--content", type=Path, help="the folder that holds rules/ (the current one)")
        action.add_argument("--data", type=Path, help="the server's data folder (./data)")
        action.add_argument("--redis-url", help="the server's Redis, where it is not the embedded one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = with_secret(load_settings(content=arguments.content, data=arguments.data, redis_url=arguments.redis_url))
    actions = {"merge": _merge, "unmerge": _unmerge, "apart": _apart, "match": _match, "review": _review}
    return asyncio.run(actions[arguments.action](arguments, settings))


@dataclass(frozen=True, slots=True)
class Desk:
    """What the actions work with."""

    identities: Identities
    stored: RedisIdentities
    people: RedisPeople
    identifiers: Identifiers
    definitions: Definitions


@asynccontextmanager
async def _desk(settings: Settings) -> AsyncGenerator[Desk]:
    definitions = in_force(settings.content, settings.data, settings.bounds)
    settings = settings.model_copy(update={"write_timeout_ms": 30_000})
    async with store_link(settings) as link:
        names = Names(link)
        people = RedisPeople(link, build_store(settings, link, names))
        stored = RedisIdentities(link, names, seconds=settings.write_timeout_ms / 1000)
        yield Desk(build_identities(settings, link, names), stored, people, build_identifiers(settings, definitions), definitions)


# -- one pair --------------------------------------------------------------------------------------------------------

async def _merge(arguments: argparse.Namespace, settings: Settings) -> int:
    async with _desk(settings) as desk:
        target, source = _pair(desk, arguments)
        await _joined(desk, target, source)
        await desk.people.forget_match(target, source)
    print(f"{arguments.a} and {arguments.b} are one person, {arguments.a}")
    return 0


async def _joined(desk: Desk, target: str, source: str) -> None:
    """The second becomes the first, who has a user id. An identifier without one is claimed, from now on and its past."""
    if not target.startswith("u:"):
        raise RequestInvalid(f"{_shown(target)} is no user id; the person who goes on has one", code="no_user")
    now = wall_clock()
    id = blake2b(f"{target}\0{source}\0{now}".encode(), digest_size=ID_BYTES).digest()
    outcome, = await desk.identities.link([Link(target, source, now, id, merge=source.startswith("u:"))], now)
    if outcome == "erased":
        raise RequestInvalid("one of them was erased", code="erased")
    if outcome == "too_many":
        raise RequestInvalid("they would have more identifiers than INLAY_MAX_IDENTITIES allows one person", code="too_many")


async def _unmerge(arguments: argparse.Namespace, settings: Settings) -> int:
    async with _desk(settings) as desk:
        await desk.identities.unmerge(*_pair(desk, arguments), wall_clock())
    print(f"{arguments.a} and {arguments.b} are two people")
    return 0


async def _apart(arguments: argparse.Namespace, settings: Settings) -> int:
    async with _desk(settings) as desk:
        pair = _pair(desk, arguments)
        await desk.identities.keep_apart(*pair, wall_clock())
        await desk.people.forget_match(*pair)
    print(f"{arguments.a} and {arguments.b} stay two people")
    return 0


def _pair(desk: Desk, arguments: argparse.Namespace) -> tuple[str, str]:
    return desk.identifiers.parse(arguments.a).key, desk.identifiers.parse(arguments.b).key


def _shown(key: str) -> str:
    return str(Identity.from_key(key))


# -- everybody -------------------------------------------------------------------------------------------------------

async def _match(arguments: argparse.Namespace, settings: Settings) -> int:
    if not 0 < arguments.review <= arguments.merge <= 1:
        raise SettingsInvalid("--review and --merge are probabilities, the former not above the latter")
    begun = time.monotonic()
    async with _desk(settings) as desk:
        traits = desk.definitions.traits
        with _told("reading everybody"):
            people = [_person(profile) async for profile in desk.people.everybody() if any(name in profile.traits for name in compared(traits))]
        with _told(f"comparing {len(people):,} people"):
            found = await asyncio.to_thread(matches, [people], traits, least=arguments.review)
        told = verdicts(found, await _with_parted(desk, people, found), traits, arguments.merge)
        merged, doubtful = await _carried_out(desk, told, dry=arguments.dry_run)
    console = Console(highlight=False)
    console.print(f"{len(people):,} people compared in {time.monotonic() - begun:.1f} s")
    console.print(f"{merged:>8,}  pairs {'would be ' if arguments.dry_run else ''}merged, from {arguments.merge:g} on")
    console.print(f"{len(doubtful):>8,}  for review{'' if arguments.dry_run else ': inlay identities review'}")
    if arguments.dry_run:
        console.print(_table([_row(verdict) for verdict in told]))
    return 0


def _person(profile: Profile) -> Person:
    assert profile.key is not None
    return Person(profile.key, profile.traits)


async def _with_parted(desk: Desk, people: list[Person], found: list[Match]) -> list[Person]:
    """The people of these matches with those from whom they were parted."""
    asked = {key for match in found for key in (match.a, match.b)}
    parted: dict[str, frozenset[str]] = {}
    for key in asked:
        pairs = (await desk.stored.load(key)).whole.parted
        parted[key] = frozenset(each for pair in pairs for each in pair if each != key)
    return [Person(person.key, person.traits, parted.get(person.key, frozenset())) for person in people]


async def _carried_out(desk: Desk, told: list[Verdict], *, dry: bool) -> tuple[int, list[Verdict]]:
    merged, doubtful = 0, list[Verdict]()
    for verdict in told:
        target, source = sorted((verdict.match.a, verdict.match.b), key=lambda key: (not key.startswith("u:"), key))
        if verdict.outcome != "merge" or not target.startswith("u:"):
            doubtful.append(verdict)
            continue
        merged += 1
        if not dry:
            await _joined(desk, target, source)
    if not dry:
        await desk.people.keep_matches({(each.match.a, each.match.b): _row(each)[2:] for each in doubtful})
    return merged, doubtful


Row = tuple[str, str, float, str, str]


def _row(verdict: Verdict) -> Row:
    match = verdict.match
    evidence = ", ".join(f"{name} {how} {weight:+g}" for name, (how, weight) in match.evidence.items())
    return _shown(match.a), _shown(match.b), match.probability, verdict.why or ("merge" if verdict.outcome == "merge" else ""), evidence


async def _review(arguments: argparse.Namespace, settings: Settings) -> int:
    async with _desk(settings) as desk:
        kept = await desk.people.matches()
    rows: list[Row] = [(_shown(a), _shown(b), float(str(p)), str(why), str(evidence)) for (a, b), (p, why, evidence) in kept.items()]
    console = Console(highlight=False)
    console.print(_table(sorted(rows, key=lambda row: -row[2])) if rows else "nothing to review")
    if rows:
        console.print("inlay identities merge A B makes two of them one; inlay identities apart A B keeps them two")
    return 0


def _table(rows: list[Row]) -> Table:
    table = Table("probability", "person", "person", "evidence", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for a, b, probability, why, evidence in rows[:SHOWN]:
        table.add_row(f"{probability:.4f}", a, b, f"[yellow]{why}[/]: {evidence}" if why else evidence)
    if len(rows) > SHOWN:
        table.caption = f"and {len(rows) - SHOWN:,} more"
    return table


def _told(text: str) -> Progress:
    progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True)
    progress.add_task(text)
    return progress
