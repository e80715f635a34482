"""What a page may say with a public key, and what it may not."""

from __future__ import annotations

import pytest

from app.errors import Forbidden, RequestInvalid
from app.formats.page import on_our_clock, page_events, pixel_event

OWN = "a" * 32
NOW = 1_791_795_600_000  # 2026-10-12T09:00:00Z
TRACK = {"type": "track", "event": "Product Viewed", "anonymousId": OWN, "messageId": "m", "properties": {"category": "shoes"}}
IDENTIFY = {"type": "identify", "anonymousId": OWN, "userId": "u1", "userHash": "proof of u1"}


def proves(user: str, given: object) -> bool:
    return given == f"proof of {user}"


def test_page_and_track_pass_with_nothing_but_what_a_page_may_say():
    said = [TRACK | {"traits": {"tier": "gold"}, "sentAt": "x", "writeKey": "k"}, {"type": "page", "anonymousId": OWN}]

    assert page_events(said, proves) == (OWN, [TRACK, {"type": "page", "anonymousId": OWN}])


def test_identify_passes_with_a_proof_and_loses_it():
    assert page_events([IDENTIFY], proves) == (OWN, [{"type": "identify", "anonymousId": OWN, "userId": "u1"}])


@pytest.mark.parametrize("raw,code", [
    (IDENTIFY | {"userHash": "proof of u2"}, "forged"), (IDENTIFY | {"userHash": None}, "forged"), (IDENTIFY | {"userId": ""}, "forged"), (IDENTIFY | {"userId": 7}, "forged"),
    (IDENTIFY | {"traits": {"tier": "gold"}}, "not_allowed"), (TRACK | {"userId": "u1"}, "not_allowed"), (TRACK | {"type": "alias", "previousId": "u2"}, "not_allowed"),
    (TRACK | {"type": "group", "groupId": "g"}, "not_allowed"), (TRACK | {"type": None}, "not_allowed"), (TRACK | {"type": ["track"]}, "not_allowed"), (TRACK | {"event": "Email Opened"}, "not_allowed"),
    (TRACK | {"event": " IDENTIFY "}, "not_allowed"),
])
def test_what_a_page_may_not_say_is_refused_by_name(raw, code):
    with pytest.raises(Forbidden) as caught:
        page_events([TRACK, raw], proves)

    assert (caught.value.code, caught.value.problems[0][0].startswith("batch.1.")) == (code, True)


@pytest.mark.parametrize("own", [None, "", "short", 7, ["a"], "a" * 65, "a" * 31 + "é", "a" * 20 + " ", "u1:" + "a" * 30])
def test_an_anonymous_id_that_could_be_guessed_or_is_no_id_is_refused(own):
    with pytest.raises(RequestInvalid):
        page_events([TRACK | {"anonymousId": own}], proves)


def test_a_call_speaks_for_one_anonymous_id():
    with pytest.raises(Forbidden, match="one anonymous id"):
        page_events([TRACK, TRACK | {"anonymousId": "b" * 32}], proves)


@pytest.mark.parametrize("raws", [[7], [None], [[TRACK]], [TRACK] * 101])
def test_what_is_no_event_or_too_many_is_refused(raws):
    with pytest.raises(RequestInvalid):
        page_events(raws, proves)


def at(*, timestamp: object, sent: object) -> object:
    return on_our_clock([TRACK | {"timestamp": timestamp}], sent, NOW)[0]["timestamp"]


def test_a_page_whose_clock_is_wrong_has_its_events_where_they_belong():
    assert at(timestamp="2031-01-01T00:00:00Z", sent="2031-01-01T01:00:00Z") == "2026-10-12T08:00:00.000+00:00"


@pytest.mark.parametrize("timestamp,sent", [
    ("2026-10-12T08:00:00Z", "2026-10-12T09:00:30Z"), ("2026-10-12T08:00:00Z", None), ("2026-10-12T08:00:00Z", "soon"), ("never", "2031-01-01T01:00:00Z"), ("0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z"),
])
def test_timestamps_stay_where_the_clock_is_right_or_nothing_is_known_of_it(timestamp, sent):
    assert at(timestamp=timestamp, sent=sent) == timestamp


def test_a_picture_is_a_page_view_with_the_page_that_it_stands_in():
    event = pixel_event({"a": OWN, "key": "k", "p.plan": "pro"}, "https://shop.example/a?x=1", proves)

    assert event == {"type": "page", "anonymousId": OWN, "properties": {"plan": "pro"}, "context": {"page": {"url": "https://shop.example/a?x=1"}}}


def test_a_picture_in_a_mail_names_its_reader_with_a_proof():
    event = pixel_event({"e": "Offer Seen", "u": "u1", "h": "proof of u1", "m": "7"}, "", proves)

    assert (event["event"], event["userId"], event["messageId"]) == ("Offer Seen", "u1", "7")


@pytest.mark.parametrize("query", [{"u": "u1"}, {"u": "u1", "h": "proof of u2"}, {"u": "u1", "h": "proof of u1", "e": "email_opened"}, {"a": OWN, "e": "Email Clicked"}, {"a": "short"}, {}])
def test_a_picture_that_oversteps_is_refused(query):
    with pytest.raises((Forbidden, RequestInvalid)):
        pixel_event(query, "", proves)
