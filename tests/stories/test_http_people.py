"""People's data over HTTP: what is known, the kept history, everything at once, and nothing any more."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.stories.server import Server


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def seen(who: str, number: int) -> dict:
    return {"type": "track", "userId": who, "event": "Seen", "timestamp": ago(minutes=number), "properties": {"n": number}, "messageId": uuid.uuid4().hex}


def fill(shop: Server, who: str, events: int) -> None:
    shop.post("/v1/events", {"batch": [seen(who, number) for number in range(1, events + 1)]})


@pytest.mark.parametrize("id", ["a%2Fb", "a%25b", "50%2525", "a:b:c", "%C3%A9t%C3%A9", "a%20b", "user_id:x:y", "..", "a+b", "%2e%2e%2fx"])
def test_an_id_of_any_spelling_is_found_again(shop, who, id):
    path = f"/v1/profiles/{who}{id}"

    written = shop.call("PATCH", path, {"traits": {"city": "Bonn"}})

    assert written.status == 200
    assert shop.get(path).json == written.json
    assert shop.get(f"/v1/placements/hero.json?profile={who}{id.replace('+', '%2B')}").json["profile"] == written.json["id"]


def test_a_profile_tells_what_the_contract_lists(shop, who):
    fill(shop, who, 3)

    body = shop.call("PATCH", f"/v1/profiles/{who}", {"traits": {"city": "Bonn", "gone": None}}).json

    assert (body["id"], body["traits"], body["segments"]) == (who, {"city": "Bonn"}, [])
    assert body["identities"] == [{"kind": "user_id", "value": who}]
    assert body["events"]["seen"]["count"] == 3
    assert body["events"]["seen"]["first_at"] < body["events"]["seen"]["last_at"]


def test_null_removes_a_trait_and_the_others_stay(shop, who):
    shop.call("PATCH", f"/v1/profiles/{who}", {"traits": {"city": "Bonn", "tier": 2}})

    body = shop.call("PATCH", f"/v1/profiles/{who}", {"traits": {"city": None}}).json

    assert body["traits"] == {"tier": 2}


def test_the_kept_history_comes_newest_first_page_by_page(shop, who):
    fill(shop, who, 5)

    first = shop.get(f"/v1/profiles/{who}/events?limit=3").json
    rest = shop.get(f"/v1/profiles/{who}/events?limit=3&before={first['next']}").json

    assert [event["properties"]["n"] for event in first["events"] + rest["events"]] == [1, 2, 3, 4, 5]
    assert (rest["next"], first["events"][0]["event"]) == (None, "seen")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "before=x", "before=1-zz"])
def test_a_page_that_cannot_be_is_refused(shop, who, query):
    fill(shop, who, 1)

    assert shop.get(f"/v1/profiles/{who}/events?{query}").status == 422


def test_everything_held_is_told_at_once(shop, who):
    fill(shop, who, 2)
    shop.call("PATCH", f"/v1/profiles/{who}", {"traits": {"email": "ann@shop.example"}})
    shop.call("PUT", f"/v1/profiles/{who}/consents", {"marketing": "denied"})
    decided = shop.get(f"/v1/placements/hero.json?profile={who}&send=news").json

    held = shop.get(f"/v1/profiles/{who}/export").json

    assert (held["traits"], held["consents"]) == ({"email": "ann@shop.example"}, {"marketing": "denied"})
    assert [event["event"] for event in held["events"]] == ["seen", "seen", "identify"]
    assert [(row["send"], row["decision_id"]) for row in held["decisions"]] == [("news", decided["decision_id"])]
    assert held["decisions"][0]["explain"]["placements"]["hero"][0]["by"] == "eligibility"


@pytest.mark.parametrize("method,path,body", [
    ("GET", "", None), ("GET", "/events", None), ("GET", "/export", None), ("PATCH", "", {"traits": {"a": 1}}), ("PUT", "/consents", {"marketing": "granted"}),
])
def test_nothing_is_found_of_an_erased_person(shop, who, method, path, body):
    fill(shop, who, 1)
    shop.call("DELETE", f"/v1/profiles/{who}")

    assert shop.call(method, f"/v1/profiles/{who}{path}", body).status == 404
    assert shop.call("DELETE", f"/v1/profiles/{who}").status == 204


def test_an_erased_person_is_answered_like_one_never_seen(shop, who):
    fill(shop, who, 1)
    shop.call("DELETE", f"/v1/profiles/{who}")

    erased = shop.get(f"/v1/placements/hero.json?profile={who}&send=x")
    unknown = shop.get(f"/v1/placements/hero.json?profile=u{who[1:]}&send=x")

    assert erased.json.keys() == unknown.json.keys()
    assert erased.headers.keys() == unknown.headers.keys()
    assert len(erased.body) == len(unknown.body)
    assert shop.get(f"/v1/decisions/{erased.json['decision_id']}").status == 404


@pytest.mark.parametrize("id", ["ann@shop.example", "email:ann@shop.example", "ann%40shop.example", "ann%2540shop.example"])
@pytest.mark.parametrize("method,path,body", [("GET", "", None), ("PATCH", "", {"traits": {}}), ("DELETE", "", None), ("GET", "/export", None)])
def test_a_profile_is_never_named_by_an_address_in_the_url(shop, id, method, path, body):
    answer = shop.call(method, f"/v1/profiles/{id}{path}", body)

    assert (answer.status, "ann" in answer.text) == (422, False)


@pytest.mark.parametrize("query", [
    "profile=ann@shop.example", "profile=email:ann", "profile=ann%2540shop.example", "profile=%20ann@shop.example", "profile=anonymous_id:ann@shop.example",
    "profile=u1&send=ann@shop.example", "profile=u1&ctx.device=ann@shop.example", "profile=a&profile=b", "profile=a&send=x&send=y", "profile=u1&send=%0d%0aX:1",
    "profile=u1&send=" + "x" * 257, "profile=anonymous_id:", "profile=%ed%a0%80",
])
def test_what_a_content_url_must_not_hold_gets_the_fallback_and_is_not_said_back(shop, query):
    answer = shop.get(f"/v1/placements/hero.json?{query}")

    assert (answer.status, answer.headers["x-inlay-degraded"], answer.json["profile"], answer.json["send"]) == (200, "profile", "", None)
    assert "ann" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("query,profile", [
    ("profile=a:b:c", "a:b:c"), ("profile=user_id:c", "c"), ("profile=anonymous_id:v", "anonymous_id:v"), ("profile=phone:%2B49123", "phone:+49123"),
    ("profile=" + "x" * 256, "x" * 256), ("profile=same&profile=same", "same"), ("profile=", ""), ("", ""), ("utm=ann@shop.example&profile=u1", "u1"),
])
def test_an_id_is_read_as_the_contract_says(shop, query, profile):
    answer = shop.get(f"/v1/placements/hero.json?{query}")

    assert (answer.json["profile"], "x-inlay-degraded" in answer.headers) == (profile, False)


def test_shops_whose_ids_are_addresses_may_say_so():
    server = Server.of(INLAY_EMAIL_IN_URL="allow")
    try:
        fill(server, "ann@shop.example", 1)
        found = server.get("/v1/profiles/ann@shop.example").status, server.get("/v1/placements/hero.json?profile=ann@shop.example").json["profile"]
    finally:
        server.close()

    assert found == (200, "ann@shop.example")
