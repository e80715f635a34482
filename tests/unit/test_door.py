"""Callers who come many at once are let in together."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import cast

import pytest
import uvloop

from app.supervise.door import AT_ONCE, Door, lock


class Greeting(asyncio.Protocol):
    """Says who was let in before it, and closes."""

    met = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Greeting.met += 1
        cast("asyncio.Transport", transport).write(b"%d" % Greeting.met)
        asyncio.get_running_loop().call_soon(transport.close)


def run(door: object) -> object:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(door)  # type: ignore[arg-type]


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=512)


def test_all_who_wait_are_let_in():
    async def greeted(outside: socket.socket) -> set[bytes]:
        callers = [socket.create_connection(outside.getsockname()) for _ in range(AT_ONCE + 20)]
        door = Door(outside, 1, Greeting)
        said = await asyncio.gather(*(asyncio.to_thread(each.recv, 10) for each in callers))
        await door.close()
        return set(said)

    Greeting.met = 0
    with listening() as outside:
        assert run(greeted(outside)) == {b"%d" % number for number in range(1, AT_ONCE + 21)}


def test_whoever_waits_when_it_closes_is_let_in():
    async def greeted(outside: socket.socket) -> set[bytes]:
        door = Door(outside, 1, Greeting)
        callers = [socket.create_connection(outside.getsockname()) for _ in range(AT_ONCE + 20)]
        await door.close()
        outside.close()
        return set(await asyncio.gather(*(asyncio.to_thread(each.recv, 10) for each in callers)))

    Greeting.met = 0
    with listening() as outside:
        assert run(greeted(outside)) == {b"%d" % number for number in range(1, AT_ONCE + 21)}


def test_nobody_is_let_in_after_closing_and_the_socket_is_still_its_owners():
    async def waiting(outside: socket.socket) -> bool:
        door = Door(outside, 1, Greeting)
        await door.close()
        with socket.create_connection(outside.getsockname()):
            await asyncio.sleep(0.05)
            outside.accept()[0].close()
        return True

    with listening() as outside:
        assert run(waiting(outside))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such filter")
def test_at_a_locked_socket_nobody_begins_and_who_is_in_may_speak():
    with listening() as outside, socket.create_connection(outside.getsockname()) as caller:
        lock(outside)
        with pytest.raises(TimeoutError):
            socket.create_connection(outside.getsockname(), timeout=0.2)
        with outside.accept()[0] as inside:
            caller.sendall(b"hello")
            assert inside.recv(10) == b"hello"
