"""Files of codes: what is read of them, and what is said of those that are broken."""

from __future__ import annotations

import pytest

from app.formats.code_file import read_codes


@pytest.mark.parametrize("data", [
    b"A1\nB2\n", b"A1\r\nB2", b"\xef\xbb\xbfA1\n\n  B2  \n", b"code\nA1\nB2\n", b"Code;until\nA1;2026\nB2;2027\n", b"id,code\n1,A1\n2,\"B2\"\n", b"id\tcode\n1\tA1\n2\tB2\n",
])
def test_codes_are_read_from_lines_and_from_a_column(data: bytes) -> None:
    found = read_codes(data)

    assert (found.codes, found.problems) == (["A1", "B2"], [])


def test_a_code_that_stands_there_twice_is_one_code() -> None:
    found = read_codes(b"A1\nB2\nA1\n")

    assert (found.codes, found.repeated) == (["A1", "B2"], 1)


def test_another_column_holds_them_where_it_is_named() -> None:
    assert read_codes(b"code,voucher\nx,A1\n", "voucher").codes == ["A1"]


@pytest.mark.parametrize("data,problem", [
    (b"", (1, "holds no code")),
    (b"\n \n", (1, "holds no code")),
    (b"code\n", (1, "holds no code")),
    (b"A1\n\xff\xfe\n", (2, "is not UTF-8")),
    (b"A1\n" + b"x" * 201 + b"\n", (2, "has 201 characters; a code has at most 200")),
    (b"A1\nB\x002\n", (2, "holds a character that cannot be printed")),
    (b"id,code\n1,A1\n2\n", (3, "has no code")),
    (b"1,A1\n2,B2\n", (1, "has 2 columns, and none is called code: name the one that holds the codes (--column)")),
])
def test_a_broken_file_is_told_by_its_line(data: bytes, problem: tuple[int, str]) -> None:
    assert problem in read_codes(data).problems


def test_an_open_quote_is_told() -> None:
    assert [line for line, _ in read_codes(b'code\n"A1\nB2\n').problems] == [3]
