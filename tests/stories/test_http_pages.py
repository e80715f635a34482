"""What web pages load and send: the script, public keys, proofs, CORS, limits, the pixel."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import re
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.stories.server import Answer, Server
from tests.stories.typed import typed

ADMIN = "the-key-of-the-container"
SHOP, OTHER = "https://shop.example", "https://evil.example"
GIF = b"GIF89a"


@dataclass
class Web:
    """A page of the shop: its key, and the secret that the shop's server has."""

    server: Server
    key: str
    secret: str

    def send(self, body: Any, key: str | None = None, origin: str | None = SHOP, **headers: str) -> Answer:
        said = {"Origin": origin, "Content-Type": "text/plain;charset=UTF-8", **headers} if origin else headers
        return self.server.post(f"/v1/events?key={self.key if key is None else key}", body, **said)

    def proof(self, user: str) -> str:
        return hmac.new(self.secret.encode(), user.encode(), hashlib.sha256).hexdigest()

    def count(self, who: str, event: str) -> int:
        told = self.server.get(f"/v1/profiles/{who}", Authorization=f"Bearer {ADMIN}").json
        return told.get("events", {}).get(event, {}).get("count", 0)

    def calls(self, call: str, outcome: str) -> int:
        text = self.server.get("/metrics", Authorization=f"Bearer {ADMIN}").text
        found = re.search(rf'^inlay_page_calls_total{{call="{call}",outcome="{outcome}"}} (\d+)', text, re.MULTILINE)
        return int(found[1]) if found else 0


