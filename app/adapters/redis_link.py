"""One multiplexed connection to Redis: what all requests of a loop tick ask for travels in one write.

Replies are matched to requests strictly in order. A waiter that was cancelled still has its place in the line: its
reply is read and dropped, so nobody ever gets another's answer. A request that is late fails alone while others in line
may still wait, as a short read behind a long write. Once the first in line is late, and on any doubt (a protocol error, an end of
file), the connection is closed and everything in flight fails with `StoreUnavailable`; the next call reconnects.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
from msgspec import Struct

from app.adapters.breaker import Breaker
from app.adapters.redis_url import Command, target_of
from app.errors import StoreUnavailable

# hiredis leaves open what a command's elements are
_packed: Callable[[Command], bytes] = hiredis.pack_command  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
CONNECT_SECONDS = 0.25
GRACE_SECONDS = 0.02
"""Time in which something must come of requests that are late."""
PART_BYTES = 4_096
"""So much at once is something; a trickle is not."""
FEED_BYTES = 16_384
"""So much is parsed at once: the parser moves what lies behind a reply with each that it gives."""
_REFUSALS = ("READONLY", "OOM", "LOADING", "MASTERDOWN", "MISCONF", "BUSY", "CLUSTERDOWN", "TRYAGAIN", "NOAUTH", "WRONGPASS", "ERR max number of clients")


class RedisRefused(Exception):
    """An error reply that says nothing about availability, such as NOSCRIPT or WRONGTYPE."""


class Pending(Struct, eq=False):
    """A pipeline in flight: how many replies it still waits for, and whether it was late when last looked at."""

    future: asyncio.Future[list[Any]]
    missing: int
    deadline: float
    late: bool = False
    replies: list[Any] = []  # noqa: RUF012 (a Struct copies it)


class Connection(asyncio.Protocol):
    """One connection and the line of those who wait for its replies. Its own to the end: what a dead one still has to
    say reaches nobody. `tell` is called once, with the reason."""

    def __init__(self, tell: Callable[[str], None], answered: Callable[[], None]) -> None:
        self._tell = tell
        self._answered = answered
        self._transport: asyncio.WriteTransport | None = None
        self._reader = hiredis.Reader()
        self._greeting = 0
        self._answering = False
        self.line: deque[Pending] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # pyright: ignore[reportAttributeAccessIssue]

    def greet(self, commands: Sequence[Command]) -> None:
        """Commands whose replies nobody waits for; an error among them ends the connection."""
        self._greeting = len(commands)
        self._write(b"".join([_packed(command) for command in commands]))

    def send(self, pipelines: Sequence[tuple[Pending, bytes]]) -> None:
        self.line.extend([pending for pending, _ in pipelines])
        self._write(b"".join([data for _, data in pipelines]))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._answering = self._answering or len(data) >= PART_BYTES
        for at in range(0, len(data), FEED_BYTES):
            self._reader.feed(data, at, min(FEED_BYTES, len(data) - at))
            self._take_replies()

    def _take_replies(self) -> None:
        reader, line = self._reader, self.line
        try:
            while (reply := reader.gets()) is not False:
                if self._greeting:
                    self._greeting -= 1
                    if isinstance(reply, Exception):
                        self._end(f"refused: {reply}"[:80])
                        return
                    continue
                pending = line[0]
                pending.replies.append(reply)
                pending.missing -= 1
                if not pending.missing:
                    self._answering = True
                    line.popleft()
                    self._answered()
                    if not pending.future.done():
                        pending.future.set_result(pending.replies)
        except (IndexError, hiredis.ProtocolError):
            self._end("the reply made no sense")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end("the connection was lost")

    def _end(self, why: str) -> None:
        if self._transport is not None:
            self.abort()
            self._tell(why)

    def answering(self) -> bool:
        """Whether an answer, or a good part of one, came since this was last asked."""
        found, self._answering = self._answering, False
        return found

    @property
    def ended(self) -> bool:
        return self._transport is None

    def abort(self) -> None:
        """Close at once; nothing more is taken in, and `tell` is not called."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()


