"""A shop's page on another origin, with the script in it, in a real browser: what arrives, when, how often, and what stays behind."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.stories.server import Server

pytestmark = pytest.mark.long

ADMIN = "the-key-of-the-container"
BODY = """<!doctype html><title>Shoes for jane@shop.example</title><body style="height:4000px">
<button data-inlay-event="Product Added" data-inlay-product-id="fjell" data-inlay-category="shoes"><b>Add</b></button>
<script async src="%s/v1/inlay.js" data-key="%s" %s></script>"""
STORED = "JSON.stringify({...localStorage}) + document.cookie"
VIEWS = {"page_viewed": 1}


@dataclass
class Shop:
    """The shop's own web server, its Inlay, and what Inlay heard."""

    server: Server
    origin: str
    secret: str

    def heard(self, page: Any) -> dict[str, int]:
        """Event -> how often, of the page's anonymous id."""
        me = page.evaluate("JSON.parse(localStorage.inlay || '{}').id")
        told = self.server.get(f"/v1/profiles/anonymous_id:{me}", Authorization=f"Bearer {ADMIN}").json
        return {name: row["count"] for name, row in told.get("events", {}).items()}

    def until(self, page: Any, expected: dict[str, int]) -> None:
        self.server.until(lambda: self.heard(page) == expected, 15)

    def kept(self, page: Any, event: str) -> dict[str, Any]:
        """Properties of the newest such event."""
        me = page.evaluate("JSON.parse(localStorage.inlay).id")
        told = self.server.get(f"/v1/profiles/anonymous_id:{me}/events", Authorization=f"Bearer {ADMIN}").json
        return next(row["properties"] for row in told["events"] if row["event"] == event)

    def open(self, context: Any, path: str = "/shoes") -> Any:
        page = context.new_page()
        page.goto(self.origin + path, wait_until="load")
        page.wait_for_function("!!window.inlay?.track")
        return page

    def proof(self, user: str) -> str:
        return hmac.new(self.secret.encode(), user.encode(), hashlib.sha256).hexdigest()


def pages_with(inlay: str, key: str) -> type[BaseHTTPRequestHandler]:
    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (BODY % (inlay, key, 'data-consent="granted"' if self.path.startswith("/agreed") else "")).encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Pages