def inlay(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return typed(*words, "--data", server.data, seconds=30)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    server = Server.of(INLAY_ADMIN_KEY=ADMIN)
    made = inlay(server, "keys", "create", "--name", "shop", "--scope", "web", "--origin", SHOP, "http://localhost:3000")
    page = Web(server, made.stdout.strip(), made.stderr.split()[-1])
    server.until(lambda: page.send({"batch": []}).status == 200, 20)
    yield page
    server.close()


@pytest.fixture
def own() -> str:
    return uuid.uuid4().hex


def viewed(own: str, **more: object) -> dict:
    return {"type": "track", "event": "Product Viewed", "anonymousId": own, "messageId": "m", **more}


def test_a_page_s_events_are_known_at_once_and_count_once(web, own):
    first, again = web.send({"batch": [viewed(own)]}), web.send({"batch": [viewed(own)]})

    assert (first.json, again.json["duplicates"], web.count(f"anonymous_id:{own}", "product_viewed")) == ({"accepted": 1, "duplicates": 0, "rejected": []}, 1, 1)
    assert (first.headers["access-control-allow-origin"], first.headers["vary"], "set-cookie" in first.headers) == (SHOP, "Origin", False)


def test_an_identify_with_a_proof_makes_the_past_the_user_s(web, own):
    user = f"jörg-{own[:6]}"
    web.send({"batch": [viewed(own)]})

    answer = web.send({"type": "identify", "anonymousId": own, "userId": user, "userHash": web.proof(user)})

    assert (answer.json["accepted"], web.count(f"anonymous_id:{own}", "product_viewed")) == (1, 1)
    assert web.server.get(f"/v1/profiles/anonymous_id:{own}", Authorization=f"Bearer {ADMIN}").json["id"] == user


@pytest.mark.parametrize("said,status,outcome", [
    ({"key": "inlay_web_nobodys"}, 401, "wrong_key"), ({"key": ADMIN}, 401, "wrong_key"), ({"origin": OTHER}, 403, "wrong_origin"), ({"origin": None}, 403, "wrong_origin"), ({"origin": "null"}, 403, "wrong_origin"),
    ({"origin": SHOP + ":444"}, 403, "wrong_origin"), ({"origin": "http://shop.example"}, 403, "wrong_origin"),
])
def test_a_wrong_key_or_origin_is_refused_counted_and_gets_no_leave_to_read(web, own, said, status, outcome):
    before = web.calls("events", outcome)

    answer = web.send({"batch": [viewed(own)]}, **said)

    assert (answer.status, answer.json["error"]["code"], web.calls("events", outcome)) == (status, outcome, before + 1)
    assert "access-control-allow-origin" not in answer.headers
    assert web.count(f"anonymous_id:{own}", "product_viewed") == 0


@pytest.mark.parametrize("more,status,outcome", [
    ({"type": "identify", "userId": "u1", "userHash": "0" * 64}, 403, "forged"), ({"type": "identify", "userId": "u1"}, 403, "forged"), ({"userId": "u1"}, 403, "not_allowed"),
    ({"type": "alias", "userId": "u1", "previousId": "u2"}, 403, "not_allowed"), ({"anonymousId": "1"}, 422, "invalid"),
])
def test_what_a_page_may_not_say_takes_nothing_of_the_call(web, own, more, status, outcome):
    before = web.calls("events", outcome)

    answer = web.send({"batch": [viewed(own), viewed(own, messageId="n", **more)]})

    assert (answer.status, answer.json["error"]["code"], web.calls("events", outcome)) == (status, outcome, before + 1)
    assert (answer.headers["access-control-allow-origin"], web.count(f"anonymous_id:{own}", "product_viewed")) == (SHOP, 0)


@pytest.mark.parametrize("body,status", [
    (b"", 400), (b"{", 400), (b"\xff\xfe", 400), (b"[]", 422), (b'{"batch": 7}', 422), (b'{"batch": [null]}', 422), (b"[" * 40 + b"]" * 40, 400), (b'{"x": "' + b"y" * 70_000 + b'"}', 413),
])
def test_a_body_that_is_none_is_refused_in_words_that_the_page_may_read(web, body, status):
    answer = web.send(body)

    assert (answer.status, answer.headers["access-control-allow-origin"], "www-authenticate" in answer.headers) == (status, SHOP, False)


def test_an_event_that_is_wrong_does_not_hinder_its_neighbours(web, own):
    answer = web.send({"batch": [viewed(own), viewed(own, messageId="n", event=""), viewed(own, messageId="o", properties={"x": 10**30})]})

    assert (answer.status, answer.json["accepted"], [each["index"] for each in answer.json["rejected"]]) == (200, 1, [1, 2])


def test_one_page_cannot_send_more_than_its_share(web, own):
    batches = [web.send({"batch": [viewed(own, messageId=f"{at}-{number}") for number in range(100)]}) for at in range(4)]

    assert [each.status for each in batches] == [200, 200, 200, 429]
    assert int(batches[-1].headers["retry-after"]) >= 1


def test_a_browser_that_asks_not_to_be_tracked_is_heard(web, own):
    answer = web.send({"batch": [viewed(own)]}, Sec_GPC="1")

    assert (answer.status, [each["reason"] for each in answer.json["rejected"]], web.count(f"anonymous_id:{own}", "product_viewed")) == (200, ["consent"], 0)


def test_a_browser_that_asks_not_to_be_tracked_denies_for_the_user_it_proves(web, own):
    user, admin = "u-" + own, f"Bearer {ADMIN}"
    web.server.call("PUT", f"/v1/profiles/{user}/consents", {"marketing": "granted"}, Authorization=admin)

    web.send({"batch": [{"type": "identify", "anonymousId": own, "userId": user, "userHash": web.proof(user)}]}, Sec_GPC="1")

    told = web.server.get(f"/v1/profiles/{user}/consents", Authorization=admin).json["consents"]["marketing"]
    assert (told["status"], told["source"]) == ("denied", "gpc")


@pytest.mark.parametrize("query,origin,status", [("?key={key}", SHOP, 204), ("", SHOP, 204), ("?key={key}", OTHER, 403), ("", OTHER, 403), ("?key={key}", "null", 403)])
def test_a_preflight_lets_in_exactly_the_key_s_origins(web, query, origin, status):
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}

    answer = web.server.call("OPTIONS", "/v1/events" + query.format(key=web.key), **asked)

    assert (answer.status, answer.headers.get("access-control-allow-origin"), answer.headers["vary"]) == (status, SHOP if status == 204 else None, "Origin")


def test_a_web_key_comes_in_headers_as_well(web, own):
    answer = web.server.post("/v1/events", {"batch": [viewed(own)]}, Origin=SHOP, Authorization=f"Bearer {web.key}")

    assert (answer.status, answer.json["accepted"]) == (200, 1)


@pytest.mark.parametrize("method,path", [("GET", "/v1/placements/hero.html"), ("GET", "/v1/profiles/u1"), ("GET", "/metrics"), ("POST", "/v1/decisions")])
def test_a_web_key_opens_nothing_else(web, method, path):
    assert web.server.call(method, path, {} if method == "POST" else None, Authorization=f"Bearer {web.key}", Origin=SHOP).status == 403


