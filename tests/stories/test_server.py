"""The whole server, started as a user starts it, called over HTTP."""

from __future__ import annotations

import os
import re
import signal
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.stories.server import SHIPPED, Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server.of(INLAY_AMP_SENDERS="news@shop.example,@brand.example", **SHIPPED)
    for i, category in enumerate(("shoes", "shoes", "shoes", "hats")):
        item = {"name": f"Item {i} <b>", "price": 10.0 + i, "category": category, "stock": 3, "url": "https://shop.example/x"}
        running.call("PUT", f"/v1/items/i{i}", item)
    time.sleep(1)
    yield running
    running.close()


@pytest.fixture
def who() -> str:
    return uuid.uuid4().hex


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def track(who: str, event: str, when: str, **properties: object) -> dict:
    return {"type": "track", "userId": who, "event": event, "timestamp": when, "properties": properties, "messageId": uuid.uuid4().hex}


def shoe_browser(server: Server, who: str) -> None:
    server.post("/v1/events", {"batch": [track(who, "Product Viewed", ago(hours=2), category="shoes")]})
    server.until(lambda: server.call("PUT", f"/v1/profiles/{who}/consents", {"marketing": "granted"}).status == 200, 10)


def test_an_event_counts_at_the_very_next_decision(server, who):
    shoe_browser(server, who)

    answer = server.get(f"/v1/placements/hero.json?profile={who}&ctx.stock=5").json

    assert (answer["offer"], answer["reason"], answer["vars"]["category"]) == ("shoes_15", "eligible", "shoes")


def test_every_surface_of_a_placement_answers_with_its_type(server, who):
    answers = {ending: server.get(f"/v1/placements/hero.{ending}?profile={who}") for ending in ("html", "txt", "json", "amp")}

    assert [answer.status for answer in answers.values()] == [200] * 4
    assert [answer.headers["content-type"].split(";")[0] for answer in answers.values()] == ["text/html", "text/plain", "application/json", "text/html"]
    assert answers["txt"].text == "Hi\n"


def test_html_text_and_amp_of_one_send_show_one_choice(server, who):
    shoe_browser(server, who)
    first = server.get(f"/v1/placements/hero.html?profile={who}&send=s1&mail=newsletter&ctx.stock=5")
    server.post("/v1/events", {"batch": [track(who, "Order Completed", ago(seconds=1), products=[{"category": "shoes"}])]})

    again = [server.get(f"/v1/placements/hero.{ending}?profile={who}&send=s1&mail=newsletter") for ending in ("txt", "json", "html")]
    fresh = server.get(f"/v1/placements/hero.json?profile={who}&ctx.stock=5").json

    assert {answer.headers["x-inlay-decision"] for answer in again} == {first.headers["x-inlay-decision"]}
    assert again[1].json["offer"] == "shoes_15" and "15 % off" in again[0].text
    assert fresh["offer"] is None


def test_the_reasons_of_a_recorded_decision_can_be_read_later(server, who):
    shoe_browser(server, who)
    asked = {"profile": who, "send": "s2", "mail": "newsletter", "placements": ["hero"], "context": {"stock": 0}, "explain": True}
    decided = server.post("/v1/decisions", asked).json

    stored = server.get(f"/v1/decisions/{decided['decision_id']}").json

    assert decided["explain"]["placements"]["hero"][0]["by"] == "applicability"
    assert stored["explain"]["placements"]["hero"] == decided["explain"]["placements"]["hero"]
    assert re.fullmatch(r"rules/shop\.yaml:\d+", stored["explain"]["placements"]["hero"][0]["at"])
    assert set(stored["placements"]) == {"hero", "grid"}
    assert decided["explain"]["features"]["last_category"]["value"] == "shoes"


def test_a_decision_that_is_not_recorded_is_a_404_that_says_so(server, who):
    decided = server.post("/v1/decisions", {"profile": who, "placements": ["hero"]}).json

    answer = server.get(f"/v1/decisions/{decided['decision_id']}")

    assert (answer.status, answer.json["error"]["code"]) == (404, "not_recorded")


