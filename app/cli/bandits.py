"""`inlay bandits list|freeze|thaw|reset`: what bandits have learnt, and being their master."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from app.adapters.redis_bandits import RedisBandits
from app.cli.store import store_link
from app.content.load import gather
from app.domain.bandits import Bandit, Standing
from app.domain.beliefs import belief
from app.domain.definitions import Definitions
from app.errors import NotFound
from app.settings import load_settings

SECONDS = 30.0


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|freeze|thaw|reset")
    listing = actions.add_parser("list", help="what each bandit knows of its arms, and what share each would get now")
    listing.add_argument("--json", action="store_true", help="as JSON")
    freeze = actions.add_parser("freeze", help="go on choosing by what is known now; what comes in is counted, and takes effect once it is thawed")
    thaw = actions.add_parser("thaw", help="take effect again of what is learnt")
    reset = actions.add_parser("reset", help="forget what was learnt, and begin anew; rewards of earlier decisions no longer count")
    reset.add_argument("--arm", metavar="OFFER", help="of one offer alone")
    for action in (freeze, thaw, reset):
        action.add_argument("bandit", metavar="BANDIT")
    for action in (listing, freeze, thaw, reset):
        action.add_argument("--content", type=Path, help="the folder with rules/ (.)")
        action.add_argument("--data", type=Path, help="the server's data folder (./data)")
        action.add_argument("--redis-url", help="the server's Redis, where it is not the embedded one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    return asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    settings = load_settings(content=arguments.content, data=arguments.data, redis_url=arguments.redis_url)
    definitions = gather(settings.content)[0] or Definitions("")
    async with store_link(settings) as link:
        store = RedisBandits(link, SECONDS)
        known = dict(await store.states()) | {each.state: each.id for each in definitions.bandits.values()}
        if arguments.action == "list":
            _tell([row async for row in _rows(store, known, definitions.bandits)], as_json=arguments.json)
            return 0
        return await _change(arguments, store, [state for state, bandit in known.items() if arguments.bandit in (bandit, state)], sorted(set(known.values())))


async def _change(arguments: argparse.Namespace, store: RedisBandits, states: list[str], bandits: list[str]) -> int:
    if not states:
        raise NotFound(f"no bandit {arguments.bandit!r}; there are: {', '.join(bandits) or 'none'}")
    for state in states:
        if arguments.action == "reset":
            arms = (await store.standing(state)).known
            if arguments.arm and arguments.arm not in arms:
                print(f"inlay: {state} knows no arm {arguments.arm!r}; it knows: {', '.join(sorted(arms)) or 'none'}", file=sys.stderr)
                return 1
            await store.reset(state, arguments.arm)
            print(f"{state}: {'all' if not arguments.arm else arguments.arm} forgotten")
        else:
            frozen = arguments.action == "freeze"
            changed = await store.freeze(state, frozen=frozen)
            print(f"{state}: {'frozen' if frozen else 'thawed'}{'' if changed else ' already'}")
    return 0


async def _rows(store: RedisBandits, known: Mapping[str, str], bandits: Mapping[str, Bandit]) -> AsyncIterator[dict[str, Any]]:
    for state, id in sorted(known.items()):
        bandit = bandits.get(id)
        yield _row(state, bandit if bandit is not None and bandit.state == state else None, await store.standing(state))


def _row(state: str, bandit: Bandit | None, standing: Standing) -> dict[str, Any]:
    published = standing.published
    arms = sorted({*standing.known, *published.arms})
    shares: list[float | None] = [None] * len(arms)
    if bandit is not None and not bandit.features and arms:
        shares = [round(share, 4) for share in belief(bandit, published).shares(arms, ()).tolist()]
    return {
        "bandit": state.partition("@")[0], "state": state, "served": bandit is not None, "kind": "linear" if "@" in state else "thompson",
        "posterior": published.version, "frozen": published.frozen, "pending": standing.pending, "rewards": dict(sorted(standing.outcomes.items())),
        "arms": {
            offer: {
                "shown": tally.shown, "settled": tally.settled, "rewards": round(tally.rewards, 6),
                "rate": round(tally.rewards / tally.shown, 6) if tally.shown else None, "best": share,
            }
            for offer, share in zip(arms, shares, strict=True) if (tally := standing.known.get(offer)) is not None
        },
    }


def _tell(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.format(msgspec.json.encode({"bandits": rows}), indent=2).decode())
        return
    console = Console(highlight=False)
    if not rows:
        console.print("no bandits: none is declared, and none was learnt of")
    for row in rows:
        console.print(" · ".join(_facts(row)), soft_wrap=True)
        if not row["arms"]:
            continue
        table = Table("offer", "shown", "settled", "rewards", "rate", "best", box=None, header_style="dim")
        for offer, arm in row["arms"].items():
            rate, best = arm["rate"], arm["best"]
            table.add_row(
                offer, f"{arm['shown']:,}", f"{arm['settled']:,}", f"{arm['rewards']:,g}", "" if rate is None else f"{rate:.2%}", "" if best is None else f"{best:.1%}",
            )
        console.print(table)


def _facts(row: Mapping[str, Any]) -> Iterator[str]:
    yield f"[bold]{row['state']}[/bold]"
    if not row["served"]:
        yield "no longer declared so"
    yield f"posterior {row['posterior']}"
    if row["frozen"]:
        yield "frozen"
    yield f"{row['pending']:,} pending"
    for outcome, number in row["rewards"].items():
        yield f"{number:,} rewards {outcome}"
