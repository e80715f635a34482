"""The log in a folder: the stream that servers append to, the Parquet that it becomes, and one decision found again in either."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from app.adapters import file_log
from app.adapters.file_log import FileLog
from app.domain.logged import DECISION, OUTCOME, VERSION, Fate, Given, Logged, Outcome, frame
from app.journal.packed import pack
from app.journal.reading import decision
from app.journal.segments import entries, segments
from app.journal.unlinking import erased, forget, sweep

NOW = 1_790_000_000_000
DAY = "2026-09-21"
ANN, BEA = b"a" * 16, b"b" * 16


def record(number: int, who: bytes = ANN) -> Logged:
    fate = Fate(b"", None, [], [], None, "plain", "fallback")
    return Logged(VERSION, number.to_bytes(16, "big"), who, NOW + number, "s1", None, "v1", {"hero": fate}, {"views": 2}, Given(traits={"country": "DE"}), [], 900)


def clicked(number: int, who: bytes = ANN) -> Outcome:
    return Outcome(VERSION, number.to_bytes(16, "big"), who, NOW + number + 5_000, "email_clicked")


def write(folder: Path, found: Sequence[Logged | Outcome], *, limit: int = 1 << 20) -> dict[str, int]:
    """Put them in, by a server that then ends; what became of them."""
    told: dict[str, int] = {}

    def counted(outcome: str, number: int) -> None:
        told[outcome] = told.get(outcome, 0) + number

    async def story() -> None:
        log = FileLog(folder, limit, counted, lambda: None, list)
        log.start()
        for each in found:
            log.put(frame(DECISION if isinstance(each, Logged) else OUTCOME, each))
        await log.stop()

    asyncio.run(story())
    return told


def read(folder: Path) -> tuple[list[Logged | Outcome], list[str]]:
    troubles: list[str] = []
    found = [each for path in segments(folder) for each in entries(path, lambda _, what: troubles.append(what))]
    return found, troubles


def test_what_is_put_can_be_read(tmp_path: Path) -> None:
    told = write(tmp_path, [record(1), clicked(1), record(2)])

    assert read(tmp_path) == ([record(1), clicked(1), record(2)], [])
    assert told == {"written": 3}


def test_what_finds_no_room_in_memory_is_dropped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_log, "BUFFER_BYTES", 200)

    told = write(tmp_path, [record(n) for n in range(10)])

    assert (told["buffer"], len(read(tmp_path)[0])) == (10 - told["written"], told["written"])


def test_a_stream_that_nobody_packs_stops_at_its_limit(tmp_path: Path) -> None:
    write(tmp_path, [record(1)])

    assert write(tmp_path, [record(2)], limit=10) == {"full": 1}


def test_a_folder_that_cannot_be_written_costs_the_records_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "stream").write_text("a file")

    assert write(tmp_path, [record(1)]) == {"disk": 1}


def test_a_file_that_was_cut_in_the_middle_gives_what_is_before_the_cut(tmp_path: Path) -> None:
    write(tmp_path, [record(n) for n in range(5)])
    path = segments(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-30])

    found, troubles = read(tmp_path)

    assert found == [record(n) for n in range(4)]
    assert troubles[0].startswith("cut in the middle: the last ")


def test_a_decision_is_found_in_the_stream_with_what_came_of_it(tmp_path: Path) -> None:
    write(tmp_path, [record(1), record(2), clicked(2)])

    assert decision(tmp_path, record(2).id, NOW) == ([record(2)], [clicked(2)])


def test_a_decision_is_found_in_parquet_with_what_came_of_it(tmp_path: Path) -> None:
    write(tmp_path, [record(1), record(2), clicked(2)])

    pack(tmp_path, NOW, keep_days=400)

    assert segments(tmp_path) == []
    assert decision(tmp_path, record(2).id, NOW) == ([record(2)], [clicked(2)])


def test_packing_twice_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, [record(1)])
    pack(tmp_path, NOW, keep_days=400)

    again = pack(tmp_path, NOW, keep_days=400)

    assert (again.decisions, pq.read_table(tmp_path / f"date={DAY}").num_rows) == (0, 1)


def test_the_columns_tell_the_record(tmp_path: Path) -> None:
    write(tmp_path, [record(1)])

    pack(tmp_path, NOW, keep_days=400)
    row = pq.read_table(tmp_path / f"date={DAY}").to_pylist()[0]

    assert (row["who"], row["send"], row["latency_us"], row["placements"][0]["reason"]) == (ANN.hex(), "s1", 900, "fallback")
    assert row["features"] == [{"name": "views", "value": "2", "newest": None}]


def test_what_cannot_be_explained_any_more_is_packed_and_said(tmp_path: Path) -> None:
    write(tmp_path, [record(1)])

    done = pack(tmp_path, NOW, keep_days=400)

    assert (done.decisions, done.troubles) == (1, ["the log's content/v1 is missing: what made these records is not known any more"])


@pytest.mark.parametrize("packed_before", [True, False])
def test_erasure_takes_the_person_out_of_every_row(tmp_path: Path, packed_before: bool) -> None:
    write(tmp_path, [record(1), record(2, BEA), clicked(1)])
    if packed_before:
        pack(tmp_path, NOW, keep_days=400)
    forget(tmp_path, [ANN], NOW)

    number = sweep(tmp_path, erased(tmp_path, NOW))
    kept = b"".join(path.read_bytes() for path in (*tmp_path.glob("date=*/*"), *segments(tmp_path)))

    assert decision(tmp_path, record(1).id, NOW) == ([], [])
    assert decision(tmp_path, record(2).id, NOW) == ([record(2, BEA)], [])
    assert (number, ANN in kept, ANN.hex().encode() in kept) == (2, False, False)


def test_what_is_left_of_an_erased_person_says_what_was_shown_and_to_nobody(tmp_path: Path) -> None:
    write(tmp_path, [record(1), clicked(1)])

    sweep(tmp_path, [ANN])

    left, outcome = read(tmp_path)[0]
    assert (left.id, left.who, left.given, left.features, left.send, left.fates) == (b"", b"", None, {}, "", record(1).fates)
    assert (outcome.id, outcome.who) == (b"", b"")


def test_days_that_are_too_old_go(tmp_path: Path) -> None:
    write(tmp_path, [record(1)])
    pack(tmp_path, NOW, keep_days=400)

    done = pack(tmp_path, NOW + 401 * 86_400_000, keep_days=400)

    assert (done.days_dropped, list(tmp_path.glob("date=*"))) == (1, [])
