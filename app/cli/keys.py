"""`inlay keys create|list|revoke`: the key alone on standard output, and only once; a web key's secret on standard error."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.adapters.redis_keys import RedisKeys
from app.cli.store import store_link
from app.errors import RequestInvalid
from app.security import web_keys
from app.security.keys import SCOPES, Entry, entry_of, new_key, row_of
from app.settings import Settings, load_settings


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="create|list|revoke")
    create = actions.add_parser("create", help="make a key and print it")
    create.add_argument("--name", required=True, help="what the key is for")
    create.add_argument("--scope", required=True, nargs="+", choices=(*SCOPES, web_keys.SCOPE), help="what it may do; web: a public key for pages, which may only send events")
    create.add_argument("--origin", nargs="+", default=[], metavar="URL", help="of a web key: whose pages may use it, such as https://shop.example")
    listing = actions.add_parser("list", help="show the keys, never the keys themselves")
    revoke = actions.add_parser("revoke", help="end a key, within a second everywhere")
    revoke.add_argument("key", metavar="ID", help="its id or name")
    for action in (create, listing, revoke):
        action.add_argument("--data", type=Path, help="the server's data folder (./data)")
        action.add_argument("--redis-url", help="the server's Redis, where it is not the embedded one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(data=arguments.data, redis_url=arguments.redis_url)
    return asyncio.run({"create": _create, "list": _list, "revoke": _revoke}[arguments.action](arguments, settings))


def _mirror(settings: Settings, entries: dict[str, dict[str, object]]) -> None:
    """Hashes in the data folder, so that a start without the store can authenticate."""
    settings.data.mkdir(parents=True, exist_ok=True)
    part = settings.data / "keys.part"
    part.write_text(json.dumps(entries))
    part.chmod(0o600)
    part.replace(settings.data / "keys.json")


async def _create(arguments: argparse.Namespace, settings: Settings) -> int:
    key, entry = _made(arguments)
    async with store_link(settings) as link:
        keys = RedisKeys(link)
        await keys.put(entry.id, row_of(entry))
        _mirror(settings, await keys.all() or {})
    if entry.secret:
        print(f"inlay: the secret that proves user ids, shown only now; keep it on the shop's server: {entry.secret}", file=sys.stderr, flush=True)
    print(key)
    return 0


def _made(arguments: argparse.Namespace) -> tuple[str, Entry]:
    """A new key and its entry. `RequestInvalid` where a public key would open more than pages need, or a page's key has no origin."""
    scopes, origins = set(arguments.scope), tuple(dict.fromkeys(map(web_keys.origin_of, arguments.origin)))
    now = int(time.time())
    if web_keys.SCOPE not in scopes:
        if origins:
            raise RequestInvalid("--origin is for web keys: --scope web")
        return (key := new_key()), entry_of(key, arguments.name, scopes, now)
    if len(scopes) > 1 or not origins:
        raise RequestInvalid("a web key is public: it has the scope web alone, and at least one --origin https://shop.example")
    key = web_keys.new_web_key()
    return key, replace(entry_of(key, arguments.name, scopes, now), origins=origins, secret=web_keys.new_secret())


async def _list(arguments: argparse.Namespace, settings: Settings) -> int:
    async with store_link(settings) as link:
        entries = await RedisKeys(link).all() or {}
    table = Table("id", "name", "scopes", "created", "origins", box=None, header_style="dim")
    for id, row in sorted(entries.items(), key=lambda pair: pair[1]["created"]):
        table.add_row(id, row["name"], " ".join(row["scopes"]), time.strftime("%Y-%m-%d", time.gmtime(row["created"])), " ".join(row.get("origins", ())))
    Console().print(table if entries else "no keys: the server runs in development mode")
    return 0


async def _revoke(arguments: argparse.Namespace, settings: Settings) -> int:
    async with store_link(settings) as link:
        keys = RedisKeys(link)
        ids = [id for id, row in (await keys.all() or {}).items() if arguments.key in (id, row["name"])]
        for id in ids:
            await keys.revoke(id)
        _mirror(settings, await keys.all() or {})
    if not ids:
        print(f"inlay: no key {arguments.key!r}; `inlay keys list` shows them", file=sys.stderr)
    return 0 if ids else 1
