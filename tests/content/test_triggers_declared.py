"""`webhooks:` and `triggers:` of rules/: what is read, what is refused with a place and a hint, and what tests of rules say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from content_shapes import fits
from content_shop import RULES, write_shop

from app.content.check import check
from app.content.load import inspect
from app.content.schema import schemas
from app.content.source import parse_yaml
from app.domain.conditions import LocalTime, Ref
from app.domain.triggers import Limit, Occasion, Send

NOW = 1_760_000_000_000
HOOK = "webhooks: {esp: {url: 'https://hooks.shop.example/in', secret: INLAY_ESP_SECRET}}\n"
CART = "triggers:\n  cart:\n    on: Cart Updated\n    send: {webhook: esp}\n"
DOCS = (Path(__file__).parents[2] / "docs" / "triggers.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)


def problems(folder: Path, more: str) -> list[str]:
    return [str(problem) for problem in inspect(write_shop(folder, RULES, more={"rules/triggers.yaml": more}))[1]]


def test_a_trigger_is_read_with_all_its_keys(tmp_path: Path) -> None:
    more = HOOK + CART + (
        "    after: 1h\n    when: {did_not: order_completed}\n    quiet: {from: '22:00', to: '08:00', days: [sat]}\n"
        "    limit: {max: 2, per: profile, within: 7d}\n"
    )
    more = more.replace("{webhook: esp}", "{webhook: esp, template: cart, vars: {city: {field: profile.city}, n: 1}}")

    definitions, found = inspect(write_shop(tmp_path, RULES, more={"rules/triggers.yaml": more}))

    assert found == []
    assert definitions is not None
    cart = definitions.triggers["cart"]
    assert (cart.on, cart.after, cart.limit) == (Occasion("event", "cart_updated"), 3_600_000, Limit(2, 604_800_000))
    assert cart.send == Send("esp", "", "cart", {"city": Ref(("profile", "city")), "n": 1})
    assert isinstance(cart.quiet, LocalTime)
    assert definitions.webhooks["esp"].url == "https://hooks.shop.example/in"


@pytest.mark.parametrize(("on", "occasion"), [
    ("{enter: shoe_browsers}", Occasion("enter", "shoe_browsers")), ("{leave: shoe_browsers}", Occasion("leave", "shoe_browsers")),
    ("{changed: profile.city}", Occasion("changed", "city")),
])
def test_every_occasion_is_read(tmp_path: Path, on: str, occasion: Occasion) -> None:
    definitions, found = inspect(write_shop(tmp_path, RULES, more={"rules/triggers.yaml": HOOK + CART.replace("Cart Updated", on)}))

    assert found == []
    assert definitions is not None
    assert definitions.triggers["cart"].on == occasion


@pytest.mark.parametrize(("wrong", "said"), [
    (HOOK + CART.replace("Cart Updated", "{enter: shoe_browser}"), 'rules/triggers.yaml:4 triggers.cart.on.enter: no segment "shoe_browser"; did you mean "shoe_browsers"?'),
    (HOOK + CART.replace("Cart Updated", "{changed: profile.address.city}"), "lies inside a trait; a whole trait, such as profile.address"),
    (HOOK + CART.replace("Cart Updated", "{}"), "names no occasion"),
    (HOOK + CART.replace("webhook: esp", "webhook: eps"), 'no webhook "eps"; did you mean "esp"?'),
    (HOOK + CART.replace("{webhook: esp}", "{template: x}"), "goes nowhere"),
    (HOOK + CART.replace("{webhook: esp}", "{webhook: esp, stream: x}"), "goes to two places"),
    (HOOK + CART.replace("{webhook: esp}", "{stream: 'a b'}"), "is no stream"),
    (HOOK + CART + "    limit: {max: 1}\n", "needs a period"),
    (HOOK + CART + "    limit: {max: 0, within: 1d}\n", "a whole number from 1"),
    (HOOK + CART + "    after: 0s\n", "lasts no time"),
    (HOOK + CART + "    quiet: {from: '25:00'}\n", "is no time of day"),
    (HOOK + CART + "    whenn: {}\n", 'unknown key "whenn"; did you mean "when"?'),
    (HOOK.replace("INLAY_ESP_SECRET", "whsec_abc") + CART, "names no variable of the environment"),
    (HOOK.replace("https://hooks.shop.example/in", "ftp://x") + CART, "is no address to call"),
    (HOOK.replace("https://hooks.shop.example/in", "https://u:p@x.example") + CART, "is no address to call"),
    (HOOK.replace("https:", "http:") + CART, "warning: is not encrypted on its way"),
    (HOOK.replace("secret: INLAY_ESP_SECRET", "secret: INLAY_X, timeout: 2m") + CART, "is too long to wait"),
    (HOOK + CART + "tests: [{name: x, triggers: {card: fired}}]\n", 'no trigger "card"; did you mean "cart"?'),
    (HOOK + CART + "tests: [{name: x, triggers: {cart: maybe}}]\n", 'no outcome "maybe"'),
    (HOOK + CART + "tests: [{name: x}]\n", "expects nothing"),
])
def test_a_mistake_is_told_with_its_place_and_a_hint(tmp_path: Path, wrong: str, said: str) -> None:
    assert any(said in each for each in problems(tmp_path, wrong)), problems(tmp_path, wrong)


@pytest.mark.parametrize(("test", "said"), [
    ("{name: a, at: 2026-01-05T12:00:00Z, given: {events: [{event: cart_updated, ago: 2h}]}, triggers: {cart: fired}}", []),
    ("{name: a, at: 2026-01-05T12:00:00Z, given: {events: [{event: cart_updated, ago: 59m}]}, triggers: {cart: silent}}", []),
    ("{name: a, at: 2026-01-05T12:00:00Z, given: {events: [{event: cart_updated, ago: 2h}, {event: order_completed, ago: 90m}]}, triggers: {cart: silent}}", []),
    ("{name: a, at: 2026-01-05T12:00:00Z, given: {events: [{event: cart_updated, ago: 2h}]}, triggers: {cart: silent}}", ["'a': triggers.cart: expected silent, and it fired"]),
    ("{name: a, at: 2026-01-05T12:00:00Z, triggers: {cart: fired}}", ["'a': triggers.cart: expected fired, and it did not fire"]),
])
def test_a_test_of_the_rules_says_what_fires(tmp_path: Path, test: str, said: list[str]) -> None:
    more = HOOK + CART + f"    after: 1h\n    when: {{did_not: order_completed, since: {{last: cart_updated}}}}\ntests: [{test}]\n"

    found = check(write_shop(tmp_path, RULES, more={"rules/triggers.yaml": more}), NOW)

    assert [problem.message for problem in found] == said


def test_the_examples_of_the_page_are_sound_and_fit_the_schema(tmp_path: Path) -> None:
    text = "".join(EXAMPLES)

    assert [problem for problem in check(write_shop(tmp_path, RULES, more={"rules/triggers.yaml": text}), NOW) if not problem.warning] == []
    node = parse_yaml(text.encode(), "", [])
    assert node is not None
    assert fits(node.plain(), schemas()["rules"])
