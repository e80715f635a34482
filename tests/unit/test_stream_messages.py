"""A stream's message -> events that mean the same whenever, and however often, it is delivered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.domain.message import Message
from app.formats.messages import MAX_BYTES, events_of
from app.formats.segment import NotHeard

AT = 1_760_000_000_123


def message(body: Any, **headers: str) -> Message:
    return Message("events/7", AT, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)


def test_an_event_without_an_id_and_a_time_has_those_of_the_stream():
    (event,) = events_of(message({"type": "track"}))

    assert event == {"type": "track", "messageId": "events/7", "timestamp": "2025-10-09T08:53:20.123+00:00"}


def test_an_event_s_own_id_and_time_stand():
    own = {"type": "track", "messageId": "m1", "originalTimestamp": "2025-01-01T00:00:00Z"}

    assert events_of(message(own)) == [own]


@pytest.mark.parametrize("body", [[{"n": 1}, {"n": 2}], {"batch": [{"n": 1}, {"n": 2}]}])
def test_several_events_in_a_message_are_told_apart(body):
    assert [event["messageId"] for event in events_of(message(body))] == ["events/7#0", "events/7#1"]


@pytest.mark.parametrize("prefix", ["ce_", "ce-"])
def test_a_cloud_event_s_attributes_may_be_in_the_headers(prefix):
    headers = {prefix + name: value for name, value in {"specversion": "1.0", "id": "1", "source": "/shop", "type": "seen", "time": "2025-01-01T00:00:00Z"}.items()}

    (event,) = events_of(message({"n": 1}, **headers))

    assert (event["type"], event["time"], event["data"]) == ("seen", "2025-01-01T00:00:00Z", {"n": 1})


def test_a_cloud_event_without_a_time_happened_when_the_stream_took_it():
    (event,) = events_of(message({"specversion": "1.0", "id": "1", "source": "/shop", "type": "seen"}))

    assert (event["time"], "timestamp" in event) == ("2025-10-09T08:53:20.123+00:00", False)


def test_where_all_are_said_to_be_segment_s_a_specversion_is_nothing():
    (event,) = events_of(message({"type": "track", "specversion": "1.0"}, ce_specversion="1.0"), "segment")

    assert "specversion" not in event


def test_where_all_are_said_to_be_cloud_events_others_are_refused():
    with pytest.raises(NotHeard, match="specversion"):
        events_of(message({"type": "track"}), "cloudevents")


@pytest.mark.parametrize(("body", "reason"), [(b"{", "invalid"), (b"", "invalid"), (b"\xff", "invalid"), (b"[" * 40, "invalid"), (b" " * (MAX_BYTES + 1), "too_large")])
def test_what_is_no_json_is_refused(body, reason):
    with pytest.raises(NotHeard) as refused:
        events_of(message(body))

    assert refused.value.reason == reason
