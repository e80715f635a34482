"""Redis Cluster behind the same small interface as one server: a `Link` to each node, and commands split by slot.

The slot table is read anew, once at a time, when a node answers MOVED or cannot be reached; commands that were redirected
are sent again to where they belong. What goes to different nodes is not one step and never was: all keys of a profile lie in
one slot.
"""

from __future__ import annotations

import asyncio
import time
from binascii import crc_hqx
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from app.adapters.breaker import Breaker
from app.adapters.redis_link import CONNECT_SECONDS, Command, Link
from app.errors import SettingsInvalid, StoreUnavailable

SLOTS = 16_384
REDIRECTIONS = 8
"""How often a command may be sent on before it counts as refused."""
PAUSE_SECONDS = 0.02
REFRESH_SECONDS = 0.25
"""Time between two readings of the slot table, at least: a failover makes many callers ask for one."""
_KEY_AT = {"EVALSHA": 3, "EVAL": 3, "XGROUP": 2, "XINFO": 2}
"""Where a command's first key stands, where that is not behind its name."""
_TO_ALL = ("SCRIPT",)
_SCHEMES = {"redis+cluster": "redis", "rediss+cluster": "rediss"}


def link_to(url: str, breaker: Breaker, read_seconds: float = 0.05, connect_seconds: float = CONNECT_SECONDS) -> Link:
    """A link to the Redis, or the Redis Cluster, that the URL names."""
    kind = ClusterLink if urlsplit(url).scheme in _SCHEMES else Link
    return kind(url, breaker, read_seconds, connect_seconds)


def slot_of(key: str | bytes) -> int:
    """CRC-16 (XMODEM) of the key, or of what stands between its first braces where that is not empty."""
    data = key.encode() if isinstance(key, str) else key
    begin = data.find(b"{")
    if begin >= 0:
        end = data.find(b"}", begin + 1)
        if end > begin + 1:
            data = data[begin + 1 : end]
    return crc_hqx(data, 0) % SLOTS


