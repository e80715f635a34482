"""How instants and numbers are read out of text."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from app.domain.literals import parse_instant, parse_number

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("text,zone,at", [
    ("1970-01-01", ZoneInfo("UTC"), 0),
    ("1970-01-01", BERLIN, -3_600_000),
    ("2026-07-01T00:00:00Z", BERLIN, 1_782_864_000_000),
    ("2026-07-01 02:00:00.0005", BERLIN, 1_782_864_000_001),
    ("2026-07-01T02:00:00+02:00", ZoneInfo("UTC"), 1_782_864_000_000),
    ("2026-03-29T02:30:00", BERLIN, 1_774_747_800_000),
    ("2026-10-25T02:30:00", BERLIN, 1_792_888_200_000),
])
def test_a_time_without_an_offset_is_told_in_the_zone_and_the_first_of_two_hours_counts(text, zone, at):
    assert parse_instant(text, zone) == at


@pytest.mark.parametrize("text", ["", "soon", "2026", "2026-13-01", "2026-02-30", "2026-01-01T25:00", "2026-01-01" + "0" * 40, None, 7, "0001-01-01T00:00:00+99:00"])
def test_what_is_no_instant_is_none(text):
    assert parse_instant(text) is None


@pytest.mark.parametrize("text,number", [("7", 7), ("-7.50", -7.5), ("2.00", 2), (".5", 0.5), ("1e3", 1000), ("+3", 3), ("12345678901234567890", 12345678901234567890.0)])
def test_a_decimal_is_an_int_where_it_is_whole(text, number):
    found = parse_number(text)

    assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize("text", ["", "nan", "inf", "-Infinity", "1_000", "1,5", " 7", "0x10", "٣", "1e999", "7" * 65, "."])
def test_what_is_no_plain_number_is_none(text):
    assert parse_number(text) is None
