"""Escapes and filters, value by value."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from app.content.escapes import cut, cut_lines, date_text, money, query, safe_url, style, text_of, unbraced
from app.domain.conditions import Instant


@pytest.mark.parametrize("address,expected", [
    ("https://s.example/a b", "https://s.example/a%20b"), ("https://s.example/O'Neill?x=1&y=2#z", "https://s.example/O%27Neill?x=1&y=2#z"),
    ("https://s.example/\"<>", "https://s.example/%22%3C%3E"), ("https://s.example/{{x}}", "https://s.example/%7B%7Bx%7D%7D"), (" https://s.example/ ", "https://s.example/"),
    ("HTTPS://S.example/", "HTTPS://S.example/"), ("https://s.example/é", "https://s.example/é"), ("http://s.example:8080", "http://s.example:8080"),
    ("mailto:a@b.example?subject=Hi%20there", "mailto:a@b.example?subject=Hi%20there"), ("https://s.example/a\nb", "#"), ("https://s.example\\@evil.example", "#"),
    ("/a", "#"), ("a", "#"), ("", "#"), ("#top", "#"), ("//s.example", "#"), ("javascript:x", "#"), ("data:x", "#"), ("http://[", "#"), ("https://a b/", "#"), ("mailto:a b", "#"),
])
def test_only_whole_addresses_of_the_web_and_of_mail_pass(address, expected):
    assert safe_url(address) == expected


@pytest.mark.parametrize("value", ["#fff", "#A0B1C2", "12", "-1.5em", "50%", "red", "inline-block", "0"])
def test_numbers_colours_and_words_may_stand_in_a_style(value):
    assert style(value) == value


@pytest.mark.parametrize("value", ["url(x)", "expression", "JavaScript", "red;", "a b", "rgb(1,2,3)", "#12", "\\65", "1px;", "--x", "a:b", "!important", "x" * 40])
def test_anything_else_in_a_style_is_nothing(value):
    assert style(value) == ""


@pytest.mark.parametrize("value,expected", [
    (None, ""), (True, "true"), (False, "false"), (3.0, "3"), (3.5, "3.5"), (7, "7"), ("a\x00b\x1bc\u2028d", "abcd"), ("a\nb\tc", "a\nb\tc"), ("é", "é"),
    (float("inf"), "inf"), (["<", 1, None], "<, 1, "), ([], ""),
])
def test_values_as_text(value, expected):
    assert text_of(value) == expected


def test_query_parts_are_wholly_encoded():
    assert query("a&b=c/d?é #") == "a%26b%3Dc%2Fd%3F%C3%A9%20%23"


@pytest.mark.parametrize("value", ["{{x}}", "{", "{{{{", "a{b{{c"])
def test_no_brace_is_left_beside_another(value):
    assert "{{" not in "{" + unbraced(value) + "{"


@pytest.mark.parametrize("value,form,expected", [
    ("2026-10-12", "%d.%m.%Y", "12.10.2026"), ("2026-10-12T09:30:00Z", "%H:%M", "09:30"), ("2026-10-12T09:30:00.000Z", "%Y", "2026"), ("soon", "%Y", "soon"),
    (None, "%Y", ""), (Instant(1_760_000_000_000), "%Y-%m-%d", "2025-10-09"),
])
def test_dates_take_the_form_that_is_asked_for(value, form, expected):
    assert date_text(value, form) == expected


def test_instants_are_told_in_the_local_time_and_days_stay_what_they_are():
    berlin = ZoneInfo("Europe/Berlin")

    assert date_text("2026-10-12T23:30:00.000Z", "%d %H:%M", zone=berlin) == "13 01:30"
    assert date_text(Instant(1_760_000_000_000), "%H:%M", zone=berlin) == "10:53"
    assert date_text("2026-10-12", "%d %H:%M", zone=berlin) == "12 00:00"


@pytest.mark.parametrize("value,currency,expected", [(1234.5, "€", "1,234.50\u00a0€"), (5, "EUR", "5.00\u00a0EUR"), (5, "£", "£5.00"), ("5", "€", "5"), (True, "€", "true")])
def test_amounts_of_money(value, currency, expected):
    assert money(value, currency) == expected


@pytest.mark.parametrize("value,length,expected", [
    ("short", 60, "short"), ("one two three", 8, "one two…"), ("one two three", 9, "one two…"), ("abcdefgh", 4, "abc…"), ("ab", 1, "a…"), ("a", 0, "a…"), ("one, two", 5, "one…"),
])
def test_texts_are_cut_at_words(value, length, expected):
    assert cut(value, length) == expected


def test_lines_beyond_the_bound_are_left_out():
    assert (cut_lines("a\nb\nc", 2), cut_lines("a\nb", 2)) == ("a\nb…", "a\nb")
