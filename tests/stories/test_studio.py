"""The page at `/` and what it asks for, over the real server."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.stories.server import Server

ADMIN = "an-admin-key-of-the-test-that-is-long-enough"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server.of()
    running.call("PUT", "/v1/items/cap", {"name": "Wool cap", "price": 19.0, "category": "hats"})
    running.post("/v1/events", {"type": "track", "userId": "u1", "event": "Product Viewed", "properties": {"category": "hats", "product_id": "cap"}})
    running.until(lambda: running.post("/v1/recommendations", {"from": "catalogue"}).json["items"], 20)
    yield running
    running.close()


@pytest.fixture(scope="module")
def locked() -> Iterator[Server]:
    running = Server.of(INLAY_ADMIN_KEY=ADMIN)
    yield running
    running.close()


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


def test_the_page_may_run_its_own_scripts_only_and_be_framed_by_nobody(server):
    policy = server.get("/").headers["content-security-policy"]

    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_a_mail_is_framed_without_scripts_whatever_is_in_it(server):
    answer = server.get("/studio/mail.html?profile=u1&placements=hero")

    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'")
    assert "<html" in answer.text


def test_an_asset_is_sent_once_and_then_known_by_its_tag(server):
    first = server.get("/studio/assets/main.js")
    again = server.get("/studio/assets/main.js", If_None_Match=first.headers["etag"])

    assert (first.status, first.headers["content-type"], again.status, again.body) == (200, "text/javascript; charset=utf-8", 304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "..%2froutes.py", "page.html"])
def test_nothing_but_assets_is_served_as_one(server, name):
    assert server.get(f"/studio/assets/{name}").status == 404


def test_the_decision_of_the_page_is_the_one_that_the_api_gives(server):
    body = {"profile": "u1", "placements": ["hero"], "surface": "html", "explain": True, "at": server.get("/v1/placements/hero.json").json["decided_at"]}

    shown, given = server.post("/studio/decision.json", body).json["decision"], server.post("/v1/decisions", body).json

    assert {**shown, "decision_id": ""} == {**given, "decision_id": ""}


def test_the_page_says_in_words_why_an_offer_was_chosen_and_what_the_person_did(server):
    shown = server.post("/studio/decision.json", {"profile": "u1", "placements": ["hero"], "explain": True}).json

    assert shown["decision"]["placements"]["hero"]["offer"] == "hats"
    assert shown["why"]["placements"]["hero"]["reasons"] == ["product_viewed where category is hats in the last 48 hours"]
    assert [each["text"] for each in shown["lately"]] == ["viewed Wool cap"]
    assert shown["took_ms"] > 0


def test_a_preview_is_never_recorded(server):
    shown = server.post("/studio/decision.json", {"profile": "u1", "placements": ["hero"]}).json["decision"]

    assert server.get(f"/v1/decisions/{shown['decision_id']}").status == 404


def test_the_frame_shows_the_very_decision_that_was_explained(server):
    shown = server.post("/studio/decision.json", {"profile": "u1", "placements": ["hero"], "surface": "html"}).json["decision"]

    framed = server.get(f"/studio/mail.html?profile=u1&placements=hero&decision={shown['decision_id']}").text

    assert shown["placements"]["hero"]["content"] in framed


def test_what_cannot_be_shown_says_why_in_the_frame(server):
    answers = [server.get(f"/studio/mail.html?{query}") for query in ("profile=u1&mail=nope", "profile=a%40b.example&placements=hero", "profile=u1&placements=nope")]

    assert [answer.status for answer in answers] == [404, 422, 404]
    assert "there are: hero" in answers[2].text


def test_a_browser_without_a_key_is_asked_for_one_as_password(locked):
    pages = [locked.get(path) for path in ("/", "/docs", "/studio/mail.html?profile=u1")]

    assert [page.status for page in pages] == [401] * 3
    assert {page.headers["www-authenticate"] for page in pages} == {'Basic realm="inlay", charset="UTF-8"'}


def test_a_browser_that_gives_the_key_is_let_in_everywhere(locked):
    paths = ("/", "/docs", "/openapi.json", "/studio/people.json", "/studio/mail.html?profile=u1&placements=hero")

    assert [locked.get(path, Authorization=basic(ADMIN)).status for path in paths] == [200] * 5


@pytest.mark.parametrize("path", ["/studio/people.json", "/openapi.json"])
def test_what_the_page_asks_for_needs_a_key_too(locked, path):
    assert locked.get(path).status == 401
    assert locked.post("/studio/decision.json", {"profile": "u1", "placements": ["hero"]}).status == 401


@pytest.mark.parametrize("site,status", [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403)])
def test_another_site_cannot_use_the_key_that_a_browser_remembers(locked, site, status):
    answer = locked.post("/v1/decisions", {"profile": "u1", "placements": ["hero"]}, Authorization=basic(ADMIN), Sec_Fetch_Site=site)

    assert answer.status == status


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_link_on_another_site_may_lead_here(server, locked, path):
    assert server.get(path, Sec_Fetch_Site="cross-site").status == 200
    assert locked.get(path, Sec_Fetch_Site="cross-site", Authorization=basic(ADMIN)).status == 200


@pytest.mark.parametrize("site,status", [("same-origin", 200), ("cross-site", 403)])
def test_another_site_cannot_write_to_a_server_in_development_mode(server, site, status):
    event = {"type": "track", "userId": "u2", "event": "Seen"}

    assert server.call("POST", "/v1/events", event, Sec_Fetch_Site=site).status == status