def test_items_follow_the_last_category_without_what_was_shown(server, who):
    shoe_browser(server, who)

    first = server.get(f"/v1/placements/grid.json?profile={who}&send=a").json
    second = server.get(f"/v1/placements/grid.json?profile={who}&send=b").json

    assert [item["id"] for item in first["items"]] == ["i0", "i1", "i2"]
    assert second["offer"] is None


def test_a_batch_answers_a_line_for_each_recipient_in_order(server, who):
    recipients = [{"profile": f"{who}{i}", "context": {"stock": 1}} for i in range(250)] + [{"profile": 7}]

    answer = server.post("/v1/decisions/batch", {"placements": ["hero"], "recipients": recipients})
    lines = answer.text.strip().split("\n")

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [f'"profile":"{who}{i}"' in line for i, line in enumerate(lines[:-1])] == [True] * 250
    assert '"index":250' in lines[-1]


def test_recommendations_are_filtered_and_ranked(server, who):
    asked = {"profile": who, "from": "catalogue", "filter": {"field": "item.category", "eq": "shoes"}, "rank": "item.price", "limit": 2}

    answer = server.post("/v1/recommendations", asked).json

    assert [(item["id"], item["score"]) for item in answer["items"]] == [("i2", 12.0), ("i1", 11.0)]


def test_the_clock_of_a_decision_can_be_moved_and_nothing_is_recorded(server, who):
    shoe_browser(server, who)
    asked = {"profile": who, "send": "p", "placements": ["hero"], "context": {"stock": 1}, "at": (datetime.now(UTC) + timedelta(days=3)).isoformat()}

    moved = server.post("/v1/decisions", asked).json
    now = server.post("/v1/decisions", {**asked, "at": None}).json

    assert moved["placements"]["hero"]["offer"] is None
    assert now["placements"]["hero"]["offer"] == "shoes_15"


def amp_path(server: Server, who: str) -> str:
    markup = server.get(f"/v1/placements/hero.amp?profile={who}&send=m").text
    found = re.search(r'src="https://[^/]+(/amp/[^"]+)"', markup)
    assert found is not None
    return found[1]


def test_an_amp_list_answers_a_listed_sender_with_its_items(server, who):
    answer = server.get(amp_path(server, who), AMP_Email_Sender="news@shop.example")

    assert (answer.status, answer.headers["amp-email-allow-sender"]) == (200, "news@shop.example")
    assert answer.json["items"] and answer.json["headline"] == "Hi"


def test_an_amp_list_refuses_everybody_else_alike(server, who):
    path = amp_path(server, who)

    refusals = [server.get(path), server.get(path, AMP_Email_Sender="x@evil.example"), server.get(path[:-1] + "_", AMP_Email_Sender="news@shop.example")]

    assert [answer.status for answer in refusals] == [403] * 3
    assert len({answer.body for answer in refusals}) == 1


def test_an_identified_visitor_s_past_follows(server, who):
    visitor = "v" + who
    server.post("/v1/events", {"type": "track", "anonymousId": visitor, "event": "Product Viewed", "properties": {"category": "hats"}})
    server.post("/v1/events", {"type": "identify", "anonymousId": visitor, "userId": who, "traits": {"city": "Bonn", "email": "a@b.example"}})

    by_user = server.get(f"/v1/profiles/{who}").json
    by_visitor = server.get(f"/v1/placements/hero.json?profile=anonymous_id:{visitor}").json

    assert by_user["traits"]["city"] == "Bonn"
    assert by_user["events"]["product_viewed"]["count"] == 1
    assert by_visitor["offer"] == "hats"


def test_an_alias_makes_two_users_one(server, who):
    for name in ("x", "y"):
        server.post("/v1/events", track(who + name, "Seen", ago(hours=1)))

    answer = server.post("/v1/events", {"type": "alias", "previousId": who + "x", "userId": who + "y"}).json
    profile = server.get(f"/v1/profiles/{who}x").json

    assert answer["accepted"] == 1
    assert (profile["id"], profile["events"]["seen"]["count"]) == (who + "y", 2)


