"""An open that no person made goes by another name."""

from __future__ import annotations

import pytest

from app.domain.event import Event
from app.domain.history import History
from app.domain.machines import delivered_at, machine_of, told_apart

ID = b"000000"


@pytest.mark.parametrize(("agent", "kind"), [
    ("Mozilla/5.0", "prefetch"), ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "proxy"),
    ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0", "proxy"), ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "proxy"),
    ("Mozilla/5.0 (compatible; Barracuda Sentinel)", "scanner"), ("Mozilla/5.0 (compatible; bingbot/2.0)", "scanner"), ("curl/8.5.0", "scanner"),
    ("Mozilla/5.0 (X11) HeadlessChrome/126", "scanner"), ("python-requests/2.32", "scanner"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", ""), ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15", ""),
    ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.4266)", ""), ("", ""), ("Thunderbird/115 (Robotics edition)", ""),
])
def test_a_machine_is_known_by_its_user_agent(agent, kind):
    assert machine_of(agent) == kind


@pytest.mark.parametrize(("properties", "name"), [
    ({"user_agent": "Mozilla/5.0"}, "email_opened_by_machine"), ({"machine": True}, "email_opened_by_machine"), ({"machine": "yes"}, "email_opened"),
    ({"user_agent": 7}, "email_opened"), ({}, "email_opened"),
])
def test_an_open_by_a_machine_is_filed_under_another_name(properties, name):
    assert told_apart(Event("email_opened", 1, ID, properties)).name == name


def test_what_is_filed_keeps_what_was_said_of_it():
    found = told_apart(Event("email_clicked", 1, ID, {"url": "u", "machine": True, "machine_kind": "scanner"}))

    assert found == Event("email_clicked_by_machine", 1, ID, {"url": "u", "machine": True, "machine_kind": "scanner"})


def test_other_events_are_left_alone():
    event = Event("page_viewed", 1, ID, {"machine": True})

    assert told_apart(event) is event


def test_the_latest_delivery_of_a_mail_before_an_instant_is_found():
    history = History.of([Event("email_delivered", at, bytes([at] * 6), {"message_id": id}) for at, id in ((10, "m"), (20, "m"), (30, "n"), (40, "m"))])

    assert [delivered_at(history, id, 35) for id in ("m", "n", "o")] == [20, 30, None]


def test_a_person_without_deliveries_has_none():
    assert delivered_at(History.of([]), "m", 35) is None
