"""What the catalogue on Redis promises beside the contract: being emptied, many changes at once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from app.adapters.redis_catalogue import RedisCatalogue
from tests.contract.stores import over


def run(socket: str, story: Callable[[RedisCatalogue], Awaitable[Any]]) -> Any:
    return over(f"unix://{socket}", lambda link: story(RedisCatalogue(link)))


def test_what_changed_since_a_version_is_told_deletions_included(redis_socket):
    a, b, c = (uuid.uuid4().hex for _ in range(3))

    async def story(store):
        await store.put([{"id": a}, {"id": b}])
        before = await store.version()
        await store.put([{"id": c, "price": 1}])
        await store.delete([a])
        return await store.changes(before)

    assert run(redis_socket, story)[1] == {c: {"id": c, "price": 1}, a: None}


def test_a_version_from_before_the_store_was_emptied_is_told_everything(redis_socket):
    a = uuid.uuid4().hex

    async def story(store):
        await store.put([{"id": a}])
        return await store.changes(await store.version() + 1_000)

    assert a in run(redis_socket, story)[1]


def test_of_many_changes_at_once_none_is_lost(redis_socket):
    a = uuid.uuid4().hex

    async def story(store):
        await store.put([{"id": a, "gone": 1}])
        await asyncio.gather(*(store.patch(a, {f"field{number}": number, "gone": None}) for number in range(40)))
        return await store.get(a)

    assert run(redis_socket, story) == {"id": a, **{f"field{number}": number for number in range(40)}}


def test_a_change_of_nothing_is_told_so(redis_socket):
    assert run(redis_socket, lambda store: store.patch(uuid.uuid4().hex, {"price": 1})) is None


def test_what_is_not_there_can_be_deleted(redis_socket):
    assert run(redis_socket, lambda store: store.delete([uuid.uuid4().hex])) == 0
