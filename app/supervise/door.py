"""Letting callers in quickly: a burst brings its own connections."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from array import array
from collections.abc import Callable

AT_ONCE = 128
"""Connections that all workers together take in one turn of their loops; a worker that took all would leave others idle."""

COMING_SECONDS = 1.0
"""Within which whoever was let in is known to the server; it takes a turn of the loop."""

GRACE_SECONDS = 0.25
"""For which a server that was told to stop goes on taking who comes, until the parent locks the socket."""

SO_ATTACH_FILTER = 26
LOAD_BYTE, AND, IF_EQUAL, RETURN = 0x30, 0x54, 0x15, 0x06
FLAGS, SYN, ACK = 13, 0x02, 0x10
NO_FIRST_PACKET = b"".join(struct.pack("HBBI", *each) for each in (
    (LOAD_BYTE, 0, 0, FLAGS), (AND, 0, 0, SYN | ACK), (IF_EQUAL, 0, 1, SYN), (RETURN, 0, 0, 0), (RETURN, 0, 0, 0xFFFFFFFF),
))
"""A program of `socket(7)`, over the TCP header: a packet that begins a connection is dropped, any other passes."""


def lock(listening: socket.socket) -> None:
    """No connection is begun at this socket from now on, in whatever process; those half begun still come in, where the system is Linux.

    A socket that is closed resets whoever waits at it: between the last look and the closing somebody may have come, and have asked already.
    """
    if sys.platform == "linux":
        program = array("B", NO_FIRST_PACKET)
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program) // 8, program.buffer_info()[0]))


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
        """Whoever waits is let in now, and nobody from then on; all who were are known to the server when this returns."""
        self._loop.remove_reader(self._listening)
        while self._let_in():  # a socket that nobody listens at any more resets those who wait there
            pass
        self._listening.close()
        if self._coming:
            await asyncio.wait(self._coming, timeout=COMING_SECONDS)

    def _let_in(self) -> bool:
        """Whether there may be more than were let in."""
        for _ in range(self._most):
            try:
                caller, _ = self._listening.accept()
            except OSError:  # nobody is there any more, or no more files may be opened
                return False
            caller.setblocking(False)
            caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task: asyncio.Task[object] = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, caller))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)
        return True


__all__ = ["GRACE_SECONDS", "Door", "lock"]
