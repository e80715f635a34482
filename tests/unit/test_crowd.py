"""Who is turned away when too much is in flight."""

from __future__ import annotations

import pytest

from app.web.crowd import Crowd

LIMIT = 10


@pytest.mark.parametrize("inflight,turned_away", [(1, False), (LIMIT, False), (LIMIT + 1, True), (5 * LIMIT, True)])
def test_calls_beyond_the_limit_are_turned_away(inflight, turned_away):
    assert Crowd(LIMIT).turns_away(b"profile=a&send=s", inflight) is turned_away


def test_the_parts_of_a_mail_are_turned_away_together_though_there_is_room_again():
    crowd = Crowd(LIMIT)
    crowd.turns_away(b"profile=a&send=s", LIMIT + 1)

    assert [crowd.turns_away(each, 1) for each in (b"profile=a&send=s", b"profile=b&send=s")] == [True, False]


def test_the_parts_of_a_mail_are_let_in_together_though_there_is_no_room_any_more():
    crowd = Crowd(LIMIT)
    crowd.turns_away(b"profile=a&send=s", LIMIT)

    assert [crowd.turns_away(each, LIMIT + 1) for each in (b"profile=a&send=s", b"profile=b&send=s")] == [False, True]


def test_twice_the_limit_is_the_end_also_for_mails_that_were_let_in():
    crowd = Crowd(LIMIT)
    crowd.turns_away(b"profile=a&send=s", LIMIT)

    assert crowd.turns_away(b"profile=a&send=s", 2 * LIMIT + 1)


@pytest.mark.parametrize("query", [b"", b"profile=", b"send=s&profile=", b"ctx.profile=a"])
def test_calls_for_nobody_are_no_mail_and_share_no_verdict(query):
    crowd = Crowd(LIMIT)

    assert [crowd.turns_away(query, inflight) for inflight in (LIMIT, LIMIT + 1, 1)] == [False, True, False]


def test_a_verdict_is_forgotten_after_a_while(monkeypatch):
    crowd, now = Crowd(LIMIT), [100.0]
    monkeypatch.setattr("app.web.crowd.monotonic", lambda: now[0])
    crowd.turns_away(b"profile=a&send=s", LIMIT + 1)

    now[0] = 110.0
    assert not crowd.turns_away(b"profile=a&send=s", 1)