@pytest.mark.parametrize("words", [
    ("--scope", "web"), ("--scope", "web", "events", "--origin", SHOP), ("--scope", "events", "--origin", SHOP), ("--scope", "web", "--origin", "shop.example"), ("--scope", "web", "--origin", "https://*.example"),
])
def test_a_public_key_that_would_open_too_much_or_stands_nowhere_is_not_made(web, words):
    made = inlay(web.server, "keys", "create", "--name", "n", *words)

    assert (made.returncode, made.stdout, made.stderr.startswith("inlay: ")) == (1, "", True)


def test_the_secret_is_shown_once_and_the_list_shows_origins(web):
    listed = inlay(web.server, "keys", "list").stdout

    assert (SHOP in listed, web.secret in listed, web.key in listed) == (True, False, False)


# -- the script ---------------------------------------------------------------------------------------------------------


def test_the_script_comes_small_cacheable_and_for_every_page(web):
    plain, zipped = web.server.get("/v1/inlay.js"), web.server.get("/v1/inlay.js", Accept_Encoding="gzip")

    assert (gzip.decompress(zipped.body), len(zipped.body) < 3_000) == (plain.body, True)
    assert (plain.headers["access-control-allow-origin"], plain.headers["vary"], plain.headers["cache-control"]) == ("*", "Accept-Encoding", "public, max-age=3600")
    assert (plain.headers["etag"] != zipped.headers["etag"], "set-cookie" in plain.headers) == (True, False)


def test_a_browser_that_has_the_script_gets_no_second_copy(web):
    tag = web.server.get("/v1/inlay.js").headers["etag"]

    answer = web.server.get("/v1/inlay.js", If_None_Match=f'"x", W/{tag}')

    assert (answer.status, answer.body, "content-length" in answer.headers) == (304, b"", False)


# -- the pixel ----------------------------------------------------------------------------------------------------------


def test_a_picture_counts_a_view_of_the_page_that_it_stands_in(web, own):
    answer = web.server.get(f"/v1/pixel.gif?key={web.key}&a={own}&m=1", Referer=f"{SHOP}/shoes?email=a@b.example")

    told = web.server.get(f"/v1/profiles/anonymous_id:{own}/events", Authorization=f"Bearer {ADMIN}").json["events"]
    assert (answer.status, answer.body[:6], answer.headers["cache-control"]) == (200, GIF, "no-store, private")
    assert [(each["event"], each["properties"]["_url"]) for each in told] == [("page_viewed", f"{SHOP}/shoes")]


def test_a_picture_in_a_mail_counts_for_the_reader_that_is_proven(web, own):
    web.server.get(f"/v1/pixel.gif?key={web.key}&e=Guide+Read&u={own}&h={web.proof(own)}&p.chapter=2")

    assert web.count(own, "guide_read") == 1


@pytest.mark.parametrize("query,outcome", [
    ("", "wrong_key"), ("key=nope&a={own}", "wrong_key"), ("key={key}&u={own}&h=00", "forged"), ("key={key}", "invalid"), ("key={key}&a={own}&e=Email+Opened", "not_allowed"), ("%ff%00&&==&key=%00", "wrong_key"),
    ("key={key}&a=%F0%9F%98%80", "invalid"),
])
def test_a_picture_is_a_picture_whatever_is_wrong_and_that_is_counted(web, own, query, outcome):
    before = web.calls("pixel", outcome)

    answer = web.server.get("/v1/pixel.gif?" + query.format(key=web.key, own=own))

    assert (answer.status, answer.body[:6], web.calls("pixel", outcome)) == (200, GIF, before + 1)


def test_a_picture_in_a_page_of_another_origin_counts_nothing(web, own):
    answer = web.server.get(f"/v1/pixel.gif?key={web.key}&a={own}", Referer=f"{OTHER}/x")

    assert (answer.status, web.count(f"anonymous_id:{own}", "page_viewed")) == (200, 0)


def test_a_head_of_the_picture_counts_nothing(web, own):
    answer = web.server.call("HEAD", f"/v1/pixel.gif?key={web.key}&a={own}")

    assert (answer.status, answer.body, web.count(f"anonymous_id:{own}", "page_viewed")) == (200, b"", 0)


# -- without keys -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin,status", [("http://localhost:3000", 200), (OTHER, 403), ("null", 403)])
def test_in_development_a_page_of_this_machine_needs_no_key(shop, own, origin, status):
    answer = shop.post("/v1/events", {"batch": [viewed(own)]}, Origin=origin, Sec_Fetch_Site="same-site" if status == 200 else "cross-site")

    assert answer.status == status
