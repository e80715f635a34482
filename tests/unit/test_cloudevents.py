"""CloudEvents 1.0 in all three modes, as values."""

from __future__ import annotations

import base64

import pytest

from app.formats.cloudevents import as_segment, attributes
from app.formats.segment import NotHeard

EVENT = {"specversion": "1.0", "id": "7", "source": "/shop", "type": "Order Completed", "subject": "u1", "time": "2026-10-12T09:00:00Z", "data": {"total": 12.5}}
NESTED = base64.b64encode(b'{"a":' * 40 + b"1" + b"}" * 40).decode()


def test_the_type_is_the_event_and_the_data_are_its_properties():
    assert as_segment(EVENT) == {
        "type": "track", "event": "Order Completed", "properties": {"total": 12.5}, "userId": "u1", "messageId": "/shop#7", "timestamp": "2026-10-12T09:00:00Z",
    }


@pytest.mark.parametrize("name", ["identify", "io.inlay.identify"])
def test_a_type_that_is_a_kind_of_segment_s_has_such_an_event_in_its_data(name):
    shaped = as_segment(EVENT | {"type": name, "data": {"traits": {"tier": "gold"}, "anonymousId": "a"}})

    assert (shaped["type"], shaped["traits"], shaped["anonymousId"], shaped["userId"]) == ("identify", {"tier": "gold"}, "a", "u1")


@pytest.mark.parametrize("said,who", [
    ({"subject": "u2"}, {"userId": "u2"}), ({"subject": "anonymous_id:x"}, {"anonymousId": "x"}), ({"subject": "user_id:u"}, {"userId": "u"}),
    ({"subject": "orders/1", "userid": "u3"}, {"userId": "u3"}), ({"anonymousid": "x"}, {"anonymousId": "x"}), ({"subject": "shop:1"}, {"userId": "shop:1"}),
    ({"subject": None}, {}), ({"subject": 7}, {}),
])
def test_who_it_was_is_said_by_extensions_or_else_by_the_subject(said, who):
    shaped = as_segment(EVENT | said)

    assert {key: shaped[key] for key in ("userId", "anonymousId") if key in shaped} == who


def test_two_sources_may_use_one_id():
    assert as_segment(EVENT)["messageId"] != as_segment(EVENT | {"source": "/other"})["messageId"]


def test_a_source_of_any_length_makes_a_message_id_that_is_taken():
    assert len(as_segment(EVENT | {"source": "urn:" + "x" * 5_000})["messageId"]) == 64


def test_data_may_come_in_base64():
    raw = {key: value for key, value in EVENT.items() if key != "data"}

    assert as_segment(raw | {"data_base64": base64.b64encode(b'{"total": 3}').decode()})["properties"] == {"total": 3}
    assert as_segment(raw)["properties"] == {}


@pytest.mark.parametrize("wrong,at", [
    ({"specversion": "0.3"}, "specversion"), ({"specversion": 1.0}, "specversion"), ({"id": ""}, "id"), ({"id": 7}, "id"), ({"source": None}, "source"), ({"type": []}, "type"),
    ({"data": [1]}, "data"), ({"data": "text"}, "data"), ({"data": None, "data_base64": "!!"}, "data_base64"), ({"data": None, "data_base64": 7}, "data_base64"),
    ({"data": None, "data_base64": base64.b64encode(b"\xff").decode()}, "data_base64"), ({"data": None, "data_base64": base64.b64encode(b"[1]").decode()}, "data"),
    ({"data": None, "data_base64": NESTED}, "data_base64"), ({"data": None, "data_base64": base64.b64encode(b"[" * 100_000).decode()}, "data_base64"),
])
def test_what_is_wrong_is_named(wrong, at):
    with pytest.raises(NotHeard, match=f"^{at}:") as caught:
        as_segment(EVENT | wrong)

    assert caught.value.reason == "invalid"


def test_attributes_of_binary_mode_are_headers_in_percent_encoding():
    headers = [(b"ce-specversion", b"1.0"), (b"ce-id", b"7"), (b"ce-subject", b"J%C3%B6rg"), (b"host", b"x")]

    assert attributes(headers) == {"specversion": "1.0", "id": "7", "subject": "Jörg"}


def test_a_request_without_a_version_is_not_in_binary_mode():
    assert attributes([(b"ce-id", b"7"), (b"content-type", b"application/json")]) is None