def test_a_tablet_that_is_handed_on_makes_nobody_one_with_another(server, who):
    tablet = "t" + who
    for name in ("x", "y"):
        server.post("/v1/events", {"type": "identify", "userId": who + name, "anonymousId": tablet})
        server.post("/v1/events", {"type": "track", "anonymousId": tablet, "event": "Seen " + name})

    first, second = (server.get(f"/v1/profiles/{who}{name}").json for name in ("x", "y"))

    assert (first["id"], "seen_y" in first["events"], first["events"]["seen_x"]["count"]) == (who + "x", False, 1)
    assert (second["id"], "seen_x" in second["events"], second["events"]["seen_y"]["count"]) == (who + "y", False, 1)


def test_what_is_heard_of_an_address_is_the_user_s_who_has_it(server, who):
    address = who + "@Shop.example"
    server.post("/v1/events", {"type": "identify", "userId": who, "traits": {"email": address}})

    by_address = server.post("/v1/decisions", {"profile": "email:" + address.upper(), "placements": ["hero"], "send": who}).json
    by_user = server.post("/v1/decisions", {"profile": who, "placements": ["hero"], "send": who}).json

    assert by_address["decision_id"] == by_user["decision_id"]


def test_events_are_counted_once_and_bad_ones_harm_no_neighbour(server, who):
    good = track(who, "Seen", ago(hours=1))
    bad = [{}, 7, {**good, "timestamp": "yesterday"}, {**good, "timestamp": "2099-01-01"}, {"type": "track", "event": "x"}, {**good, "messageId": "z", "properties": {"x": "y" * 40_000}}]

    answer = server.post("/v1/events", {"batch": [good, *bad, good]}).json

    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert [row["reason"] for row in answer["rejected"]] == ["invalid", "invalid", "invalid", "future", "no_identity", "too_large"]


def test_an_erased_person_is_treated_as_unknown_and_takes_nothing_more(server, who):
    shoe_browser(server, who)
    server.call("DELETE", f"/v1/profiles/{who}")

    dropped = server.post("/v1/events", track(who, "Seen", ago(hours=1))).json
    answer = server.get(f"/v1/placements/hero.json?profile={who}&send=e&ctx.stock=1")

    assert dropped["rejected"][0]["reason"] == "erased"
    assert (answer.status, answer.json["offer"], server.get(f"/v1/profiles/{who}").status) == (200, None, 404)


@pytest.mark.parametrize("body,status", [
    (b"{", 400), (b"[" * 1_000 + b"]" * 1_000, 400), (b'{"a":' * 40 + b"1" + b"}" * 40, 400), (b"\xff\xfe", 400), (b"[]", 422), (b"7", 422),
    (b'{"placements":["hero"],"nope":1}', 422), (b'{"placements":"hero"}', 422), (b'{"placements":["nope"]}', 404),
    (b'{"placements":["hero"],"mail":"nope"}', 404), (b'{"placements":["hero"],"profile":7}', 422),
    (b'{"placements":["hero"],"at":"soon"}', 422), (b'{"placements":["hero"],"surface":"fax"}', 422),
    (b'{"placements":["hero"],"profile":"' + b"x" * 10_000 + b'"}', 422), (b'{"x":"' + b"y" * (5 << 20) + b'"}', 413),
])
def test_bad_bodies_get_a_clear_refusal(server, body, status):
    answer = server.post("/v1/decisions", body)

    assert answer.status == status
    assert answer.json["error"]["message"]


