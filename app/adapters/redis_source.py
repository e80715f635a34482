"""Events from Redis Streams: each stream a partition, read by a consumer group of which one member at a time reads a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

from app.adapters.redis_link import Link, RedisRefused
from app.adapters.redis_scripts import Script, evaluate, evaluate_many
from app.domain.message import LOST_UNCOUNTED, Batch, Message
from app.errors import SourceUnavailable, StoreUnavailable

IDLE_SECONDS = 0.05
"""So long `poll` waits where there was nothing: reading is a script, and a script cannot block."""
NEW = ">"
BODY = b"data"


def shards(stream: str, number: int) -> list[str]:
    """The streams that one stream is divided into: itself, or `stream:0` and so on."""
    return [stream] if number == 1 else [f"{stream}:{shard}" for shard in range(number)]


class RedisSource:
    """`EventSource`. What a former reader was given and did not acknowledge is claimed when its stream is taken over, and
    comes first; a script compares the end of the lease with the server's clock before it reads, so a reader that has lost
    its lease without knowing takes nothing out of the group. `link` leads to the Redis of the streams."""

    divided = False

    def __init__(self, link: Link, streams: Sequence[str], group: str, member: str, *, begin: Literal["start", "end"] = "start", seconds: float = 2.0) -> None:
        self._link = link
        self._streams = list(streams)
        self._group = group
        self._member = member
        self._begin: Literal["start", "end"] = begin
        self._seconds = seconds
        self._after: dict[str, str] = {}
        self._make, self._claim, self._read = Script("stream_begin"), Script("stream_claim"), Script("stream_read")

    async def open(self, revoked: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        """Groups are made when their streams are first read."""

    async def partitions(self) -> Sequence[str]:
        return self._streams

    async def poll(self, held: Mapping[str, int], most: int) -> Sequence[Batch]:
        names = list(held)[:most] if most else []
        try:
            claimed = {name: await self._take_over(name, held[name]) for name in names if name not in self._after}
            reads = [(self._keys(name), [self._group, self._member, most // len(names), self._after[name], held[name]]) for name in names]
            replies = await evaluate_many(self._link, self._read, reads, self._seconds) if reads else []
        except (RedisRefused, StoreUnavailable) as error:
            self._after.clear()  # what was given to this member and did not arrive is pending, and is read anew
            raise SourceUnavailable(f"Redis: {error}") from error
        batches: list[Batch] = []
        for name, (dropped, entries) in zip(names, replies, strict=True):
            gone = [id.decode() for id, fields in entries or () if not fields]
            if gone:
                await self._acknowledge(name, gone)
            batches.append(self._batch(name, claimed.get(name, 0) + len(gone), dropped, entries))
        if not any(replies[i][1] or batch.lost for i, batch in enumerate(batches)):
            await asyncio.sleep(IDLE_SECONDS)
        return [batch for batch in batches if batch.messages or batch.lost]

    async def _take_over(self, name: str, until: int) -> int:
        """Begin with what is pending of the group, whoever was given it; how many of these messages are gone."""
        await evaluate(self._link, self._make, self._keys(name), [self._group, self._begin], self._seconds)
        lost: int = await evaluate(self._link, self._claim, [name], [self._group, self._member, until], self._seconds)
        self._after[name] = "0-0"
        return max(lost, 0)

    def _batch(self, name: str, lost: int, dropped: int, entries: Sequence[Any] | None) -> Batch:
        """What is pending is followed by what is new."""
        after = self._after[name]
        if not entries:
            self._after[name] = NEW
        elif after != NEW:
            self._after[name] = entries[-1][0].decode()
        messages = [_message(name, id.decode(), fields) for id, fields in entries or () if fields]
        return Batch(name, messages, LOST_UNCOUNTED if dropped == LOST_UNCOUNTED else lost + dropped)

    async def commit(self, partition: str, messages: Sequence[Message], until: int) -> None:
        """Acknowledging is harmless whenever it comes: what it names was taken."""
        await self._acknowledge(partition, [message.position for message in messages])

    async def rewind(self, partition: str) -> None:
        self._after.pop(partition, None)

    async def close(self) -> None:
        """What this member was given and did not acknowledge is claimed by the next; members without any go then."""

    async def _acknowledge(self, partition: str, ids: Sequence[str]) -> None:
        try:
            await self._link.call("XACK", partition, self._group, *ids, seconds=self._seconds)
        except RedisRefused as error:
            raise SourceUnavailable(f"Redis: {error}") from error

    def _keys(self, name: str) -> list[str]:
        tag = name if "{" in name else f"{{{name}}}"
        return [name, f"inlay:begun:{tag}:{self._group}"]


def _message(stream: str, id: str, fields: Sequence[bytes]) -> Message:
    """The field `data`, or the only one, is the body; the others are headers."""
    named = dict(zip(fields[::2], fields[1::2], strict=True))
    body = named.pop(BODY, None)
    if body is None:
        body = named.popitem()[1] if len(named) == 1 else b""
    headers = {name.decode("utf-8", "replace").lower(): value.decode("utf-8", "replace") for name, value in named.items()}
    return Message(f"{stream}/{id}", int(id.partition("-")[0]), body, headers, id)


