"""Going through everybody in Redis, a page at a time: on every master where it is a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from app.adapters.redis_link import Link

MATCH = "[hm]:{*}"
"""Whoever is known has a history or what is filed under `m:`."""


async def people(link: Link, place: str, count: int, seconds: float) -> tuple[list[str], str]:
    """Some keys of profiles, and the place of the next, empty after the last; the first place is the empty one. Who is there
    all the time comes at least once, unless slots move meanwhile. `StoreUnavailable`.

    A place names its server by a hash; where that server is gone it begins anew."""
    nodes = {_name(node): node for _, node in await link.nodes()}
    names = list(nodes)
    cursor, _, name = place.partition("@")
    if name not in nodes:
        cursor, name = "0", names[0]
    after, found = await nodes[name].call("SCAN", cursor, "MATCH", MATCH, "COUNT", count, seconds=seconds)
    keys = list(dict.fromkeys(key[3:-1].decode() for key in found))
    return keys, f"{after.decode()}@{name}" if after != b"0" else _next(names, name)


def _next(names: Sequence[str], name: str) -> str:
    following = names[names.index(name) + 1 :]
    return f"0@{following[0]}" if following else ""


def _name(node: Link) -> str:
    return f"{crc32(node.url.encode()):08x}"


async def number_of_keys(link: Link, seconds: float) -> int:
    """Of all kinds, on all servers."""
    return sum([await node.call("DBSIZE", seconds=seconds) for _, node in await link.nodes()])