class ClusterLink(Link):
    """`breaker` is that of the cluster as a whole; each node has one of its own besides, so that one that is down costs only
    what lies there."""

    together = 1

    def __init__(self, url: str, breaker: Breaker, read_seconds: float = 0.05, connect_seconds: float = CONNECT_SECONDS) -> None:
        self._scheme, self._user, seeds = _parts(url)
        super().__init__(self._url(seeds[0]), breaker, read_seconds, connect_seconds)
        self.url = url
        self._seeds = seeds
        self._nodes: dict[str, Link] = {}
        self._slots: list[str] = []
        self._refreshing: asyncio.Task[None] | None = None
        self._refreshed = 0.0

    def pipeline(self, commands: Sequence[Command], seconds: float | None = None) -> asyncio.Future[list[Any]]:
        loop = asyncio.get_running_loop()
        if not self.breaker.allow():
            future: asyncio.Future[list[Any]] = loop.create_future()
            future.set_exception(StoreUnavailable("the circuit to Redis is open", code="open"))
            return future
        return loop.create_task(self._answered(commands, loop.time() + (self.read_seconds if seconds is None else seconds)))

    async def nodes(self) -> list[tuple[str, Link]]:
        """The masters, as the slot table has them now."""
        await self._refresh()
        tags: dict[str, str] = {}
        for tag in map(str, range(SLOTS)):
            tags.setdefault(self._slots[slot_of(tag)], tag)
            if len(tags) == len(set(self._slots)):
                break
        return [(tags[address], self._node(address)) for address in sorted(tags)]

    async def close(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
        for node in self._nodes.values():
            await node.close()

    # -- one pipeline --------------------------------------------------------------------------------------------------

    async def _answered(self, commands: Sequence[Command], deadline: float) -> list[Any]:
        try:
            if not self._slots:
                await self._refresh()
            replies = await self._redirected(commands, deadline)
        except StoreUnavailable:
            self.breaker.failure()
            raise
        self.breaker.success()
        return replies

    async def _redirected(self, commands: Sequence[Command], deadline: float) -> list[Any]:
        """Every reply, from wherever its key lies by now."""
        replies: list[Any] = [None] * len(commands)
        waiting: dict[int, tuple[str, bool]] = {i: (address, False) for i, address in enumerate(self._addresses(commands))}
        for _ in range(REDIRECTIONS):
            await self._sent(commands, waiting, replies, deadline)
            waiting = {i: target for i in waiting if (target := self._elsewhere(replies[i], commands[i])) is not None}
            if not waiting or asyncio.get_running_loop().time() > deadline:
                return replies
            if any(_must_wait(replies[i]) for i in waiting):
                await asyncio.sleep(PAUSE_SECONDS)
        return replies

    def _addresses(self, commands: Sequence[Command]) -> list[str]:
        """The node of each; what has no key goes along with its neighbours, or to the first node."""
        keyed = [self._slots[slot_of(key)] if (key := key_of(command)) is not None else "" for command in commands]
        anywhere = next(filter(None, keyed), self._slots[0])
        return [address or anywhere for address in keyed]

    async def _sent(self, commands: Sequence[Command], waiting: dict[int, tuple[str, bool]], replies: list[Any], deadline: float) -> None:
        """One write to each node; a script is loaded on every node that something goes to."""
        parts: dict[tuple[str, bool], list[int]] = {}
        for i, target in waiting.items():
            parts.setdefault(target, []).append(i)
        loads = [i for i in waiting if commands[i][0] in _TO_ALL]
        left = max(deadline - asyncio.get_running_loop().time(), 0.001)
        futures = [(members, target[1], self._node(target[0]).pipeline(self._asked(commands, members, loads, asking=target[1]), left)) for target, members in parts.items()]
        results = await asyncio.gather(*(future for _, _, future in futures), return_exceptions=True)
        lost = [result for result in results if isinstance(result, BaseException)]
        if lost:
            self._refresh_soon()
            raise lost[0]
        for (members, asking, _), result in zip(futures, results, strict=True):
            extra = len([i for i in loads if i not in members])
            rows = result[extra:]  # pyright: ignore[reportIndexIssue, reportUnknownVariableType]
            for place, i in enumerate(members):
                replies[i] = rows[2 * place + 1] if asking else rows[place]

    def _asked(self, commands: Sequence[Command], members: Sequence[int], loads: Sequence[int], *, asking: bool) -> list[Command]:
        before = [commands[i] for i in loads if i not in members]
        return [*before, *([each for i in members for each in (("ASKING",), commands[i])] if asking else [commands[i] for i in members])]

    def _elsewhere(self, reply: Any, command: Command) -> tuple[str, bool] | None:
        """Where a command must be sent again, and whether the node must be asked to take it; None where the reply is one."""
        if not isinstance(reply, Exception):
            return None
        word, _, rest = str(reply).partition(" ")
        if word == "MOVED":
            slot, _, address = rest.partition(" ")
            self._slots[int(slot)] = address
            self._refresh_soon()
            return address, False
        if word == "ASK":
            return rest.partition(" ")[2], True
        return (self._slots[slot_of(key)], False) if _must_wait(reply) and (key := key_of(command)) is not None else None

    # -- nodes and slots -----------------------------------------------------------------------------------------------

    def _url(self, address: str) -> str:
        return f"{self._scheme}://{self._user}{address}"

    def _node(self, address: str) -> Link:
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = Link(self._url(address), Breaker(time.monotonic), self.read_seconds, self._connect_seconds)
            node.on_drop = self.on_drop
        return node

    def _refresh_soon(self) -> None:
        if self._refreshing is None and time.monotonic() - self._refreshed > REFRESH_SECONDS:
            self._refreshing = asyncio.create_task(self._read_table())
            self._refreshing.add_done_callback(self._read)

    async def _refresh(self) -> None:
        """The table, read by one for all who wait for it."""
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._read_table())
            self._refreshing.add_done_callback(self._read)
        await asyncio.shield(self._refreshing)

    def _read(self, task: asyncio.Task[None]) -> None:
        self._refreshing = None
        self._refreshed = time.monotonic()
        if not task.cancelled():
            task.exception()

    async def _read_table(self) -> None:
        """Ask the known nodes, one after the other, until one tells; nodes that went are let go of."""
        last: StoreUnavailable | None = None
        for address in dict.fromkeys((*self._nodes, *self._seeds)):
            try:
                rows = await self._node(address).call("CLUSTER", "SLOTS", seconds=max(self.read_seconds, 1.0))
            except StoreUnavailable as error:
                last = error
                continue
            if (slots := _table(rows, address)) and all(slots):
                await self._let_go(set(slots))
                self._slots = slots
                return
        raise last or StoreUnavailable("Redis Cluster: no node knows where all slots lie", code="unavailable")

    async def _let_go(self, masters: Iterable[str]) -> None:
        kept = {*masters, *self._seeds}
        for address in [address for address in self._nodes if address not in kept]:
            await self._nodes.pop(address).close()


def key_of(command: Command) -> str | bytes | None:
    """The first key of a command; None where it has none."""
    name = command[0]
    if name in ("XREAD", "XREADGROUP"):
        return command[command.index("STREAMS") + 1]
    if name in ("EVALSHA", "EVAL") and not int(command[2]):
        return None
    at = _KEY_AT.get(name, 1)
    return command[at] if name not in _KEYLESS and len(command) > at else None


_KEYLESS = frozenset({*_TO_ALL, "PING", "INFO", "CONFIG", "TIME", "CLUSTER", "WAITAOF", "WAIT"})


def _must_wait(reply: Any) -> bool:
    """Whether the same is to be tried again in a moment: slots are being moved, or a node is taking over."""
    return isinstance(reply, Exception) and str(reply).startswith(("TRYAGAIN", "CLUSTERDOWN"))


def _table(rows: Sequence[Any], asked: str) -> list[str]:
    """Slot -> address of its master; a node that names no host means itself."""
    slots = [""] * SLOTS
    for first, last, (host, port, *_), *_ in rows:
        name = host.decode() if host else asked.rpartition(":")[0]
        slots[first : last + 1] = [f"{name}:{port}"] * (last + 1 - first)
    return slots


def _parts(url: str) -> tuple[str, str, list[str]]:
    """(scheme of a node, user and password up to the @, addresses) of `redis+cluster://user:password@host:port,host:port`."""
    scheme, _, rest = url.partition("://")
    user, at, hosts = rest.partition("/")[0].rpartition("@")
    seeds = [host if ":" in host else f"{host}:6379" for host in hosts.split(",") if host]
    if not seeds:
        raise SettingsInvalid("a Redis Cluster is redis+cluster://host:port,host:port")
    return _SCHEMES[scheme], user + at, seeds