@pytest.fixture(scope="module")
def shop(chromium: str) -> Iterator[Shop]:
    server = Server.of(INLAY_ADMIN_KEY=ADMIN)
    web = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    origin = f"http://127.0.0.1:{web.server_address[1]}"
    command = [sys.executable, "-m", "app", "keys", "create", "--name", "shop", "--scope", "web", "--origin", origin, "--data", str(server.data)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    key = made.stdout.strip()
    web.RequestHandlerClass = pages_with(f"http://localhost:{server.port}", key)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    server.until(lambda: server.post(f"/v1/events?key={key}", {"batch": []}, Origin=origin).status == 200, 20)
    yield Shop(server, origin, made.stderr.split()[-1])
    web.shutdown()
    server.close()


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    running = browser.new_context(viewport={"width": 900, "height": 700})
    yield running
    running.close()


def sent(page: Any) -> list[dict[str, Any]]:
    """Events of the calls that the page makes from now on."""
    found: list[dict[str, Any]] = []
    page.on("request", lambda request: found.extend(json.loads(request.post_data or "{}").get("batch", [])) if "/v1/events" in request.url else None)
    return found


def test_before_consent_nothing_is_sent_or_stored(shop, context):
    page = shop.open(context)
    events = sent(page)

    page.locator("button").click()
    page.mouse.wheel(0, 2_000)
    page.evaluate("inlay.track('Seen')")
    page.wait_for_timeout(1_200)
    page.goto("about:blank")

    assert events == []
    page.goto(shop.origin + "/other")
    assert (page.evaluate(STORED), context.cookies()) == ("{}", [])


def test_what_happens_after_consent_arrives_once_and_no_cookie_is_set(shop, context):
    page = shop.open(context, "/shoes?email=a@b.example&utm_source=news&utm_campaign=autumn")
    page.evaluate("inlay.track('Before')")
    page.evaluate("inlay.push(['consent', true]); inlay.push(['consent', true])")

    page.locator("button b").click()
    page.evaluate("inlay.track('Product Viewed', {product_id: 'fjell'})")

    shop.until(page, {"page_viewed": 1, "product_added": 1, "product_viewed": 1})
    assert shop.kept(page, "product_added") == {
        "product_id": "fjell", "category": "shoes", "_url": f"{shop.origin}/shoes", "_utm_source": "news", "_utm_campaign": "autumn",
    }
    assert context.cookies() == []


def test_scrolling_and_the_rest_go_by_beacon_when_the_page_is_left(shop, context):
    page = shop.open(context, "/agreed")
    shop.until(page, VIEWS)
    page.mouse.wheel(0, 2_100)
    page.wait_for_function("scrollY > 2000")
    page.wait_for_timeout(200)

    page.evaluate("inlay.track('Last Word')")
    page.goto(shop.origin + "/next")

    page.wait_for_function("!!window.inlay?.track")
    shop.until(page, {"page_viewed": 2, "page_scrolled": 1, "last_word": 1})
    assert shop.kept(page, "page_scrolled") == {"depth": 50, "_url": f"{shop.origin}/agreed"}


def test_consent_is_remembered_and_may_be_taken_back_with_all_that_was_stored(shop, context):
    page = shop.open(context, "/agreed")
    shop.until(page, VIEWS)
    again = shop.open(context, "/plain")
    shop.until(again, {"page_viewed": 2})
    events = sent(again)

    again.evaluate("inlay.consent(false); inlay.track('After')")

    again.wait_for_timeout(1_000)
    assert (events, again.evaluate(STORED)) == ([], "{}")


def test_what_happens_offline_arrives_once_when_the_connection_is_back(shop, context):
    page = shop.open(context, "/agreed")
    shop.until(page, VIEWS)
    context.set_offline(True)

    page.evaluate("for (let at = 0; at < 30; at++) inlay.track('Tapped', {at})")
    waiting = page.evaluate("JSON.parse(localStorage['inlay.left']).length")
    context.set_offline(False)

    shop.until(page, {"page_viewed": 1, "tapped": 30})
    page.wait_for_function("!localStorage['inlay.left']")
    assert waiting == 30


def test_a_page_that_is_closed_offline_leaves_its_events_to_the_next(shop, context):
    page = shop.open(context, "/agreed")
    shop.until(page, VIEWS)
    context.set_offline(True)
    page.evaluate("inlay.track('Tapped')")
    page.close(run_before_unload=False)
    context.set_offline(False)

    later = shop.open(context, "/later")

    shop.until(later, {"page_viewed": 2, "tapped": 1})


def test_what_waits_offline_is_bounded(shop, context):
    page = shop.open(context, "/agreed")
    shop.until(page, VIEWS)
    context.set_offline(True)

    page.evaluate("for (let at = 0; at < 300; at++) inlay.track('Tapped', {at})")

    assert page.evaluate("(all => [all.length, all[0].properties.at])(JSON.parse(localStorage['inlay.left']))") == [200, 100]


def test_a_server_that_fails_is_asked_again_and_each_event_counts_once(shop, context):
    page = shop.open(context, "/agreed")
    shop.until(page, VIEWS)
    page.route("**/v1/events*", lambda route: route.fulfill(status=503, body="{}"), times=1)

    page.evaluate("inlay.track('Tapped')")

    shop.until(page, {"page_viewed": 1, "tapped": 1})


def test_an_answer_that_is_lost_makes_no_event_count_twice(shop, context):
    page = shop.open(context, "/agreed")
    shop.until(page, VIEWS)
    answers: list[int] = []

    def lose(route: Any) -> None:
        answers.append(route.fetch().status)
        route.abort()

    page.route("**/v1/events*", lose, times=1)
    events = sent(page)
    page.evaluate("inlay.track('Tapped')")

    page.wait_for_timeout(2_500)
    assert (answers, Counter(event["event"] for event in events), shop.heard(page)["tapped"]) == ([200], {"Tapped": 2}, 1)


def test_pages_without_a_load_are_viewed_too(shop, context):
    page = shop.open(context, "/agreed")
    page.evaluate("history.pushState({}, '', '/agreed/boots'); history.pushState({}, '', '/agreed/boots?size=42'); history.replaceState({}, '', '/agreed/boots?size=43')")
    shop.until(page, {"page_viewed": 2})

    page.evaluate("history.go(-2)")

    shop.until(page, {"page_viewed": 3})
    assert shop.kept(page, "page_viewed") == {"path": "/agreed", "_url": f"{shop.origin}/agreed"}


def test_a_user_with_a_proof_gets_the_past_and_the_next_user_does_not(shop, context):
    page = shop.open(context, "/agreed")
    shop.until(page, VIEWS)

    page.evaluate("([user, hash]) => { inlay.identify(user, hash); inlay.identify(user, hash) }", ["first", shop.proof("first")])
    shop.until(page, {"page_viewed": 1, "identify": 1})
    page.evaluate("([user, hash]) => inlay.identify(user, hash)", ["second", shop.proof("second")])
    shop.until(page, {"identify": 1})

    assert shop.server.get("/v1/profiles/first", Authorization=f"Bearer {ADMIN}").json["events"].keys() == {"page_viewed", "identify"}
    assert shop.server.get("/v1/profiles/second", Authorization=f"Bearer {ADMIN}").json["events"].keys() == {"identify"}


def test_a_user_without_a_proof_is_refused_and_nothing_else_is_lost(shop, context):
    page = shop.open(context, "/agreed")

    page.evaluate("inlay.track('One'); inlay.identify('first', 'made up'); inlay.track('Two')")

    shop.until(page, {"page_viewed": 1, "one": 1, "two": 1})


def test_a_browser_that_asks_not_to_be_tracked_is_not_whatever_the_page_says(shop, context):
    context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    page = shop.open(context, "/agreed")
    events = sent(page)

    page.evaluate("inlay.consent(true); inlay.track('Seen')")

    page.wait_for_timeout(1_000)
    assert (events, page.evaluate(STORED)) == ([], "{}")


def test_a_page_that_may_store_nothing_works_all_the_same(shop, context):
    context.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})")
    page = shop.open(context, "/agreed")
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    events = sent(page)

    page.evaluate("inlay.track('Seen'); inlay.identify('u', 'x'); inlay.reset(); inlay.push(['nothing']); inlay.push(['track', 'Large', {x: 'y'.repeat(9000)}])")

    page.wait_for_timeout(1_500)
    assert (complaints, {event.get("event") for event in events} >= {"Seen"}) == ([], True)