class Link:
    """`pipeline(commands, seconds)` gives a future of their replies; an error reply stands in the list as an exception.

    `on_drop` holds what is called whenever a connection ended, before anything is sent over the next. `together` is of how many
    people one command may name keys.
    """

    together = 32

    def __init__(self, url: str, breaker: Breaker, read_seconds: float = 0.05, connect_seconds: float = CONNECT_SECONDS) -> None:
        self.url = url
        self._options = target_of(url)
        self.breaker = breaker
        self.read_seconds = read_seconds
        self._connect_seconds = connect_seconds
        self.on_drop: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._unsent: list[tuple[Pending, bytes]] = []
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def pipeline(self, commands: Sequence[Command], seconds: float | None = None) -> asyncio.Future[list[Any]]:
        """All commands in one write, all replies at once, or `StoreUnavailable` after `seconds`."""
        loop = self._loop or self._start()
        future: asyncio.Future[list[Any]] = loop.create_future()
        if not self.breaker.allow():
            future.set_exception(StoreUnavailable("the circuit to Redis is open", code="open"))
            return future
        seconds = self.read_seconds if seconds is None else seconds
        pending = Pending(future, len(commands), loop.time() + seconds)
        data = b"".join([_packed(command) for command in commands]) if len(commands) > 1 else _packed(commands[0])
        self._unsent.append((pending, data))
        if not self._flushing:
            self._flushing = True
            loop.call_soon(self._flush)
        if self._timer is None or pending.deadline < self._due:
            self._look_at(pending.deadline)
        return future

    async def call(self, *command: Any, seconds: float | None = None) -> Any:
        reply = (await self.pipeline((command,), seconds))[0]
        if isinstance(reply, Exception):
            raise refusal(reply)
        return reply

    def another(self) -> Link:
        """A link to the same place, behind whose calls those over this one do not stand in line."""
        return type(self)(self.url, Breaker(time.monotonic), self.read_seconds, self._connect_seconds)

    async def nodes(self) -> list[tuple[str, Link]]:
        """(tag, link) of every server there is, in a stable order: a key with `{tag}` in it lies on that one."""
        return [("0", self)]

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._connecting is not None:
            self._connecting.cancel()
        self._drop("closed")

    def _start(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.get_running_loop()
        return self._loop

    def _flush(self) -> None:
        self._flushing = False
        if self._connection is not None:
            unsent, self._unsent = self._unsent, []
            self._connection.send(unsent)
        elif self._connecting is None and self._unsent:
            assert self._loop is not None
            self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        kind, target, context, greeting = self._options
        assert self._loop is not None
        connection = Connection(self._drop, self.breaker.success)
        try:
            async with asyncio.timeout(self._connect_seconds):
                if kind == "unix":
                    await self._loop.create_unix_connection(lambda: connection, target)
                else:
                    await self._loop.create_connection(lambda: connection, *target, ssl=context)
        except (OSError, TimeoutError) as error:
            self._drop(f"cannot connect: {type(error).__name__}")
            return
        finally:
            self._connecting = None
        if connection.ended:
            return
        self._connection = connection
        if greeting:
            connection.greet(greeting)
        self._flush()

    # -- limits ----------------------------------------------------------------------------------------------------

    def _waiting(self) -> list[Pending]:
        line = self._connection.line if self._connection is not None else ()
        return [*line, *(pending for pending, _ in self._unsent)]

    def _look_at(self, due: float) -> None:
        """One timer for all: look at who is late at `due`, or soon where that has passed."""
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_later(max(due - self._loop.time(), GRACE_SECONDS), self._check_deadlines)

    def _check_deadlines(self) -> None:
        """Who is late, and was so at the last look since which no answer came, is lost. While answers do come, Redis lives
        and it is this process that is busy with them: what is behind them in line comes too."""
        self._timer = None
        silent = self._connection is None or not self._connection.answering()
        assert self._loop is not None
        now = self._loop.time()
        waiting = self._waiting()
        late = [pending for pending in waiting if pending.deadline <= now]
        lost = [pending for pending in late if silent and pending.late and not pending.future.done()]
        if silent and waiting and waiting[0].late:
            # Replies come in order: where not even the first is answered, none will be, however young the rest is.
            self._drop("timed out")
            return
        if lost:
            self.breaker.failure()
            self._unsent = [(pending, data) for pending, data in self._unsent if pending not in lost]
            for pending in lost:
                pending.future.set_exception(StoreUnavailable("Redis: timed out", code="unavailable"))
        for pending in late:
            pending.late = True
        due = [now if pending.late else pending.deadline for pending in waiting if not pending.future.done()]
        if due:
            self._look_at(min(due))

    def _drop(self, why: str) -> None:
        waiting = self._waiting()
        connection, self._connection, self._unsent = self._connection, None, []
        if connection is not None:
            connection.abort()
        for tell in self.on_drop:
            tell()
        if waiting:
            self.breaker.failure()
        for pending in waiting:
            if not pending.future.done():
                pending.future.set_exception(StoreUnavailable(f"Redis: {why}", code="unavailable"))


def refusal(error: Exception) -> Exception:
    """An error reply as what it means: the store refusing to work, or a mistake."""
    text = str(error)
    if text.startswith(_REFUSALS):
        return StoreUnavailable(f"Redis refuses: {text.split(' ', 1)[0]}", code="refused")
    return RedisRefused(text)
