"""What a stream's message holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.domain.message import Message
from app.formats.messages import MAX_BYTES, events_of
from app.formats.segment import NotHeard

AT = 1_760_000_000_000
EVENT = {"type": "track", "userId": "u", "event": "A"}
WHEN = "2025-10-09T08:53:20.000+00:00"


def message(body: Any, **headers: str) -> Message:
    return Message("7-0", AT, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)


@pytest.mark.parametrize("body", [[EVENT, EVENT], {"batch": [EVENT, EVENT]}])
def test_each_of_several_events_has_the_message_s_time_and_an_id_of_its_own(body):
    assert events_of(message(body)) == [{**EVENT, "messageId": f"7-0#{i}", "timestamp": WHEN} for i in range(2)]


def test_an_event_keeps_its_own_id_and_time():
    own = {**EVENT, "messageId": "m", "timestamp": "2026-01-01T00:00:00Z"}

    assert events_of(message(own)) == [own]


def test_a_cloud_event_may_have_its_attributes_in_the_headers():
    found = events_of(message({"n": 1}, ce_specversion="1.0", ce_type="A", other="x"))

    assert found == [{"specversion": "1.0", "type": "A", "data": {"n": 1}, "messageId": "7-0", "time": WHEN}]


def test_a_cloud_event_in_the_body_keeps_its_time():
    assert events_of(message({"specversion": "1.0", "time": WHEN}))[0] == {"specversion": "1.0", "time": WHEN, "messageId": "7-0"}


def test_what_is_said_to_be_segment_s_is_taken_as_such():
    assert events_of(message({**EVENT, "specversion": "1.0"}, ce_specversion="1.0"), "segment") == [{**EVENT, "messageId": "7-0", "timestamp": WHEN}]


@pytest.mark.parametrize(("body", "format", "reason"), [
    (b" " * (MAX_BYTES + 1), "auto", "too_large"), (b"{", "auto", "invalid"), (EVENT, "cloudevents", "invalid"),
])
def test_what_is_none_of_these_says_why(body, format, reason):
    with pytest.raises(NotHeard) as refusal:
        events_of(message(body), format)

    assert refusal.value.reason == reason


def test_what_is_no_object_is_left_to_the_parser_of_events():
    assert events_of(message(["x"])) == ["x"]
