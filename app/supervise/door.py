"""Letting callers in quickly: a burst brings its own connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

AT_ONCE = 128
"""Connections that all workers together take in one turn of their loops; a worker that took all would leave others idle."""

COMING_SECONDS = 1.0
"""Within which whoever was let in is known to the server; it takes a turn of the loop."""


class Door:
    """Lets in those who wait at a listening socket, many in one turn of the loop.

    libuv, which serves the socket as well, lets in one a turn. When turns are full of the work of those who are in, the rest would
    wait outside for seconds, where nobody can even turn them away.
    """

    def __init__(self, listening: socket.socket, workers: int, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._most = max(1, AT_ONCE // workers)
        self._coming: set[asyncio.Task[object]] = set()
        self._listening = listening.dup()  # a number of its own: the other one is libuv's
        self._listening.setblocking(False)
        self._loop.add_reader(self._listening, self._let_in)

    async def close(self) -> None:
        """Nobody is let in from now on; those who were are known to the server when this returns."""
        self._loop.remove_reader(self._listening)
        self._listening.close()
        if self._coming:
            await asyncio.wait(self._coming, timeout=COMING_SECONDS)

    def _let_in(self) -> None:
        for _ in range(self._most):
            try:
                caller, _ = self._listening.accept()
            except OSError:  # nobody is there any more, or no more files may be opened
                return
            caller.setblocking(False)
            caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task: asyncio.Task[object] = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, caller))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)


__all__ = ["Door"]
