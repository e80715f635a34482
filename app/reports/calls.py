"""Calls as a sender makes them: over connections that are kept, each with a limit of time that waiting for one counts into.

A protocol of its own instead of an HTTP client: the one that plays a burst must be cheaper than the server that it asks.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit


@dataclass(slots=True)
class Got:
    """One answer as the sender sees it; `status` 0 where there was none in time."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    milliseconds: float = 0.0
    why: str = ""


SWEEP_SECONDS = 0.01
"""How often calls are looked at for those that are late: cheaper than a timer each."""


class _Call:
    __slots__ = ("begun", "done", "request", "wire")

    def __init__(self, request: bytes, done: Callable[[Got], None]) -> None:
        self.request, self.begun = request, time.monotonic()
        self.done: Callable[[Got], None] | None = done
        self.wire: _Wire | None = None

    def end(self, got: Got) -> None:
        """The first end counts."""
        done, self.done = self.done, None
        if done is not None:
            got.milliseconds = (time.monotonic() - self.begun) * 1000
            done(got)


class Pool:
    """At most so many connections to one server, and one limit of time for every call; made and used within one event loop."""

    def __init__(self, server: str, connections: int, seconds: float) -> None:
        parts = urlsplit(server)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = parts.scheme == "https"
        self._places, self._seconds = connections, seconds
        self._free: list[_Wire] = []
        self._waiting: deque[_Call] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._begun: deque[_Call] = deque()
        self._sweeping: asyncio.TimerHandle | None = None

    def call(self, request: bytes, done: Callable[[Got], None]) -> None:
        """`done` gets the answer; what does not come in time, or breaks, says why."""
        call = _Call(request, done)
        self._begun.append(call)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)
        self._start(call)

    def close(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        for wire in self._free:
            wire.abort()

    def _sweep(self) -> None:
        late, begun = time.monotonic() - self._seconds, self._begun
        while begun and (begun[0].done is None or begun[0].begun < late):
            call = begun.popleft()
            if call.done is not None:
                if call.wire is not None:
                    call.wire.abort()
                call.end(Got(why="no answer in time"))
        self._sweeping = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep) if begun else None

    def _start(self, call: _Call) -> None:
        if self._free:
            self._free.pop().send(call)
        elif self._places:
            self._places -= 1
            task = asyncio.ensure_future(self._open(call))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        else:
            self._waiting.append(call)

    async def _open(self, call: _Call) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, wire = await loop.create_connection(lambda: _Wire(self), self._host, self._port, ssl=self._tls or None)
        except OSError:
            call.end(Got(why="no connection to the server"))
            self.lost()
            return
        if call.done is None:
            self.free(wire)
        else:
            wire.send(call)

    def free(self, wire: _Wire) -> None:
        """A connection takes the next call that is still waited for."""
        while self._waiting:
            call = self._waiting.popleft()
            if call.done is not None:
                wire.send(call)
                return
        self._free.append(wire)

    def lost(self, wire: _Wire | None = None) -> None:
        """A connection is gone; its place is free."""
        if wire is not None and wire in self._free:
            self._free.remove(wire)
        self._places += 1
        while self._waiting and self._places:
            call = self._waiting.popleft()
            if call.done is not None:
                self._start(call)


class _Wire(asyncio.Protocol):
    """One connection with at most one call under way."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._call: _Call | None = None
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    def send(self, call: _Call) -> None:
        self._call, call.wire = call, self
        if self._transport is not None:
            self._transport.write(call.request)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            got = whole(self._buffer)
        except (ValueError, IndexError):
            self._end(Got(why="the connection broke"))
            self.abort()
            return
        if got is not None:
            self._buffer = b""
            self._end(got)
            self._pool.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(Got(why="the connection broke"))
        self._pool.lost(self)

    def _end(self, got: Got) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.wire = None
            call.end(got)


def whole(data: bytes) -> Got | None:
    """The answer, once all of it is there; `ValueError` or `IndexError` where it is none."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = data[:end].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    status, body = int(head[0].split(" ")[1]), data[end + 4 :]
    return Got(status, headers, body) if len(body) >= int(headers.get("content-length", 0)) else None
