"""A batch is acknowledged once it is on the disk: in the store's files, or in the spool."""

from __future__ import annotations

import asyncio

import pytest

from app.domain.receipt import Receipt
from app.errors import StoreUnavailable
from app.identities import Identities
from app.ingest import Ingest
from app.wiring import hashed_id, random_id
from tests.fakes import MemoryDeadLetters, MemorySpool, MemoryStore

NOW = 1_760_000_000_000
SEEN = {"type": "track", "event": "seen", "userId": "ann"}


async def never() -> None:
    raise StoreUnavailable("nobody knows", code="unsynced")


def taken(store: MemoryStore, *raws: object) -> Receipt:
    ingest = Ingest(store, Identities(store), random_id, hashed_id, spool=MemorySpool(1 << 20), dead=MemoryDeadLetters(), synced=never)
    return asyncio.run(ingest.take(list(raws), NOW))


@pytest.mark.parametrize("raw", [SEEN, {"type": "track"}])
def test_what_the_store_took_and_may_not_have_on_the_disk_is_not_acknowledged(raw):
    with pytest.raises(StoreUnavailable):
        taken(MemoryStore(), raw)


def test_what_is_in_the_spool_waits_for_no_store():
    store = MemoryStore()
    store.wire.down = True

    assert taken(store, SEEN).spooled == 1