@pytest.mark.parametrize("query", ["profile=ann@shop.example", "profile=email:ann@shop.example", "profile=" + "x" * 10_000, "profile=%00", "profile=%ff%fe"])
def test_an_unusable_id_in_a_content_url_gets_the_fallback_and_is_never_echoed(server, query):
    answer = server.get(f"/v1/placements/hero.json?{query}")

    assert (answer.status, answer.headers["x-inlay-degraded"], answer.json["offer"]) == (200, "profile", None)
    assert "ann" not in answer.text and "xxx" not in answer.text


@pytest.mark.parametrize("path", ["/v1/placements/nope.html", "/v1/placements/hero.pdf", "/v1/placements/hero", "/nowhere", "/v1/placements/hero.html?mail=nope"])
def test_unknown_things_are_a_404_in_the_one_shape_of_errors(server, path):
    answer = server.get(path)

    assert (answer.status, set(answer.json["error"])) == (404, {"code", "message", "problems"})


def test_a_changed_file_is_served_by_itself_and_a_broken_one_leaves_the_last_good(server, who):
    rules = server.content / "rules" / "shop.yaml"
    good = rules.read_text()
    before = server.get("/readyz").json["content"]["version"]

    rules.write_text(good.replace("block: hero_generic", "block: hero_crad"))
    server.until(lambda: server.get("/readyz").json["content"]["problems"], 20)
    broken = server.get("/readyz").json["content"]
    rules.write_text(good.replace("headline: Hats", "headline: Caps"))
    server.until(lambda: server.get("/readyz").json["content"]["version"] != before, 20)

    assert broken["version"] == before
    assert 'did you mean "hero_card"' in " ".join(broken["problems"])
    rules.write_text(good)
    server.until(lambda: server.get("/readyz").json["content"]["version"] == before, 20)


def test_metrics_count_decisions_and_name_the_content(server, who):
    server.get(f"/v1/placements/hero.html?profile={who}")

    text = server.get("/metrics").text

    assert 'inlay_decisions_total{offer="",placement="hero",reason="fallback"}' in text
    assert "inlay_request_seconds_bucket" in text and "inlay_content_info{version=" in text


def test_metrics_time_every_route_the_store_and_the_models(server, who):
    shoe_browser(server, who)
    server.get(f"/v1/placements/hero.html?profile={who}&ctx.stock=1")
    server.get("/v1/placements/hero.html")
    server.get(f"/v1/profiles/{who}")

    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(server.get("/metrics").text) for sample in family.samples
    }

    assert found["inlay_request_seconds_sum", "profiles"] > 0
    assert found["inlay_store_seconds_count", "read"] >= 2
    assert found["inlay_store_seconds_count", "apply"] >= 1
    assert found["inlay_events_total", "accepted"] >= 1
    assert found["inlay_fallbacks_total", "hero", "rules"] >= 1


def test_a_killed_redis_costs_no_answer_and_comes_back_with_what_it_acknowledged(server, who):
    shoe_browser(server, who)
    os.kill(server.redis_pid(), signal.SIGKILL)

    during = [server.get(f"/v1/placements/hero.json?profile={who}&ctx.stock=1").status for _ in range(5)]
    server.until(lambda: server.get(f"/v1/placements/hero.json?profile={who}&ctx.stock=1").json["offer"] == "shoes_15", 20)

    assert during == [200] * 5
    assert 'inlay_respawns_total{process="redis"} 1.0' in server.get("/metrics").text


def test_a_hung_redis_costs_no_answer(server, who):
    shoe_browser(server, who)
    pid = server.redis_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        answers = [server.get(f"/v1/placements/hero.json?profile={who}&ctx.stock=1") for _ in range(10)]
        waiting = server.post("/v1/events", track(who, "Seen", ago(hours=1)))
    finally:
        os.kill(pid, signal.SIGCONT)

    assert {answer.status for answer in answers} == {200}
    assert {answer.headers["x-inlay-degraded"] for answer in answers} == {"store"}
    assert (waiting.status, waiting.json["spooled"]) == (202, 1)
    server.until(lambda: server.get(f"/v1/placements/hero.json?profile={who}&ctx.stock=1").json["offer"] == "shoes_15", 20)
