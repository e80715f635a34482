"""`inlay import`, as a user calls it, from files to what the server then knows."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import SettingsInvalid
from app.formats.rows import Rejected, RowMap

ROOT = Path(__file__).parent.parent.parent
MAP = ROOT / "docs" / "walkthrough" / "map.yaml"
LINES = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,A,Lamp,2,2011-01-03 10:00:00,1.50,17,UK
1,B,Cup,1,2011-01-03 10:00:00,0.10,17,UK
2,A,Lamp,1,2011-01-04 10:00:00,1.50,,UK
C3,A,Lamp,-1,2011-01-05 10:00:00,1.50,17,UK
4,A,Lamp,1,yesterday,1.50,18,UK
"""


def inlay(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "app", *map(str, words)], capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "NO_COLOR": "1"})


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.csv.gz"
    path.write_bytes(gzip.compress(LINES.encode()))
    return path


def test_a_dry_run_counts_what_would_be_rejected_and_why(lines, tmp_path):
    done = inlay("import", "events", lines, "--map", MAP, "--dry-run", "--data", tmp_path / "d")

    assert (done.returncode, (tmp_path / "d").exists()) == (0, False)
    assert [line.split(maxsplit=1) for line in done.stdout.splitlines()[:3]] == [["2", "would be taken"], ["1", "rejected: no customer"], ["1", "rejected: InvoiceDate is no instant"]]


def test_an_invoice_s_lines_are_one_order_and_importing_again_changes_nothing(lines, tmp_path):
    first = inlay("import", "events", lines, "--map", MAP, "--data", tmp_path / "d", "--rejects", tmp_path / "rejects.jsonl")
    again = inlay("import", "events", lines, "--map", MAP, "--data", tmp_path / "d")
    rejects = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]

    assert "2  accepted" in first.stdout and "2  duplicates" in again.stdout
    assert [(row["row"], row["reason"]) for row in rejects] == [(3, "no customer"), (5, "InvoiceDate is no instant")]


def test_rows_become_orders_and_returns_with_their_products():
    import csv

    from app.cli.import_ import _read_map

    rows = enumerate(csv.DictReader(LINES.splitlines()), 1)
    found = [each for each in RowMap(_read_map(MAP), "map.yaml").events(rows, "f") if not isinstance(each, Rejected)]

    assert [event["event"] for event in found] == ["order_completed", "order_returned"]
    assert found[0]["properties"] == {"products": [{"product_id": "A", "quantity": 2, "price": 1.5}, {"product_id": "B", "quantity": 1, "price": 0.1}], "total": 3.1}
    assert found[0]["timestamp"] == "2011-01-03T10:00:00+00:00"


@pytest.mark.parametrize("given,said", [({}, "missing event"), ({"event": "x", "profile": "p", "timestamp": "t", "evnt": 1}, "unknown keys evnt")])
def test_a_wrong_map_is_refused_with_what_is_wrong(given, said):
    with pytest.raises(SettingsInvalid, match=said):
        RowMap(given, "map.yaml")


@pytest.mark.parametrize("name,text", [("items.csv", "id,name,price,stock,related\na,Lamp,1.5,3,b|c\nb,Cup,-1,2,\n"), ("items.jsonl", '{"id": "a", "name": "Lamp"}\n{"name": "nobody"}\n')])
def test_items_are_taken_and_wrong_ones_rejected(tmp_path, name, text):
    (tmp_path / name).write_text(text)

    done = inlay("import", "items", tmp_path / name, "--data", tmp_path / "d")

    assert done.returncode == 0
    assert "1  items" in done.stdout and "1  rejected" in done.stdout


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "x.xls").write_text("")

    done = inlay("import", "events", tmp_path / "x.xls", "--data", tmp_path / "d")

    assert (done.returncode, ".csv, .jsonl or .parquet" in done.stderr) == (1, True)
