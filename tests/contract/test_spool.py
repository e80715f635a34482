"""What every spool promises, and what the one on the disk withstands."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.adapters.file_spool import FileSpool
from app.adapters.spool_file import SpoolFile
from app.domain.framing import framed
from app.domain.event import ID_BYTES, Event, Heard, Identity
from app.domain.spooled import Spooled
from app.errors import SpoolFull
from app.ports import Spool
from tests.fakes import MemorySpool

NOW = 1_760_000_000_000
Story = Callable[[Spool], Awaitable[Any]]


def spooled(i: int, who: str = "u1", link: Identity | None = None) -> Spooled:
    return Spooled(NOW + i, Heard("track", Identity("user_id", who), Event("seen", NOW + i, i.to_bytes(ID_BYTES, "big"), {"n": i, "of": [None, 1.5, "é"]}), {}, link))


@pytest.fixture(params=["memory", "file"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    async def told(story: Story, limit: int) -> Any:
        spool = MemorySpool(limit) if request.param == "memory" else FileSpool(tmp_path, limit)
        return await asyncio.wait_for(story(spool), 10)

    return lambda story, limit=1 << 20: asyncio.run(told(story, limit))


async def drained(spool: Spool, number: int, most: int = 7) -> list[Spooled]:
    """The next `number` records, each batch done before the next."""
    found: list[Spooled] = []
    while len(found) < number:
        found += await spool.next(most)
        spool.done()
    return found


def test_what_was_put_in_comes_out_in_its_order_once(run):
    records = [spooled(i, f"u{i % 3}") for i in range(100)]

    async def story(spool):
        await spool.put(records[:50])
        await spool.put(records[50:])
        return await drained(spool, 100), spool.empty

    assert run(story) == (records, True)


def test_what_is_not_done_comes_again(run):
    async def story(spool):
        await spool.put([spooled(1), spooled(2)])
        return list(await spool.next(1)), list(await spool.next(5)), await drained(spool, 2)

    assert run(story) == ([spooled(1)], [spooled(1), spooled(2)], [spooled(1), spooled(2)])


def test_whose_events_wait_is_known_from_the_call_on_until_the_last_is_done(run):
    async def story(spool):
        putting = asyncio.ensure_future(spool.put([spooled(1), spooled(2), spooled(3, "u2", Identity("anonymous_id", "a1"))]))
        await asyncio.sleep(0)
        held = [[spool.holds(key) for key in ("u:u1", "u:u2", "a:a1", "u:u3")]]
        await putting
        for _ in range(3):
            await spool.next(1)
            spool.done()
            held.append([spool.holds(key) for key in ("u:u1", "u:u2", "a:a1", "u:u3")])
        return held

    assert run(story) == [[True, True, True, False], [True, True, True, False], [False, True, True, False], [False, False, False, False]]


def test_who_waits_for_the_next_gets_it_when_it_comes(run):
    async def story(spool):
        waiting = asyncio.ensure_future(spool.next(1))
        await asyncio.sleep(0.02)
        await spool.put([spooled(1)])
        return list(await waiting)

    assert run(story) == [spooled(1)]


def test_a_full_spool_takes_nothing_and_holds_nobody_for_it(run):
    async def story(spool):
        await spool.put([spooled(1)])
        with pytest.raises(SpoolFull):
            await spool.put([spooled(i, "u2") for i in range(100)])
        return spool.holds("u:u2"), await drained(spool, 1)

    assert run(story, limit=1_000) == (False, [spooled(1)])


def test_many_requests_at_once_are_all_kept(run):
    records = [spooled(i, f"u{i}") for i in range(200)]

    async def story(spool):
        await asyncio.gather(*(spool.put([each]) for each in records))
        return await drained(spool, 200)

    assert run(story) == records


# -- on the disk -------------------------------------------------------------------------------------------------------


def left_behind(folder: Path, records: list[Spooled]) -> Path:
    """The file of a worker that ended."""

    async def story():
        spool = FileSpool(folder, 1 << 30)
        await spool.put(records)
        await spool.close()

    asyncio.run(story())
    (found,) = folder.glob("*.spool")
    return found


def adopted(folder: Path, number: int) -> tuple[list[Spooled], list[str]]:
    """What the next worker finds, and what is left of the folder then."""

    async def story():
        spool = FileSpool(folder, 1 << 30)
        await spool.adopt()
        found = await asyncio.wait_for(drained(spool, number), 10) if number else []
        await spool.close()
        return found

    return asyncio.run(story()), sorted(path.name for path in folder.iterdir())


def test_what_a_worker_left_is_drained_by_the_next_and_the_file_goes(tmp_path):
    left_behind(tmp_path, [spooled(i) for i in range(20)])

    assert adopted(tmp_path, 20) == ([spooled(i) for i in range(20)], [])


def test_what_was_left_holds_its_people(tmp_path):
    left_behind(tmp_path, [spooled(1)])

    async def story():
        spool = FileSpool(tmp_path, 1 << 30)
        await spool.adopt()
        return spool.holds("u:u1")

    assert asyncio.run(story())


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_tail_is_passed_over_and_all_before_it_counts(tmp_path, cut):
    file = left_behind(tmp_path, [spooled(i) for i in range(5)])
    file.write_bytes(file.read_bytes()[:-cut])

    found, left = adopted(tmp_path, 4)

    assert (found, left) == ([spooled(i) for i in range(4)], [])


def test_a_record_whose_bytes_changed_ends_the_file(tmp_path):
    file = left_behind(tmp_path, [spooled(i) for i in range(5)])
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(bytes(data))

    assert adopted(tmp_path, 4)[0] == [spooled(i) for i in range(4)]


def test_the_file_of_a_living_worker_is_left_alone_and_that_of_a_killed_one_is_taken(tmp_path):
    script = (
        "import asyncio, sys, time\nfrom pathlib import Path\nfrom app.adapters.file_spool import FileSpool\nfrom tests.contract.test_spool import spooled\n"
        "asyncio.run(FileSpool(Path(sys.argv[1]), 1 << 30).put([spooled(1)]))\nprint('put', flush=True)\ntime.sleep(60)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    assert other.stdout is not None and other.stdout.readline() == b"put\n"

    while_alive = adopted(tmp_path, 0)
    other.kill()
    other.wait()

    assert (len(while_alive[1]), adopted(tmp_path, 1)) == (1, ([spooled(1)], []))


def test_a_record_larger_than_one_read_is_read_whole(tmp_path):
    path = tmp_path / "x.spool"
    file = SpoolFile.create(path)
    file.append(framed(b"a" * 3_000_000) + framed(b"b"))

    assert [len(payload) for payload in file.records(0, 10)[0]] == [3_000_000, 1]


def test_a_disk_that_refuses_is_said_and_what_was_kept_before_stays(tmp_path):
    async def story():
        spool = FileSpool(tmp_path / "spool", 1 << 30)
        await spool.put([spooled(1)])
        (file,) = spool._files  # noqa: SLF001 (there is no other way to a disk that fails)
        os.close(file._fd)
        file._fd = os.open(file.path, os.O_RDONLY)
        with pytest.raises(SpoolFull):
            await spool.put([spooled(2)])
        await spool.put([spooled(3)])
        return await drained(spool, 2)

    assert asyncio.run(asyncio.wait_for(story(), 10)) == [spooled(1), spooled(3)]


def test_what_another_version_wrote_is_set_aside_and_holds_up_nothing(tmp_path):
    file = SpoolFile.create(tmp_path / "1.spool")
    file.append(framed(b"\xc1 not ours"))
    file.close()

    async def story():
        spool = FileSpool(tmp_path, 1 << 30)
        await spool.adopt()
        await spool.put([spooled(1)])
        return await asyncio.wait_for(drained(spool, 1), 10)

    assert asyncio.run(story()) == [spooled(1)]
    assert (tmp_path / "1.unreadable").exists()


def test_only_its_user_may_read_it(tmp_path):
    assert left_behind(tmp_path / "spool", [spooled(1)]).stat().st_mode & 0o777 == 0o600
