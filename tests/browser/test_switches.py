"""The switches of the page: each works, stands in the address, and can be reached by keyboard."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.long


@pytest.mark.parametrize("label,sign", [("AMP", "<amp-list"), ("Text", "https://nordlys.example/"), ("JSON", '"block":')])
def test_each_surface_shows_what_that_surface_carries(wide, label, sign):
    page = wide.open("/?person=jonas")

    page.get_by_role("radio", name=label, exact=True).check()
    wide.settle()

    assert sign in page.locator(".mail pre").first.inner_text()
    assert f"surface={label.lower()}" in page.url


@pytest.mark.parametrize("width", ["375", "600"])
def test_the_mail_is_laid_out_as_wide_as_the_switch_says(wide, width):
    page = wide.open("/?person=jonas&width=" + ("600" if width == "375" else "375"))

    page.get_by_role("radio", name=width, exact=True).check()
    wide.settle()

    assert page.locator(".mail iframe").evaluate("frame => frame.clientWidth") == int(width)


def test_the_mail_can_be_looked_at_dark_while_the_page_is_light(wide):
    page = wide.open("/?person=jonas")
    ground = "getComputedStyle(document.body).backgroundColor"

    page.get_by_role("radio", name="Dark", exact=True).check()
    wide.settle()

    assert page.frame_locator(".mail iframe").locator("body").evaluate(f"() => {ground}") == "rgb(15, 18, 22)"
    assert page.evaluate(ground) == "rgb(246, 247, 249)"


def test_the_page_can_be_dark_where_the_system_is_light(wide):
    page = wide.open()

    page.get_by_label("Colours of this page").select_option("dark")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 18, 22)"


def test_the_clock_moved_three_days_ahead_changes_the_decision(wide):
    page = wide.open()
    before = page.locator(".card:has-text('Mara') .why").inner_text()

    page.get_by_label("Clock").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    wide.settle()
    page.wait_for_function("() => document.querySelector('h1').textContent.startsWith('In 3 days')")

    assert "shoes_15 in hero" in before
    assert "shoes_15 in hero" not in page.locator(".card:has-text('Mara') .why").inner_text()
    assert page.locator(".card:has-text('Mara') .changed").count() == 1
    assert "clock=3d" in page.url


def test_the_clock_goes_back_to_now(wide):
    page = wide.open("/?clock=3d")

    page.get_by_role("button", name="Now").click()
    wide.settle()

    assert "clock" not in page.url
    assert page.locator(".changed").count() == 0


STATE = "?person=aiko&surface=text&width=375&scheme=dark&theme=dark&clock=7d&people=u9"


def test_every_state_survives_a_reload(wide):
    page = wide.open("/" + STATE)
    shown = "() => [...document.querySelectorAll('input:checked')].map(each => each.value).concat(document.querySelector('output').textContent.slice(0, 16), document.documentElement.dataset.theme, document.querySelector('.mail h1').textContent)"
    before = page.evaluate(shown)

    page.reload()
    wide.settle()

    assert page.evaluate(shown) == before == ["text", "375", "dark", "Clock: in 7 days", "dark", "To Aiko Sato"]
    assert page.url.endswith(STATE)


def test_back_leads_from_a_person_to_everybody(wide):
    page = wide.open("/?surface=text")

    page.get_by_role("link", name="Mara Lindqvist").click()
    wide.settle()
    opened = page.locator(".mail h1").inner_text()
    page.go_back()
    wide.settle()

    assert opened == "To Mara Lindqvist"
    assert page.locator(".card").count() == 12


def test_a_person_is_shown_by_the_id_that_the_shop_knows_them_under(wide, demo):
    demo.post("/v1/events", {"type": "track", "userId": "somebody", "event": "Trial Started", "messageId": "t1"})
    page = wide.open()

    page.get_by_label("Show a person by user id").fill("somebody")
    page.keyboard.press("Enter")
    wide.settle()

    assert page.locator(".card").count() == 13
    assert "trial started" in page.locator(".card:has-text('somebody')").inner_text()


FOCUS = "() => { const at = document.activeElement; return at.name ? `${at.name}` : at.id || at.className || at.textContent.trim().slice(0, 20) || at.tagName }"


def test_everything_side_by_side_is_reached_by_the_tab_key(wide):
    page = wide.open("/?clock=1d")

    reached = [page.keyboard.press("Tab") or page.evaluate(FOCUS) for _ in range(24)]

    assert reached[:10] == ["skip", "brand", "mail", "theme", "API docs", "surface", "width", "scheme", "clock", "Now"]
    assert reached[10:22] == page.locator(".card h2 a").all_inner_texts()
    assert reached[22:] == ["id", "Show"]


def test_a_person_is_opened_by_the_enter_key_and_the_rest_reached_from_there(wide):
    page = wide.open()
    page.locator(".card h2 a").first.focus()

    page.keyboard.press("Enter")
    wide.settle()
    reached = [page.keyboard.press("Tab") or page.evaluate("document.activeElement.tagName + ' ' + document.activeElement.textContent.trim().slice(0, 8)") for _ in range(40)]

    assert reached[0] == "A All side"
    assert "IFRAME " in reached
    assert "BUTTON Copy" in reached


def test_the_command_that_is_copied_gives_the_same_decision(wide, demo):
    page = wide.open("/?person=mara")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="Copy the command").click()
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")

    body = copied.partition("-d '")[2].removesuffix("'")
    assert copied.startswith(f"curl -s http://localhost:{demo.port}/v1/decisions")
    assert demo.call("POST", "/v1/decisions", body.encode()).json["placements"]["hero"]["offer"] == "shoes_15"
