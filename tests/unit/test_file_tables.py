"""Tables in files, as they come: other encodings, delimiters, packed, broken."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from app.adapters.file_tables import Table
from app.errors import SettingsInvalid

ROWS = [[1, ["1", "Lamp"]], [2, ["2", "Cup"]]]


def read(path: Path, data: bytes, *words: str | None) -> tuple[Any, list[Any]]:
    """The columns and the rows of a file that holds these bytes."""
    path.write_bytes(data)
    table = Table(path, *words)
    return table.columns, [[number, row if isinstance(row, (dict, str)) else list(row)] for number, row in table.rows()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_csv_is_seen_in_its_first_line(tmp_path, delimiter):
    data = f"id{delimiter}name\n1{delimiter}Lamp\n2{delimiter}Cup\n".encode()

    assert read(tmp_path / "f.csv", data) == (["id", "name"], ROWS)


def test_another_delimiter_is_told(tmp_path):
    assert read(tmp_path / "f.csv", b"id^name\n1^Lamp\n2^Cup\n", None, "^") == (["id", "name"], ROWS)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_with_a_mark_of_its_encoding_needs_no_more(tmp_path, encoding):
    assert read(tmp_path / "f.csv", "id,name\n1,Blåbær\n".encode(encoding))[1] == [[1, ["1", "Blåbær"]]]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16-le", "shift_jis"])
def test_another_encoding_is_told(tmp_path, encoding):
    assert read(tmp_path / "f.csv", "id,name\n1,Lamp\n2,Cup\n".encode(encoding), encoding) == (["id", "name"], ROWS)


def test_a_row_that_is_not_in_the_encoding_is_refused_alone(tmp_path):
    assert read(tmp_path / "f.csv", b"id,name\n1,Lamp\n2,caf\xe9\n3,Cup\n")[1] == [[1, ["1", "Lamp"]], [2, "text that is not in the encoding of the file"], [3, ["3", "Cup"]]]


def test_an_encoding_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(SettingsInvalid, match="no encoding 'klingon'"):
        read(tmp_path / "f.csv", b"id\n1\n", "klingon")


def test_quotes_hold_delimiters_and_line_ends(tmp_path):
    assert read(tmp_path / "f.csv", b'id,name\r\n1,"Lamp, ""big""\nand red"\r\n')[1] == [[1, ["1", 'Lamp, "big"\nand red']]]


def test_rows_of_another_width_are_refused_alone_and_empty_lines_passed_over(tmp_path):
    assert read(tmp_path / "f.csv", b"id,name\n1\n\n2,Cup\n")[1] == [[1, "1 cells where there are 2 columns"], [2, ["2", "Cup"]]]


def test_a_quote_that_never_closes_is_refused(tmp_path):
    rows = read(tmp_path / "f.csv", b'id,name\n1,"' + b"x" * 2_000_000)[1]

    assert rows[0][1] == "a cell of more than 1,048,576 characters, or a quote that is not closed"


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(SettingsInvalid, match="two columns are called 'id'"):
        read(tmp_path / "f.csv", b"id,id\n1,2\n")


def test_an_empty_csv_has_no_columns_and_no_rows(tmp_path):
    assert read(tmp_path / "f.csv", b"") == ([], [])


def test_a_gzip_file_is_read_as_what_is_in_it(tmp_path):
    assert read(tmp_path / "f.csv.gz", gzip.compress(b"id,name\n1,Lamp\n2,Cup\n")) == (["id", "name"], ROWS)


def test_a_gzip_file_that_breaks_off_says_after_which_row(tmp_path):
    packed = gzip.compress(b"id,name\n" + b"".join(b"%d,Lamp\n" % i for i in range(100_000)))

    with pytest.raises(SettingsInvalid, match=r"the gzip file is broken after row [\d,]+"):
        read(tmp_path / "f.csv.gz", packed[: len(packed) // 2])


def test_a_file_called_gz_that_is_none_is_refused(tmp_path):
    with pytest.raises(SettingsInvalid, match="no gzip file"):
        read(tmp_path / "f.csv.gz", b"id,name\n")


def test_lines_of_json_are_objects_and_what_is_none_is_refused_alone(tmp_path):
    data = b'\xef\xbb\xbf{"id": 1, "of": {"name": "Lamp"}}\n\n[1]\n{"id": \n{"id": 2}\n'

    columns, rows = read(tmp_path / "f.jsonl", data)

    assert (columns, rows[0], rows[1], rows[3]) == (None, [1, {"id": 1, "of": {"name": "Lamp"}}], [2, "no JSON object"], [4, {"id": 2}])
    assert rows[2][1].startswith("no JSON: ")


def test_a_dotted_name_reaches_into_the_objects_of_a_line(tmp_path):
    (tmp_path / "f.ndjson").write_text('{"of": {"name": "Lamp"}, "a.b": 1}\n')

    row = next(Table(tmp_path / "f.ndjson").rows())[1]

    assert [row["of.name"], row["a.b"], row["of.none"], row["none"]] == ["Lamp", 1, None, None]


def test_a_list_of_objects_is_read_like_lines(tmp_path):
    assert read(tmp_path / "f.json", b'[{"id": 1}, 2]')[1] == [[1, {"id": 1}], [2, "no JSON object"]]


@pytest.mark.parametrize("data,said", [(b"{}", "a list of objects belongs here"), (b"[", "no JSON")])
def test_json_that_is_no_list_is_refused(tmp_path, data, said):
    with pytest.raises(SettingsInvalid, match=said):
        read(tmp_path / "f.json", data)


def test_parquet_cells_are_plain_values(tmp_path):
    moment = datetime(2023, 1, 2, 3, 4, tzinfo=UTC)
    columns = {
        "id": ["a", "b"], "n": [1, None], "x": [1.5, float("nan")], "at": [moment, None], "day": [date(2023, 1, 2), None],
        "price": [Decimal("1.50"), Decimal("2")], "tags": [["p"], None], "raw": [b"z", None],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "f.parquet")

    table = Table(tmp_path / "f.parquet")
    rows = [list(row) for _, row in table.rows()]

    assert (table.columns, table.total, table.done()) == (list(columns), 2, 1.0)
    assert rows[0] == ["a", 1, 1.5, "2023-01-02T03:04:00+00:00", "2023-01-02", 1.5, ["p"], "z"]
    assert rows[1] == ["b", None, None, None, None, 2, None, None]


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    with pytest.raises(SettingsInvalid, match="no Parquet file that can be read"):
        read(tmp_path / "f.parquet", b"id,name\n")


@pytest.mark.parametrize("name", ["f.xls", "f", "f.zip", "f.csv.bz2"])
def test_a_file_of_another_kind_is_refused_with_those_that_are_read(tmp_path, name):
    with pytest.raises(SettingsInvalid, match=r"the name must end in \.csv, \.tsv, \.jsonl, \.ndjson, \.json, \.parquet"):
        read(tmp_path / name, b"")


def test_how_much_was_read_is_known_on_the_way(tmp_path):
    (tmp_path / "f.jsonl").write_text("".join(json.dumps({"id": i, "text": "x" * 1000}) + "\n" for i in range(2_000)))
    table = Table(tmp_path / "f.jsonl")
    rows = table.rows()

    found = [table.done(), [next(rows) for _ in range(1_000)] and table.done(), list(rows) and table.done()]

    assert found[0] < found[1] < found[2] == 1.0
