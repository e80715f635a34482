"""What the spool holds of a person is told, and goes, whichever process it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.adapters.file_spool import FileSpool
from app.domain.framing import framed
from app.adapters.spool_holding import SpoolHolding
from app.domain.dead_letter import DeadLetter
from app.domain.event import ID_BYTES, Event, Heard, Identity
from app.domain.profile import NOBODY
from app.domain.spooled import Spooled
from app.domain.trail import Trail
from app.errors import StoreUnavailable

NOW = 1_760_000_000_000
ANNA = Trail.of("u:anna-1", NOBODY)
BJORN = Trail.of("u:bjorn-1", NOBODY)


def of(who: str, i: int = 1) -> Spooled:
    return Spooled(NOW, Heard("track", Identity("user_id", who), Event("seen", NOW, i.to_bytes(ID_BYTES, "big"), {"n": i})))


def letter(body: bytes) -> Spooled:
    return Spooled(NOW, None, DeadLetter("1", "events", NOW, "invalid", "", body))


def story(folder: Path, told: Callable[[FileSpool], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        spool = FileSpool(folder, 1 << 20)
        await spool.put([of("anna-1"), of("bjorn-1"), letter(b'{"userId": "anna-1"}'), of("anna-1", 2)])
        return await told(spool)

    return asyncio.run(run())


def test_everything_that_waits_of_a_person_is_told(tmp_path):
    async def told(spool):
        return await SpoolHolding(tmp_path).held(ANNA)

    found = story(tmp_path, told)

    assert [each.get("properties", each.get("reason")) for each in found] == [{"n": 1}, "invalid", {"n": 2}]
    assert found[0] == {"came": "2025-10-09T08:53:20.000Z", "event": "seen", "timestamp": "2025-10-09T08:53:20.000Z", "profile": "anna-1", "properties": {"n": 1}, "traits": {}}


def test_what_a_process_left_behind_is_written_anew_without_the_person(tmp_path):
    async def told(spool):
        await spool.close()
        taken = await SpoolHolding(tmp_path).forget(ANNA)
        successor = FileSpool(tmp_path, 1 << 20)
        await successor.adopt()
        return taken, list(await successor.next(10))

    assert story(tmp_path, told) == (3, [of("bjorn-1")])


def test_what_a_living_process_holds_is_waited_for_until_it_was_applied(tmp_path):
    async def told(spool):
        forgetting = asyncio.create_task(SpoolHolding(tmp_path).forget(ANNA))
        await spool.next(10)
        early = forgetting.done()
        spool.done()
        return early, await forgetting

    assert story(tmp_path, told) == (False, 0)


def test_where_it_does_not_come_to_be_applied_the_erasure_says_that_it_is_not_done(tmp_path):
    async def told(spool):
        with pytest.raises(StoreUnavailable):
            await SpoolHolding(tmp_path, seconds=0).forget(ANNA)
        return len(await SpoolHolding(tmp_path).held(ANNA))

    assert story(tmp_path, told) == 3


def test_what_was_set_aside_as_unreadable_is_searched_too(tmp_path):
    (tmp_path / "old.unreadable").write_bytes(framed(b"\xc1 of anna-1") + framed(b"\xc1 of bjorn-1"))
    holding = SpoolHolding(tmp_path)

    async def told():
        return await holding.held(ANNA), await holding.forget(ANNA), await holding.held(ANNA), await holding.held(BJORN)

    assert asyncio.run(told()) == ([{"bytes": 11}], 1, [], [{"bytes": 12}])
