"""Caps, cool-downs and inventory, tried as a user would: rules with tests beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from content_shop import write_shop

from app.content.check import check

NOW = 1_790_000_000_000
RULES = """\
version: 1
timezone: Europe/Berlin
placements:
  hero: {fallback: {block: plain}}
  side: {fallback: {block: plain}}
offers:
  shoes: {placements: [hero, side], attributes: {category: discount}, block: card, vars: {headline: Shoes}}
  hats: {placements: [hero], priority: -1, attributes: {category: news}, block: card, vars: {headline: Hats}}
"""
CAPPED = "placements: [hero, side], "


def problems(folder: Path, rules: str) -> list[str]:
    write_shop(folder, rules)
    for path in (folder / "models").iterdir():
        path.unlink()
    return [f"{each.key}: {each.message}; {each.hint}".rstrip("; ") for each in check(folder, NOW)]


def tried(folder: Path, key: str, given: str, expect: str, more: str = "") -> list[str]:
    """What a test beside rules does not get: the offer `shoes` has that key."""
    rules = RULES.replace(CAPPED, f"{CAPPED}{key}, " if key else CAPPED)
    test = f"tests:\n  - {{name: it, at: 2026-10-14T09:00:00Z, given: {{{given}}}, expect: {{hero: {{{expect}}}}}}}\n"
    return problems(folder, rules + more + test)


CAP = "caps: [{max: 2, per: profile, within: 7d}]"
ONE = "caps: [{max: 1, per: profile, within: 7d}]"


@pytest.mark.parametrize("given", [
    "sends: [{ago: 1d, shows: {hero: shoes}}]",
    "sends: [{ago: 1d, shows: {hero: shoes}}, {ago: 7d, shows: {hero: shoes}}]",
    "sends: [{ago: 1d, shows: {hero: shoes}}, {ago: 2d, shows: {hero: hats}}]",
])
def test_below_its_cap_an_offer_is_shown(tmp_path: Path, given: str) -> None:
    assert tried(tmp_path, CAP, given, "offer: shoes") == []


@pytest.mark.parametrize("given", [
    "sends: [{ago: 1d, shows: {hero: shoes}}, {ago: 2d, shows: {hero: shoes}}]",
    "sends: [{ago: 1ms, shows: {side: shoes}}, {ago: 604799999ms, shows: {hero: shoes}}]",
])
def test_at_its_cap_an_offer_gives_way_and_says_so(tmp_path: Path, given: str) -> None:
    assert tried(tmp_path, CAP, given, "offer: hats, removed: {shoes: caps}") == []


@pytest.mark.parametrize("ago,offer", [("2d", "shoes"), ("1d", "hats")])
def test_a_calendar_week_begins_on_its_local_monday(tmp_path: Path, ago: str, offer: str) -> None:
    key = "caps: [{max: 1, per: profile, calendar: week}]"

    assert tried(tmp_path, key, f"sends: [{{ago: {ago}, shows: {{hero: shoes}}}}]".replace("ago: 2d", "at: 2026-10-11T21:59:59Z"), f"offer: {offer}") == []


OPENED = "events: [{event: email_opened, ago: 1h, properties: {send: a}}]"
CLICKED = "events: [{event: email_clicked, ago: 1h, properties: {send: a}}]"
BY_MACHINE = "events: [{event: email_opened_by_machine, ago: 1h, properties: {send: a}}]"
OTHER = "events: [{event: email_opened, ago: 1h, properties: {send: b}}]"


@pytest.mark.parametrize("count,events,offer", [
    ("exposure", OPENED, "hats"), ("exposure", CLICKED, "hats"), ("exposure", BY_MACHINE, "shoes"), ("exposure", OTHER, "shoes"),
    ("click", CLICKED, "hats"), ("click", OPENED, "shoes"),
])
def test_exposures_are_what_people_opened_and_clicks_what_they_followed(tmp_path: Path, count: str, events: str, offer: str) -> None:
    key = f"caps: [{{max: 1, per: profile, within: 7d, count: {count}}}]"

    assert tried(tmp_path, key, f"sends: [{{ago: 20d, send: a, shows: {{hero: shoes}}}}], {events}", f"offer: {offer}") == []


NAMED = "caps:\n  discounts: {max: 1, per: profile, within: 7d, of: {category: [discount, sale]}}\n"
OVERALL = "caps:\n  weekly: {max: 1, per: profile, within: 7d}\n"


@pytest.mark.parametrize("more,shown,expect", [
    (NAMED, "shoes", "offer: hats, removed: {shoes: caps}"), (NAMED, "hats", "offer: shoes"),
    (OVERALL, "hats", "offer: null, removed: {shoes: caps, hats: caps}"),
])
def test_a_cap_counts_a_category_or_everything(tmp_path: Path, more: str, shown: str, expect: str) -> None:
    assert tried(tmp_path, "", f"sends: [{{ago: 1d, shows: {{hero: {shown}}}}}]", expect, more) == []


@pytest.mark.parametrize("where,offer", [("hero", "null"), ("side", "shoes")])
def test_a_placements_cap_counts_what_it_showed_itself(tmp_path: Path, where: str, offer: str) -> None:
    rules = RULES.replace("hero: {fallback: {block: plain}}", "hero: {fallback: {block: plain}, caps: [{max: 1, per: profile, within: 7d}]}")
    test = f"tests:\n  - {{name: it, given: {{sends: [{{ago: 1d, shows: {{{where}: shoes}}}}]}}, expect: {{hero: {{offer: {offer}}}}}}}\n"

    assert problems(tmp_path, rules + test) == []


SENT = "sends: [{ago: 3d, send: a, shows: {hero: shoes}}, {ago: 2d, send: b, shows: {hero: shoes}}]"
ORDERED = "events: [{event: order_completed, ago: 1d}]"


@pytest.mark.parametrize("cooldown,given,offer", [
    ("{after: bought, for: 30d}", f"{SENT}, {ORDERED}", "hats"),
    ("{after: bought, for: 12h}", f"{SENT}, {ORDERED}", "shoes"),
    ("{after: bought, for: 30d}", ORDERED, "shoes"),
    ("{after: bought, for: 30d}", f"{SENT}, events: [{{event: order_completed, ago: 4d}}]", "shoes"),
    ("{after: complained, for: 30d}", f"{SENT}, events: [{{event: email_complained, ago: 1d}}]", "hats"),
    ("{after: clicked, for: 30d}", f"{SENT}, {CLICKED}", "hats"),
    ("{after: ignored, times: 2, for: 14d}", SENT, "hats"),
    ("{after: ignored, times: 3, for: 14d}", SENT, "shoes"),
    ("{after: ignored, times: 2, for: 1d}", SENT, "shoes"),
    ("{after: ignored, times: 2, for: 14d}", f"{SENT}, {CLICKED}", "shoes"),
])
def test_after_an_outcome_an_offer_rests(tmp_path: Path, cooldown: str, given: str, offer: str) -> None:
    assert tried(tmp_path, f"cooldown: [{cooldown}]", given, f"offer: {offer}") == []


@pytest.mark.parametrize("key,said", [
    ("caps: [{per: profile, within: 7d}]", "offers.shoes.caps[0]: max is missing"),
    ("caps: [{max: 0, within: 7d}]", "offers.shoes.caps[0].max: is 0; a whole number from 1 to 1000000000 belongs here"),
    ("caps: [{max: 2}]", "offers.shoes.caps[0]: needs a window; within: 7d (at most 35d), or calendar: day, week or month"),
    ("caps: [{max: 2, within: 90d}]", "offers.shoes.caps[0].within: reaches further back than decisions are kept; at most 35d; over a longer time, suppress: looks at events"),
    ("caps: [{max: 2, within: 7d, calendar: week}]", "offers.shoes.caps[0]: has both within and calendar; one of the two"),
    ("caps: [{max: 2, within: 7d, count: sends}]", 'offers.shoes.caps[0].count: no thing to count "sends"; did you mean "send"?'),
    ("caps: [{max: 2, within: 7d, per: person}]", 'offers.shoes.caps[0].per: no unit "person"; known: profile, total'),
    ("caps: {max: 2}", "offers.shoes.caps: is a mapping; a list [...] belongs here"),
    ("cooldown: [{after: bored, for: 3d}]", 'offers.shoes.cooldown[0].after: no outcome "bored"; did you mean "ignored"?'),
    ("cooldown: [{after: bought, times: 2, for: 3d}]", "offers.shoes.cooldown[0].times: means nothing after bought; it is how often something was ignored in a row"),
    ("inventory: {}", "offers.shoes.inventory: names nothing that runs out; codes: the name of a pool, or quantity: a number"),
    ("inventory: {codes: a, quantity: 3}", "offers.shoes.inventory: has both codes and quantity; codes: the name of a pool, or quantity: a number"),
    ("inventory: {codes: a b}", "offers.shoes.inventory.codes: 'a b' is no usable name of a pool; letters, digits, _ and -, at most 64"),
    ("inventory: {quantity: 3, empty: without}", "offers.shoes.inventory.empty: is about codes; leave it out: once a quantity is used up the offer is not shown"),
])
def test_a_mistake_in_limits_is_named(tmp_path: Path, key: str, said: str) -> None:
    assert said in problems(tmp_path, RULES.replace(CAPPED, f"{CAPPED}{key}, "))


def test_a_category_that_no_offer_is_of_counts_nothing(tmp_path: Path) -> None:
    found = problems(tmp_path, RULES + "caps:\n  weekly: {max: 1, within: 7d, of: {category: hat}}\n")

    assert found == ["caps.weekly: no offer has these attributes: it counts nothing; of: names what stands in the attributes: of offers"]


@pytest.mark.parametrize("variables,inventory,said", [
    ("{headline: {field: offer.code}}", "{codes: autumn, empty: without}", "offers.shoes.vars.headline: has nothing to show without a code; give headline a default in the block card, or leave out empty: without"),
    ("{headline: Hi, percent: {field: offer.code}}", "{codes: autumn}", "offers.shoes.vars.percent: a code is text; the block declares percent as a number"),
    ("{headline: Hi}", "{codes: autumn}", "offers.shoes.inventory: nobody sees the code; vars: {code: {field: offer.code}}"),
])
def test_a_code_that_cannot_be_shown_is_named(tmp_path: Path, variables: str, inventory: str, said: str) -> None:
    found = problems(tmp_path, RULES.replace("{headline: Shoes}", variables).replace(CAPPED, f"{CAPPED}inventory: {inventory}, "))

    assert said in found


@pytest.mark.parametrize("given,expect", [("", "offer: shoes"), ("sends: [{ago: 1d, shows: {hero: shoes}}]", "offer: hats, removed: {shoes: caps}")])
def test_in_a_test_every_stock_is_full_and_caps_count_the_sends_given(tmp_path: Path, given: str, expect: str) -> None:
    assert tried(tmp_path, f"inventory: {{quantity: 3}}, {ONE}", given, expect) == []


def test_the_example_of_the_page_is_read_without_a_problem(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "caps.md").read_text(encoding="utf-8")
    (rules,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    card = "description: A headline\nvariables:\n  headline: {type: string}\n  code: {type: string, default: \"\"}\n"
    more = {"blocks/hero_generic/block.yaml": "description: Plain\n", "blocks/hero_generic/html.j2": "<p>Hello</p>", "blocks/hero_card/block.yaml": card, "blocks/hero_card/html.j2": "<p>{{ headline }} {{ code }}</p>"}
    write_shop(tmp_path, "version: 1\n" + rules, more=more)
    for path in (tmp_path / "models").iterdir():
        path.unlink()

    assert check(tmp_path, NOW) == []


def test_a_code_is_shown_only_by_an_offer_that_has_codes(tmp_path: Path) -> None:
    found = problems(tmp_path, RULES.replace("{headline: Shoes}", "{headline: {field: offer.code}}"))

    assert found == ["offers.shoes.vars.headline: there is no code to show; offer.code is the code of an offer with inventory: {codes: ...}"]
