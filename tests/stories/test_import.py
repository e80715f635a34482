"""`inlay import`, as a user calls it, from files to what the store then knows."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
import redis

from app.adapters.breaker import Breaker
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.cli import main
from app.domain.profile import Profile
from app.supervise.embedded import EmbeddedRedis
from tests.stories.server import Server

ROOT = Path(__file__).parent.parent.parent
MAP = ROOT / "docs" / "walkthrough" / "map.yaml"
COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
LINES = [
    ["1", "A", "Lamp", "2", "2011-01-03 10:00:00", "1.50", "17", "UK"],
    ["2", "A", "Lamp", "1", "2011-01-04 10:00:00", "1.50", "", "UK"],
    ["C3", "A", "Lamp", "-1", "2011-01-05 10:00:00", "1.50", "17", "UK"],
    ["4", "A", "Lamp", "1", "yesterday", "1.50", "18", "UK"],
    ["1", "B", "Cup", "1", "2011-01-03 10:00:00", "0.10", "17", "UK"],
]
EVENT_MAP = "event: seen\nprofile: person\ntimestamp: at\nproperties: {product_id: code, price: price}\n"


@dataclass
class Done:
    """What a command said, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def inlay(*words: object, cwd: Path = ROOT) -> Done:
    """`inlay import` with these words, in this process: a start of Python costs more than most imports."""
    said, wrong = io.StringIO(), io.StringIO()
    with chdir(cwd), redirect_stdout(said), redirect_stderr(wrong):
        code = main(["import", *map(str, words)])
    return Done(code, said.getvalue(), wrong.getvalue())


def counted(done: Done) -> dict[str, int]:
    """What a run says that became of the rows."""
    assert done.returncode == 0, done.stderr
    pairs = (line.strip().split("  ", 1) for line in done.stdout.splitlines() if line.startswith("   "))
    return {name: int(count.replace(",", "")) for count, name in pairs}


def profile(url: str, key: str) -> Profile:
    """What the store behind this address knows of somebody."""
    async def read() -> Profile:
        link = Link(url, Breaker(time.monotonic), read_seconds=10.0)
        try:
            return await RedisStore(link, Names(link)).read(key)
        finally:
            await link.close()

    return asyncio.run(read())


def kept(url: str, person: str) -> list[tuple[str, dict[str, Any]]]:
    """Names and properties of a person's events, oldest first."""
    return [(event.name, event.properties) for event in profile(url, "u:" + person).history.events()]


