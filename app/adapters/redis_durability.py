"""What a Redis does with what it was told: whether a reply means that it is on a disk."""

from __future__ import annotations

from typing import Literal

from app.adapters.redis_link import Link

Durability = Literal["always", "everysec", "no", "off", "unknown"]
"""As `appendfsync` has it: before each reply, every second, when the system pleases; `off` without an append-only file;
`unknown` where the server does not tell."""
_KNOWN: dict[bytes, Durability] = {b"always": "always", b"everysec": "everysec", b"no": "no"}


async def durability_of(link: Link) -> Durability:
    """Of the server, of a cluster's first node. `StoreUnavailable`."""
    appendonly, appendfsync = await link.pipeline([("CONFIG", "GET", "appendonly"), ("CONFIG", "GET", "appendfsync")], 1.0)
    if isinstance(appendonly, Exception) or isinstance(appendfsync, Exception) or len(appendonly) < 2 or len(appendfsync) < 2:
        return "unknown"
    return _KNOWN.get(appendfsync[1], "unknown") if appendonly[1] == b"yes" else "off"
