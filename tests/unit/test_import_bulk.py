"""Entries in bulk: batches on their way, rejected ones, and a place to go on from."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.adapters.redis_imports import Place
from app.cli.import_bulk import BATCH, REASONS, Bulk, Outcome
from app.cli.import_rejects import Rejects
from app.errors import StoreUnavailable
from app.formats.rows import Entry, Group, Rejected


class Store:
    """Takes entries, an id once; `away` is how often it is not there at first."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.taken: set[int] = set()
        self.asked = 0

    async def take(self, batch: Sequence[Entry]) -> Outcome:
        await asyncio.sleep(0)
        if self.away > 0:
            self.away -= 1
            raise StoreUnavailable("it is away")
        fresh = {number for number, *_ in batch} - self.taken
        self.taken |= fresh
        self.asked += len(batch)
        return Outcome(Counter({"accepted": len(fresh), "duplicates": len(batch) - len(fresh)}))


async def _forgotten(_: Place) -> None:
    pass


def entries(count: int, first: int = 1) -> list[Entry]:
    return [(number, "x", ["x"]) for number in range(first, first + count)]


def bulk(store: Store, *, patience: float = 30.0, file: Path | None = None) -> Bulk:
    return Bulk([store.take, store.take], Rejects(file, ["name"]), _forgotten, lambda _: None, patience=patience)


def test_all_entries_are_taken_in_several_batches():
    store = Store()
    running = bulk(store)

    asyncio.run(running.run(iter(entries(2 * BATCH + 7)), Place()))

    assert (running.done, running.counts["accepted"], len(store.taken)) == (2 * BATCH + 7, 2 * BATCH + 7, 2 * BATCH + 7)


def test_a_run_goes_on_after_what_an_earlier_one_has_done():
    store = Store()
    running = bulk(store)

    asyncio.run(running.run(iter(entries(10)), Place(7, {"accepted": 6, "rejected: x": 1})))

    assert (store.taken, running.counts) == ({8, 9, 10}, {"accepted": 9, "rejected: x": 1, "duplicates": 0})


def test_a_store_that_is_away_for_a_while_is_waited_for():
    store = Store(away=2)
    running = bulk(store)

    asyncio.run(running.run(iter(entries(3)), Place()))

    assert (running.counts["accepted"], store.asked) == (3, 3)


def test_a_store_that_stays_away_ends_the_run_with_the_place_where_it_stopped():
    running = bulk(Store(away=10**9), patience=0.1)

    with pytest.raises(StoreUnavailable):
        asyncio.run(running.run(iter(entries(3)), Place()))

    assert running.done == 0


def test_rejected_rows_are_counted_by_reason_and_a_group_by_its_rows():
    running = bulk(Store())
    group = Group(entries(3))

    asyncio.run(running.run(iter([Rejected(1, "a", ["x"]), Rejected(2, "a", ["x"]), Rejected(3, "b", group)]), Place()))

    assert +running.counts == {"rejected: a": 2, "rejected: b": 3}


def test_reasons_beyond_fifty_are_counted_together():
    running = bulk(Store())

    asyncio.run(running.run(iter([Rejected(i, f"reason {i}", ["x"]) for i in range(200)]), Place()))

    assert len(running.counts) <= REASONS + 1
    assert (running.counts.total(), running.counts["rejected: other reasons"]) == (200, 200 + 2 - REASONS)


def test_rejected_rows_lie_in_a_csv_with_the_columns_of_the_table(tmp_path):
    running = bulk(Store(), file=tmp_path / "r.csv")

    asyncio.run(running.run(iter([Rejected(2, "too, long", ["a"]), Rejected(5, "unread")]), Place()))
    running._log.place()

    assert (tmp_path / "r.csv").read_text() == 'row,reason,name\n2,"too, long",a\n5,unread\n'


def test_rejected_rows_lie_in_lines_of_json_with_their_columns(tmp_path):
    running = bulk(Store(), file=tmp_path / "r.jsonl")

    asyncio.run(running.run(iter([Rejected(2, "a", ["x"]), Rejected(5, "b", Group(entries(2, 5)))]), Place()))
    running._log.place()

    assert (tmp_path / "r.jsonl").read_text() == (
        '{"row": 2, "reason": "a", "name": "x"}\n{"row": 5, "reason": "b", "name": "x"}\n{"row": 6, "reason": "b", "name": "x"}\n'
    )


def test_a_file_of_rejected_rows_goes_on_where_the_earlier_run_had_saved_it(tmp_path):
    (tmp_path / "r.csv").write_text("row,reason,name\n1,a,x\n2,a,half wri")

    rejects = Rejects(tmp_path / "r.csv", ["name"], Place(1, {}, len("row,reason,name\n1,a,x\n")))
    rejects.write(Rejected(2, "a", ["y"]))
    rejects.close()

    assert (rejects.continued, (tmp_path / "r.csv").read_text()) == (True, "row,reason,name\n1,a,x\n2,a,y\n")


def test_without_the_earlier_file_of_rejected_rows_an_import_begins_anew(tmp_path):
    assert Rejects(tmp_path / "r.csv", ["name"], Place(1, {}, 30)).continued is False