def csv_of(rows: Sequence[Sequence[object]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


@pytest.fixture
def store(redis_socket: str) -> str:
    return f"unix://{redis_socket}"


@pytest.fixture
def lines(tmp_path: Path, who: str) -> Path:
    """Lines of a shop's invoices, of customers of this test alone."""
    own = [[*line[:6], line[6] and f"{line[6]}-{who}", line[7]] for line in LINES]
    path = tmp_path / "lines.csv.gz"
    path.write_bytes(gzip.compress(csv_of([COLUMNS, *own]).encode()))
    return path


def test_a_dry_run_counts_what_would_be_rejected_and_why_and_writes_nothing(lines, tmp_path):
    done = inlay("events", lines, "--map", MAP, "--dry-run", "--data", tmp_path / "d")

    assert counted(done) == {"would be taken": 2, "rejected: no customer": 1, "rejected: InvoiceDate is no instant": 1}
    assert not (tmp_path / "d").exists()


def test_the_lines_of_an_invoice_are_one_order_wherever_they_stand(lines, store, who):
    inlay("events", lines, "--map", MAP, "--redis-url", store)

    products = [{"product_id": "A", "quantity": 2, "price": 1.5}, {"product_id": "B", "quantity": 1, "price": 0.1}]
    assert kept(store, f"17-{who}") == [
        ("order_completed", {"products": products, "total": 3.1}), ("order_returned", {"products": [{"product_id": "A", "quantity": -1, "price": 1.5}], "total": -1.5}),
    ]


def test_an_import_run_again_changes_nothing(lines, store, who):
    first = inlay("events", lines, "--map", MAP, "--redis-url", store)
    before = kept(store, f"17-{who}")

    again = inlay("events", lines, "--map", MAP, "--redis-url", store)

    assert (counted(first)["accepted"], counted(again)["duplicates"], kept(store, f"17-{who}")) == (2, 2, before)


def test_rejected_rows_lie_in_lines_of_json_in_the_order_of_the_file(lines, tmp_path):
    inlay("events", lines, "--map", MAP, "--dry-run", "--rejects", tmp_path / "r.jsonl")

    rejects = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [(row["row"], row["reason"], row["InvoiceNo"]) for row in rejects] == [(2, "no customer", "2"), (4, "InvoiceDate is no instant", "4")]


def test_rejected_rows_lie_in_a_csv_that_can_be_mended_and_imported(lines, tmp_path, store):
    inlay("events", lines, "--map", MAP, "--redis-url", store, "--rejects", tmp_path / "r.csv")
    mended = (tmp_path / "r.csv").read_text().replace("yesterday", "2011-01-06")
    (tmp_path / "mended.csv").write_text(mended)

    done = inlay("events", tmp_path / "mended.csv", "--map", MAP, "--redis-url", store)

    assert counted(done) == {"accepted": 1, "rejected: no customer": 1}


def _as_csv(path: Path, rows: list[dict[str, Any]], *, delimiter: str = ",", encoding: str = "utf-8") -> None:
    path.write_bytes(csv_of([list(rows[0]), *(list(row.values()) for row in rows)], delimiter).encode(encoding))


def _as_gzip(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def _as_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


@pytest.mark.parametrize("name,write,words", [
    ("rows.csv", _as_csv, ()), ("rows.csv", lambda path, rows: _as_csv(path, rows, delimiter=";"), ()),
    ("rows.tsv", lambda path, rows: _as_csv(path, rows, delimiter="\t"), ()), ("rows.csv", lambda path, rows: _as_csv(path, rows, delimiter="^"), ("--delimiter", "^")),
    ("rows.csv", lambda path, rows: _as_csv(path, rows, encoding="cp1252"), ("--encoding", "cp1252")), ("rows.jsonl.gz", _as_gzip, ()),
    ("rows.json", lambda path, rows: path.write_text(json.dumps(rows)), ()), ("rows.parquet", _as_parquet, ()),
])
def test_the_same_rows_mean_the_same_in_every_kind_of_file(tmp_path, store, who, name: str, write: Callable[..., None], words: tuple[str, ...]):
    write(tmp_path / name, [{"person": who, "at": "2023-01-02T03:04:05Z", "code": "007", "price": 1.5}, {"person": who, "at": "2023-01-03", "code": "Blåbær", "price": 2}])
    (tmp_path / "map.yaml").write_text(EVENT_MAP)

    done = inlay("events", tmp_path / name, "--map", tmp_path / "map.yaml", "--redis-url", store, *words)

    assert counted(done) == {"accepted": 2}
    assert kept(store, who) == [("seen", {"product_id": "007", "price": 1.5}), ("seen", {"product_id": "Blåbær", "price": 2})]


def test_lines_of_segment_s_events_need_no_map(tmp_path, store, who):
    rows = [
        {"type": "track", "anonymousId": f"a-{who}", "event": "Product Viewed", "timestamp": "2023-01-02T03:04:05Z", "properties": {"product_id": "A"}},
        {"type": "identify", "userId": who, "anonymousId": f"a-{who}", "timestamp": "2023-01-02T03:04:06Z", "traits": {"plan": "gold"}}, {"type": "nonsense"},
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    done = inlay("events", tmp_path / "events.jsonl", "--redis-url", store)

    assert counted(done) == {"accepted": 2, "rejected: type: 'nonsense' is none of identify, track, page, group, alias": 1}
    assert kept(store, who) == [("product_viewed", {"product_id": "A"}), ("identify", {"plan": "gold"})]


def test_profiles_are_taken_with_every_column_a_trait(tmp_path, store, who):
    (tmp_path / "people.csv").write_text(f"id,email,plan,points\n{who},a@b.c,gold,7\n,x@y.z,,\n")

    done = inlay("profiles", tmp_path / "people.csv", "--redis-url", store)

    assert counted(done) == {"accepted": 1, "rejected: no id": 1}
    assert profile(store, "u:" + who).traits == {"email": "a@b.c", "plan": "gold", "points": 7}


def test_profiles_imported_later_replace_what_was_said_before(tmp_path, store, who):
    (tmp_path / "people.csv").write_text(f"id,plan\n{who},gold\n")
    inlay("profiles", tmp_path / "people.csv", "--redis-url", store)
    (tmp_path / "people.csv").write_text(f"id,plan\n{who},silver\n")

    inlay("profiles", tmp_path / "people.csv", "--redis-url", store)

    assert profile(store, "u:" + who).traits == {"plan": "silver"}


@pytest.mark.parametrize("name,text", [("items.csv", "id,name,price,stock,related\na,Lamp,1.5,3,b|c\nb,Cup,-1,2,\n"), ("items.jsonl", '{"id": "a", "name": "Lamp"}\n{"name": "nobody"}\n')])
def test_items_are_taken_and_wrong_ones_rejected(tmp_path, name, text):
    (tmp_path / name).write_text(text)

    done = inlay("items", tmp_path / name, "--data", tmp_path / "d")

    assert (counted(done)["items"], "1  rejected: the item cannot be taken" in done.stdout) == (1, True)


def test_what_is_imported_while_the_server_runs_is_known_to_it_at_once(shop: Server, tmp_path, who):
    (tmp_path / "events.csv").write_text(f"profile,event,timestamp,price\n{who},Order Completed,2023-01-02,7\n")

    done = inlay("events", tmp_path / "events.csv", "--data", shop.data)

    assert counted(done) == {"accepted": 1}
    assert shop.get(f"/v1/profiles/{who}").json["events"]["order_completed"]["count"] == 1


def test_nothing_is_taken_of_a_person_who_was_erased(shop: Server, tmp_path, who):
    shop.post("/v1/events", {"type": "identify", "userId": who, "traits": {"plan": "gold"}})
    shop.call("DELETE", f"/v1/profiles/{who}")
    (tmp_path / "events.csv").write_text(f"profile,event,timestamp\n{who},Seen,2023-01-02\n")

    done = inlay("events", tmp_path / "events.csv", "--data", shop.data, "--rejects", tmp_path / "r.csv")

    assert counted(done) == {"rejected: this person was erased": 1}
    assert (tmp_path / "r.csv").read_text().splitlines()[1] == f"1,this person was erased,{who},Seen,2023-01-02"


CONSENTS = "consents:\n  tracking: {gates: [ingest]}\n"


def test_nothing_is_taken_of_people_without_the_consent_that_gates_ingest(tmp_path, store, who):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(CONSENTS)
    (tmp_path / "events.csv").write_text(f"profile,event,timestamp\n{who},Seen,2023-01-02\n")

    done = inlay("events", tmp_path / "events.csv", "--redis-url", store, cwd=tmp_path)

    assert counted(done) == {"rejected: this person has not consented to tracking": 1}


def test_rows_that_are_not_as_the_rules_declare_their_event_are_rejected(tmp_path, store, who):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text("events:\n  seen: {required: [product_id]}\n")
    (tmp_path / "events.csv").write_text(f"profile,event,timestamp,product_id\n{who},Seen,2023-01-02,\n{who},Seen,2023-01-03,a\n")

    done = inlay("events", tmp_path / "events.csv", "--redis-url", store, "--content", tmp_path)

    assert ("1  rejected: product_id: is missing" in done.stdout, kept(store, who)) == (True, [("seen", {"product_id": "a"})])


def test_with_rules_that_cannot_be_read_nothing_is_taken_of_anybody(tmp_path, store, who):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text(CONSENTS + "nonsense: 1\n")
    (tmp_path / "events.csv").write_text(f"profile,event,timestamp\n{who},Seen,2023-01-02\n")

    done = inlay("events", tmp_path / "events.csv", "--redis-url", store, cwd=tmp_path)

    assert (done.returncode, "rules/a.yaml:3 nonsense: " in done.stderr, kept(store, who)) == (1, True, [])


def test_a_wrong_map_is_refused_with_file_line_and_hint(lines, tmp_path):
    (tmp_path / "m.yaml").write_text("event: order\nprofile: CustomerId\ntimestamp: InvoiceDate\n")

    done = inlay("events", lines, "--map", tmp_path / "m.yaml")

    assert (done.returncode, done.stderr.splitlines()) == (
        1, [f'{tmp_path}/m.yaml:2 profile: the file has no column "CustomerId"; did you mean "CustomerID"?', f"inlay: 1 problem in {tmp_path}/m.yaml"],
    )


@pytest.mark.parametrize("name", ["x.xls", "nothing.csv"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name):
    (tmp_path / "x.xls").write_text("")

    done = inlay("events", tmp_path / name, "--data", tmp_path / "d")

    assert (done.returncode, done.stderr.startswith("inlay: "), len(done.stderr.splitlines())) == (1, True, 1)


def test_numbers_with_a_comma_are_noted(tmp_path, who):
    (tmp_path / "events.csv").write_text(f'profile,event,timestamp,price\n{who},Seen,2023-01-02,"1,50"\n')

    done = inlay("events", tmp_path / "events.csv", "--dry-run")

    assert 'note: 1 different values of price look like numbers with a comma or grouped digits and were taken as text; say `decimal: "."` or `decimal: ","` in the map' in done.stdout


def test_an_import_that_was_killed_goes_on_and_takes_every_row_once(tmp_path):
    people, rows = 1_500, 150_000
    body = "".join(f"p{i % people},Seen,2023-01-02T00:00:00.{i // people:03}Z,{i}\n" for i in range(rows))
    (tmp_path / "events.csv").write_text("profile,event,timestamp,n\n" + body)
    embedded = EmbeddedRedis(tmp_path / "d", durable=True)
    running = subprocess.Popen([sys.executable, "-m", "app", "import", "events", tmp_path / "events.csv", "--data", tmp_path / "d"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _when_saved(embedded)
    running.send_signal(signal.SIGKILL)
    running.wait()

    done = inlay("events", tmp_path / "events.csv", "--data", tmp_path / "d")

    counts = counted(done)
    embedded.start()
    try:
        assert embedded.loaded(30)
        numbers = sorted(properties["n"] for _, properties in kept(embedded.url, "p7"))
    finally:
        embedded.stop()
    assert counts["accepted"] + counts.get("duplicates", 0) == rows
    assert numbers == list(range(7, rows, people))


def _when_saved(embedded: EmbeddedRedis) -> None:
    """Until the import that writes there has kept its place."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with redis.Redis(unix_socket_path=str(embedded.socket)) as client:
                if client.keys("inlay:import:*"):
                    return
        except redis.RedisError:
            pass
        time.sleep(0.01)
    raise AssertionError("the import kept no place")
