"""The page at `/` in a real browser: that it comes, from where, and that it can be read."""

from __future__ import annotations

import pytest

from tests.browser.conftest import NARROW, WIDE, watched
from tests.stories.server import ROOT, Server

pytestmark = pytest.mark.long

KEY = "an-admin-key-of-the-test-that-is-long-enough"
VIEWS = ["/", "/?person=mara", "/?person=layla&surface=amp", "/?surface=text", "/?person=jonas&surface=json&clock=14d"]

CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data] };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = element => { for (let at = element; at; at = at.parentElement) { const c = rgba(getComputedStyle(at).backgroundColor); if (c[3] === 255) return c } return rgba("white") };
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({visibilityProperty: true, opacityProperty: true}) || element.closest("noscript, option")) continue;
    const [one, other] = [light(rgba(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    if ((one + .05) / (other + .05) < 4.5) found.push([node.data.trim().slice(0, 40), element.className, ((one + .05) / (other + .05)).toFixed(2)]);
  }
  return found;
}"""
SHIFTS = """() => new Promise(resolve => new PerformanceObserver(list => resolve(list.getEntries().map(each => [each.value, each.sources.map(s => s.node?.className ?? "")])))
  .observe({type: "layout-shift", buffered: true}) || setTimeout(() => resolve([]), 300))"""


@pytest.mark.parametrize("address", VIEWS)
def test_the_page_comes_without_a_complaint_and_from_this_server_alone(wide, address):
    wide.open(address)

    assert (wide.complaints, wide.foreign) == ([], [])


def test_the_first_page_shows_twelve_mails_side_by_side_each_with_its_reasons(wide):
    page = wide.open()

    assert page.locator(".card iframe").count() == 12
    assert page.locator(".card .why li:empty").count() == 0
    assert page.get_by_role("link", name="API docs").get_attribute("href") == "/docs"


def test_the_mails_differ_and_the_heading_says_how_much(wide):
    page = wide.open()

    assert page.locator("h1").inner_text().startswith("One newsletter, twelve people, ")
    assert page.frame_locator(".card:has-text('Mara') iframe").locator("body").inner_text() != page.frame_locator(".card:has-text('Jonas') iframe").locator("body").inner_text()


@pytest.mark.parametrize("address", VIEWS)
def test_nothing_shifts_while_the_page_comes(wide, address):
    page = wide.open(address)

    assert page.evaluate(SHIFTS) == []


@pytest.mark.parametrize("address", VIEWS)
def test_a_phone_needs_no_sideways_scrolling(narrow, address):
    page = narrow.open(address)

    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["/?clock=3d", "/?person=aiko"])
def test_every_text_that_is_drawn_stands_out_by_4_5_to_1(browser, demo, address, scheme, size):
    seen = watched(browser, demo, viewport=size, color_scheme=scheme)
    page = seen.open(address)

    assert page.evaluate(CONTRASTS) == []
    page.close()


def test_a_mail_in_its_frame_can_run_nothing_and_reach_nothing(wide):
    page = wide.open("/?person=mara")
    frame = page.locator(".mail iframe")

    assert frame.get_attribute("sandbox") == ""
    assert page.evaluate("document.querySelector('.mail iframe').contentDocument") is None


def test_what_is_known_of_a_person_never_becomes_markup(browser, demo):
    evil = "<img src=x onerror=document.title='owned'>"
    demo.post("/v1/events", {"batch": [
        {"type": "identify", "userId": "evil", "traits": {"city": evil, "first_name": evil}, "messageId": "e1"},
        {"type": "track", "userId": "evil", "event": "Product Viewed", "properties": {"name": evil, "category": evil}, "messageId": "e2"},
    ]})
    seen = watched(browser, demo)

    page = seen.open("/?people=evil,%3Cb%3Ebold%3C%2Fb%3E&person=evil")

    assert f"viewed {evil}" in page.locator(".reasons").inner_text()
    assert (page.locator("img[onerror], .persons b").count(), page.title()) == (0, "evil · Inlay")
    page.close()


def test_with_keys_a_browser_signs_in_once_for_all_that_the_page_asks(browser):
    server = Server.of(ROOT, INLAY_DEMO="true", INLAY_ADMIN_KEY=KEY)
    seen = watched(browser, server, http_credentials={"username": "me", "password": KEY})
    server.until(lambda: server.get("/v1/placements/grid.json?profile=jonas", Authorization=f"Bearer {KEY}").json["offer"] is not None, 15)

    page = seen.open("/?person=mara")

    assert "Mara" in page.locator(".mail h1").inner_text()
    assert seen.complaints == []
    page.close()
    server.close()
