"""`inlay people export|erase|restrict ID`: what is held of a person, told, taken away, or no longer used."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.adapters.redis_compaction import WAIT_MILLISECONDS, RedisCompaction
from app.adapters.redis_consents import RedisConsents
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_wordings import RedisWordings
from app.cli.store import store_link
from app.content.in_force import in_force
from app.content.snapshot import iso
from app.domain.change import Grant
from app.domain.consent import RESTRICTED
from app.domain.decision import Record, decode_record, with_wording
from app.domain.profile import Profile
from app.erasure import Erasure
from app.ports import ProfileStore
from app.settings import Settings, load_settings
from app.supervise.parent import with_secret
from app.web.answers import STATUS, answer_json, choice_json
from app.web.held import counts, event_json
from app.telemetry import Telemetry
from app.wiring import build_dead_letters, build_identifiers, build_store, holdings, wall_clock
from app.wiring.journal import Journal

SECONDS = 30.0
REWRITE_SECONDS = 600.0


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="export|erase|restrict")
    export = actions.add_parser("export", help="print everything that is held of a person, as JSON")
    erase = actions.add_parser("erase", help="take everything away that is held of a person, for good")
    restrict = actions.add_parser("restrict", help="go on holding what is held of a person, and use none of it")
    restrict.add_argument("--lift", action="store_true", help="use it again")
    for action in (export, erase, restrict):
        action.add_argument("id", metavar="ID", help="a user id, or kind:value such as email:mara@example.com")
        action.add_argument("--content", type=Path, help="the folder with rules/, which may declare kinds of identifiers (.)")
        action.add_argument("--data", type=Path, help="the server's data folder (./data)")
        action.add_argument("--redis-url", help="the server's Redis, where it is not the embedded one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(content=arguments.content, data=arguments.data, redis_url=arguments.redis_url)
    return asyncio.run({"export": _export, "erase": _erase, "restrict": _restrict}[arguments.action](arguments, settings))


def _key(id: str, settings: Settings) -> str:
    """What the person is filed under: as the rules declare identifiers."""
    return build_identifiers(with_secret(settings), in_force(settings.content, settings.data, settings.bounds)).parse(id).key


def _erasure(settings: Settings, link: Link) -> tuple[ProfileStore, RedisConsents, Erasure, Journal]:
    patient = settings.model_copy(update={"write_timeout_ms": int(SECONDS * 1000)})
    store, consents = build_store(patient, link, Names(link)), RedisConsents(link, SECONDS)
    journal = Journal(with_secret(patient), Telemetry())
    places = holdings(patient, link, build_dead_letters(patient, link))
    return store, consents, Erasure(store, consents, places, RedisCompaction(link, SECONDS), journal.unlink), journal


async def _export(arguments: argparse.Namespace, settings: Settings) -> int:
    key = _key(arguments.id, settings)
    async with store_link(settings) as link:
        store, consents, erasure, _ = _erasure(settings, link)
        profile = await store.read(key, sends=True)
        if not profile.known or profile.erased:
            print(f"inlay: nothing is held of {arguments.id}", file=sys.stderr)
            return 1
        answers = await consents.answers((key, profile.key or key, *(each.key for each in profile.identities)))
        wordings = await RedisWordings(link, SECONDS).keep({}, wall_clock())
        told = _told(arguments.id, profile, wordings) | {"consent_history": [answer_json(each) for each in answers]} | await erasure.held(key, profile)
    print(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
    return 0


def _told(id: str, profile: Profile, wordings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the server's own export tells but for the segments of this very moment and the reasons of decisions, which take its rules."""
    history = profile.history
    return {
        "id": id, "identities": [{"kind": each.kind, "value": each.value} for each in profile.identities], "traits": dict(profile.traits),
        "consents": {purpose: STATUS[granted] for purpose, granted in profile.purposes.items()}, "restricted": profile.restricted,
        "exported_at": iso(wall_clock()), "event_counts": counts(history), "events": [event_json(history, i) for i in range(len(history))],
        "decisions": [_decision(send, decode_record(data), wordings) for send, data in profile.sends.items()],
    }


def _decision(send: str, record: Record, wordings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    shown = {name: choice_json(with_wording(choice, wordings)) for name, choice in record.choices.items()}
    return {"send": send, "mail": record.mail, "decided_at": iso(record.decided_at), "content_version": record.version, "placements": shown}


async def _erase(arguments: argparse.Namespace, settings: Settings) -> int:
    key = _key(arguments.id, settings)
    async with store_link(settings) as link:
        _, _, erasure, journal = _erasure(settings, link)
        found = await erasure.erase(key, wall_clock())
        print(", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in found.items()) + " erased; waiting until it is gone from the files too", flush=True)
        await _compacted(RedisCompaction(link, SECONDS))
        await journal.sweep()
    return 0


async def _compacted(compaction: RedisCompaction) -> None:
    """Wait until the store's files hold nothing any more; a server that runs may be quicker to do it."""
    await asyncio.sleep(WAIT_MILLISECONDS / 1000)
    await compaction.work(wall_clock())
    deadline = time.monotonic() + REWRITE_SECONDS
    while await compaction.busy() and time.monotonic() < deadline:
        await asyncio.sleep(0.1)


async def _restrict(arguments: argparse.Namespace, settings: Settings) -> int:
    key = _key(arguments.id, settings)
    async with store_link(settings) as link:
        store = _erasure(settings, link)[0]
        now = wall_clock()
        outcome = (await store.apply([(key, [Grant(RESTRICTED, not arguments.lift, now)])], now))[0]
    if outcome.erased:
        print(f"inlay: {arguments.id} was erased", file=sys.stderr)
    return int(outcome.erased)
