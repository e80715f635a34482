"""Messages into Redis Streams, once each, a person's always into the same one."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from app.adapters.redis_link import Link, RedisRefused
from app.adapters.redis_scripts import Script, evaluate
from app.domain.message import Outgoing
from app.errors import SinkRefused, SinkUnavailable, StoreUnavailable

KNOWN_SECONDS = 7 * 86_400
"""So long a message that was sent is known, and not sent again."""


class RedisSink:
    """`EventSink` over one link. Nothing is trimmed. `listed_in` is a set that tells what was ever written to."""

    def __init__(self, link: Link, streams: Sequence[str], write_seconds: float = 1.0, *, listed_in: str = "") -> None:
        self._link = link
        self._streams = list(streams)
        self._seconds = write_seconds
        self._send = Script("stream_send")
        self._listed_in = listed_in

    async def send(self, message: Outgoing) -> None:
        stream = self._streams[crc32(message.key.encode()) % len(self._streams)]
        tag = stream if "{" in stream else f"{{{stream}}}"
        fields = [part for pair in {**message.headers, "id": message.id}.items() for part in pair]
        try:
            await self._list()
            await evaluate(self._link, self._send, [stream, f"inlay:sent:{tag}:{message.id}"], [KNOWN_SECONDS, "data", message.body, *fields], self._seconds)
        except StoreUnavailable as error:
            raise SinkUnavailable(f"the stream {stream}: {error.message}") from error
        except RedisRefused as error:
            raise SinkRefused(f"the stream {stream}: {error}") from error

    async def _list(self) -> None:
        if self._listed_in:
            await self._link.call("SADD", self._listed_in, *self._streams, seconds=self._seconds)
            self._listed_in = ""

    async def close(self) -> None:
        """The link is its owner's."""
