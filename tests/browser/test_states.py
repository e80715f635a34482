"""What the page shows when there is nobody, when something fails, and when the content changes under it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.browser.conftest import watched
from tests.stories.server import ROOT, Server

pytestmark = pytest.mark.long


@pytest.fixture
def bare(chromium) -> Iterator[Server]:
    """The starter content without the invented shop."""
    server = Server.of(ROOT)
    yield server
    server.close()


def test_a_server_without_people_says_how_to_show_one(browser, bare):
    seen = watched(browser, bare)
    page = seen.open()

    page.get_by_label("Show a person by user id").fill("u1")
    page.keyboard.press("Enter")
    page.locator(".card iframe").wait_for()

    assert page.locator(".card h2").inner_text() == "u1"
    assert seen.complaints == []
    page.close()


def test_while_the_mails_are_being_decided_their_places_are_kept(wide):
    page = wide.page
    page.route("**/studio/people.json", lambda route: None)

    page.goto(wide.base + "/")
    page.locator(".card .waiting").first.wait_for()

    assert page.locator(".card").count() == 8


def test_a_failure_is_told_with_the_servers_words_and_can_be_tried_again(wide):
    page = wide.page
    refused = json.dumps({"error": {"code": "starting", "message": "no content yet", "problems": []}})
    page.route("**/studio/people.json", lambda route: route.fulfill(status=503, body=refused), times=1)
    page.goto(wide.base + "/")
    told = page.locator("main .notice").inner_text()

    page.get_by_role("button", name="Try again").click()
    wide.settle()

    assert "no content yet" in told
    assert page.locator(".card iframe").count() == 12


def test_one_mail_that_fails_leaves_the_others(wide):
    page = wide.page
    page.route("**/studio/decision.json", lambda route: route.abort(), times=1)

    wide.open()

    assert (page.locator(".card iframe").count(), page.locator(".card .notice").count()) == (11, 1)


def test_a_server_that_stops_and_comes_back_is_noticed_both_times(browser, bare):
    seen = watched(browser, bare)
    page = seen.open("/?people=u1")
    bare.stop()
    page.get_by_text("Out of reach").wait_for(timeout=10_000)

    bare.start()

    page.get_by_text("Out of reach").wait_for(state="hidden", timeout=10_000)
    page.close()


def test_a_saved_rule_is_shown_without_a_reload_and_a_broken_one_is_named(browser, bare):
    seen = watched(browser, bare)
    page = seen.open("/?people=u1")
    block = bare.content / "blocks" / "hero_generic" / "block.yaml"
    rules = bare.content / "rules" / "extra.yaml"
    block.write_text(block.read_text().replace("Winter light", "Summer night"))
    page.locator(".card iframe").last.content_frame.get_by_text("Summer night").first.wait_for(timeout=15_000)

    rules.write_text("segments: {odd: {feld: profile.tier}}\n")

    page.get_by_text("The changed content is not served").wait_for(timeout=15_000)
    assert "rules/extra.yaml:1" in page.locator("#banner").inner_text()
    page.close()
