"""CloudEvents over HTTP: structured, binary and batched, applied like any other event."""

from __future__ import annotations

import pytest

CLOUD = "application/cloudevents+json"
MANY = "application/cloudevents-batch+json; charset=utf-8"


def event(who: str, **more: object) -> dict:
    return {"specversion": "1.0", "id": "1", "source": f"/shop/{who}", "type": "Order Completed", "subject": who, "data": {"total": 12.5}, **more}


def heard(shop, who: str) -> dict:
    return shop.get(f"/v1/profiles/{who}/events").json["events"][0]


def test_a_structured_event_is_known_at_once_and_once(shop, who):
    first = shop.post("/v1/events", event(who), Content_Type=CLOUD).json
    again = shop.post("/v1/events", event(who), Content_Type=CLOUD).json

    assert (first, again["duplicates"]) == ({"accepted": 1, "duplicates": 0, "rejected": []}, 1)
    assert (heard(shop, who)["event"], heard(shop, who)["properties"]) == ("order_completed", {"total": 12.5})


def test_a_binary_event_has_its_attributes_in_headers(shop, who):
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shop", "ce-type": "Order Completed", "ce-subject": who, "Content-Type": "application/json"}

    answer = shop.post("/v1/events", {"total": 7}, **headers).json
    empty = shop.post("/v1/events", b"", **{**headers, "ce-id": "2"}).json

    assert (answer["accepted"], empty["accepted"]) == (1, 1)
    assert shop.get(f"/v1/profiles/{who}").json["events"]["order_completed"]["count"] == 2


def test_a_batch_keeps_what_is_right_and_names_what_is_not(shop, who):
    answer = shop.post("/v1/events", [event(who), event(who, id="2", specversion="9"), event(who, id="3")], Content_Type=MANY).json

    assert (answer["accepted"], [each["index"] for each in answer["rejected"]]) == (2, [1])


def test_cloud_events_and_segment_s_stand_in_one_batch(shop, who):
    answer = shop.post("/v1/events", {"batch": [event(who), {"type": "track", "userId": who, "event": "Seen"}]}).json

    assert answer["accepted"] == 2


@pytest.mark.parametrize("body,kind,status", [
    (b"{", CLOUD, 400), ([], CLOUD, 422), ({}, MANY, 422), (b"", CLOUD, 400), ([{}] * 10_001, MANY, 422),
])
def test_a_body_that_is_not_what_its_type_says_is_refused(shop, body, kind, status):
    assert shop.post("/v1/events", body, Content_Type=kind).status == status
