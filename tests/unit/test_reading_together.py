"""Many people are read by few commands, as far as the server takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import hiredis
import pytest

from app.adapters.redis_link import Command, Link, RedisRefused
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.domain.profile import Profile

TRAIT = b"t:name", bytes(14) + b"\xa3Ada"


class Server(Link):
    """A server that holds one trait of everybody; `apart` refuses keys of several people in one command, as a node of a cluster does."""

    def __init__(self, *, apart: bool = False) -> None:
        self.apart = apart
        self.on_drop = []
        self.asked: list[str] = []
        self.fails = ""

    def pipeline(self, commands: Sequence[Command], seconds: float | None = None) -> asyncio.Future[list[Any]]:
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self.asked = [str(command[0]) for command in commands]
        future.set_result([self._reply(command) for command in commands])
        return future

    def _reply(self, command: Command) -> Any:
        name, *keys = command
        if name == self.fails:
            return hiredis.ReplyError("WRONGTYPE of another kind")
        if name == "MGET":
            return hiredis.ReplyError("CROSSSLOT Keys in request don't hash to the same slot") if self.apart and len(keys) > 2 else [None] * len(keys)
        return [*TRAIT] if name == "HGETALL" else str(keys).encode()


def read(server: Server, count: int, send: str | None = None) -> list[Profile]:
    store = RedisStore(server, Names(server))
    return asyncio.run(store.read_many([(f"u:{i}", send) for i in range(count)]))


def test_histories_of_many_come_by_one_command() -> None:
    server = Server()

    found = read(server, Link.together + 8)

    assert server.asked == ["MGET"] * 2 + ["HGETALL"] * (Link.together + 8)
    assert [each.key for each in found] == [f"u:{i}" for i in range(Link.together + 8)]
    assert all(each.traits == {"name": "Ada"} for each in found)


def test_everybody_gets_their_own_record_of_the_send() -> None:
    found = read(Server(), 3, "s")

    assert [each.record for each in found] == [str([f"d:{{u:{i}}}", "s"]).encode() for i in range(3)]


def test_a_server_that_takes_keys_of_one_person_only_is_asked_so_from_then_on() -> None:
    server = Server(apart=True)

    found = read(server, 5)

    assert server.asked == ["MGET"] * 5 + ["HGETALL"] * 5
    assert [each.traits for each in found] == [{"name": "Ada"}] * 5
    assert (server.together, Link.together) == (1, 32)


def test_what_a_server_refuses_of_one_fails_the_whole_reading() -> None:
    server = Server()
    server.fails = "HGETALL"

    with pytest.raises(RedisRefused, match="WRONGTYPE"):
        read(server, 3)
