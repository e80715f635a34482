"""What `inlay check` proves: each kind of what can never be told where it is, and nothing where nothing is wrong."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from content_shop import CARD, RULES, write_shop

from app.content.check import check
from app.content.logic import Logic, part
from app.domain import conditions as c
from app.domain.bounds import Bounds

from tests.oracle import Oracle
from tests.unit.test_program import NOW, condition, definitions, events, person

ELIGIBLE = "{segment: shoe_browsers}"
OFFER = '  {id}:\n    placements: [hero]\n    block: card\n    vars: {{headline: x}}\n    {more}\n'


def told(folder: Path, rules: str, *, more: dict[str, str] | None = None, bounds: Bounds | None = None) -> list[str]:
    return [str(problem) for problem in check(write_shop(folder, rules, more=more), NOW, bounds=bounds or Bounds())]


def eligible(condition: str) -> str:
    return RULES.replace(ELIGIBLE, condition)


def offers(**more: str) -> str:
    return RULES.split("offers:")[0] + "offers:\n" + "".join(OFFER.format(id=id, more=rest.replace("; ", "\n    ")) for id, rest in more.items())


# -- what contradicts itself -----------------------------------------------------------------------------------------

NEVER = [
    ("{all: [{field: profile.country, eq: DE}, {field: profile.country, eq: AT}]}", "profile.country eq DE and profile.country eq AT exclude each other"),
    ("{field: profile.age, gt: 40, lt: 30}", "profile.age gt 40 and profile.age lt 30 exclude each other"),
    ("{all: [{field: profile.age, gte: 10}, {field: profile.age, lt: 10}]}", "profile.age gte 10 and profile.age lt 10"),
    ("{all: [{field: profile.age, eq: 5}, {field: profile.age, eq: '5'}]}", "profile.age eq 5 and profile.age eq 5"),
    ("{all: [{field: profile.age, eq: 5}, {field: profile.age, exists: false}]}", "profile.age eq 5 and profile.age exists false"),
    ("{all: [{field: profile.country, in: [DE, AT]}, {not: {field: profile.country, in: [AT, DE, CH]}}]}", "exclude each other"),
    ("{all: [{field: profile.age, between: [1, 5]}, {field: profile.age, between: [6, 9]}]}", "exclude each other"),
    ("{all: [{field: profile.vip, eq: true}, {field: profile.vip, ne: true}]}", "profile.vip eq true and profile.vip ne true"),
    ("{all: [{field: profile.age, gte: 1}, {field: profile.age, lte: 3}, {field: profile.age, not_in: [1, 2]}, {field: profile.age, in: [1, 2]}]}", "exclude each other"),
    ("{field: feature.spend_90d, eq: 5, gt: 7}", "feature.spend_90d eq 5 and feature.spend_90d gt 7"),
    ("{all: [{did: order_completed, within: 7d}, {did_not: order_completed, within: 30d}]}", "did order_completed within 7d and not did order_completed within 30d"),
    ("{all: [{did: order_completed, where: {total: 5}, calendar: day}, {did_not: order_completed, calendar: week}]}", "exclude each other"),
    ("{did: order_completed, count: {gte: 3, lt: 2}}", "did order_completed gte 3 times and did order_completed lt 2 times"),
    ("{all: [{did: order_completed, count: {gte: 3}, within: 7d}, {not: {did: order_completed, within: 30d}}]}", "exclude each other"),
    ("{all: [{did: a, between: [2026-01-01, 2026-02-01]}, {did_not: a, since: 2025-01-01}]}", "exclude each other"),
    ("{all: [{consent: marketing}, {not: {consent: marketing}}]}", "consent marketing and not consent marketing"),
    ("{all: [{segment: shoe_browsers}, {did_not: product_viewed, within: 7d}]}", "did product_viewed where ... within 2d (line 11)"),
    ("{all: [{local_time: {from: '09:00', to: '12:00'}}, {local_time: {from: '13:00', to: '18:00'}}]}", "local_time and local_time"),
    ("{all: [{local_time: {from: '22:00', to: '02:00', days: [mon]}}, {local_time: {from: '00:00', to: '03:00', days: [mon]}}]}", "local_time and local_time"),
    ("{all: [{variant: x.a}, {variant: x.b}]}", "variant x.a and variant x.b exclude each other"),
    ("{all: [{field: profile.country, eq: DE}, {any: [{field: profile.country, eq: AT}, {field: profile.country, eq: CH}]}]}", "exclude each other"),
    ("{field: profile.tier, eq: platinum}", "profile.tier eq platinum cannot be met"),
    ("{field: feature.orders, lt: 0}", "feature.orders lt 0 cannot be met"),
    ("{field: model.buy, gt: 1}", "model.buy gt 1 cannot be met"),
]
ADDED = "experiments: {x: {variants: {a: 0.5, b: 0.5}}}\ntraits: {tier: {kind: text, values: [gold, silver]}}\n"
MODEL = "inputs: [{name: feature.spend_90d, default: 0}]\noutput: {range: [0, 1]}\nfallback: 0.05\n"


@pytest.mark.parametrize(("text", "message"), NEVER)
def test_conditions_that_contradict_each_other_are_told(tmp_path: Path, text: str, message: str) -> None:
    rules = eligible(text).replace("  last_category:", "  orders: {count: order_completed}\n  last_category:") + ADDED

    found = told(tmp_path, rules, more={"models/buy.yaml": MODEL})

    assert len(found) == 1, found
    assert found[0].startswith("rules/shop.yaml:1")
    assert "offers.shoes_15.eligibility: warning: never holds: " in found[0]
    assert message in found[0]


POSSIBLE = [
    "{all: [{field: profile.country, eq: DE}, {field: profile.city, eq: AT}]}",
    "{all: [{field: profile.tags, contains: a}, {field: profile.tags, not_contains: b}]}",
    "{all: [{field: profile.since, before: 2026-05-01}, {field: profile.since, after: 2026-01-01}]}",
    "{all: [{field: profile.since, eq: x}, {field: profile.since, starts_with: x}]}",
    "{all: [{did: order_completed, within: 30d}, {did_not: order_completed, within: 7d}]}",
    "{all: [{did: order_completed, where: {total: 5}}, {did_not: order_completed, where: {total: 6}}]}",
    "{all: [{did: order_completed}, {did_not: order_completed, where: {total: 6}}]}",
    "{did: order_completed, count: {gte: 2, lte: 2}}",
    "{all: [{did: a, calendar: week}, {did_not: a, calendar: month}]}",
    "{all: [{field: profile.age, gte: 10}, {field: profile.age, lte: 10}]}",
    "{all: [{variant: x.a}, {not: {variant: x.b}}]}",
    "{any: [{field: profile.age, gt: 5}, {field: profile.age, lt: 3}]}",
    "{all: [{field: profile.age, exists: true}, {not: {field: profile.age, gte: 10}}, {not: {field: profile.age, lt: 10}}]}",
    "{all: [{segment: shoe_browsers}, {did_not: product_viewed, within: 1h}]}",
    "{all: [{local_time: {from: '22:00', to: '02:00', days: [mon]}}, {local_time: {from: '00:00', to: '03:00', days: [tue]}}]}",
    "{field: profile.tier, eq: gold}",
    "{field: feature.spend_90d, lt: 0}",
]


@pytest.mark.parametrize("text", POSSIBLE)
def test_conditions_that_can_hold_are_passed_over(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, eligible(text) + ADDED) == []


def test_groups_of_an_offer_that_exclude_each_other_are_told(tmp_path: Path) -> None:
    found = told(tmp_path, eligible("{field: profile.age, gte: 18}\n    suppress: {field: profile.age, gte: 16}"))

    assert found == ["rules/shop.yaml:17 offers.shoes_15: warning: nobody can ever have it: profile.age gte 18 (line 18) and not profile.age gte 16 exclude each other; ease one of the two"]


def test_a_suppression_that_never_suppresses_is_told(tmp_path: Path) -> None:
    found = told(tmp_path, eligible("{field: profile.age, gte: 18}\n    suppress: {field: profile.age, gte: 16, lt: 16}"))

    assert found == ["rules/shop.yaml:19 offers.shoes_15.suppress: warning: never holds, so it suppresses nothing: profile.age gte 16 and profile.age lt 16 exclude each other; leave it out, or ease one of the two"]


@pytest.mark.parametrize(("section", "key"), [
    ("segments:\n  odd: {C}", "segments.odd"), ("experiments:\n  odd: {variants: {a: 0.5, b: 0.5}, when: {C}}", "experiments.odd.when"),
    ("webhooks: {w: {url: 'https://example.com', secret: INLAY_X}}\ntriggers:\n  odd: {on: order_completed, when: {C}, send: {webhook: w}}", "triggers.odd.when"),
])
def test_every_condition_of_the_rules_is_looked_at(tmp_path: Path, section: str, key: str) -> None:
    more = section.replace("{C}", "{all: [{consent: marketing}, {not: {consent: marketing}}]}")

    assert [each.split(" ")[1] for each in told(tmp_path, RULES, more={"rules/more.yaml": f"version: 1\n{more}\n"})] == [f"{key}:"]


@pytest.mark.parametrize("seed", range(200))
def test_nobody_meets_what_is_said_to_be_impossible(seed: int) -> None:
    rng = random.Random(seed)
    asked = [c.All((condition(rng), condition(rng), condition(rng))) for _ in range(30)]
    d = definitions(rng, asked)
    logic = Logic(d.segments, {})
    impossible = [each for each in asked if logic.clash([part(each)]) is not None]
    people = [(events(rng), *person(rng)) for _ in range(10)]

    assert not any(Oracle(d, NOW, happened, traits, consents, context, scores).holds(each) for each in impossible for happened, traits, consents, context, scores in people)


@pytest.mark.parametrize("seed", range(200))
def test_whoever_meets_a_condition_meets_what_it_is_said_to_imply(seed: int) -> None:
    rng = random.Random(seed)
    pairs = [(condition(rng), condition(rng)) for _ in range(30)]
    pairs += [(c.All((a, b)), a) for a, b in pairs]
    d = definitions(rng, [each for pair in pairs for each in pair])
    logic = Logic(d.segments, {})
    implied = [(a, b) for a, b in pairs if logic.implies([part(a)], part(b))]
    people = [(events(rng), *person(rng)) for _ in range(10)]
    judges = [Oracle(d, NOW, happened, traits, consents, context, scores) for happened, traits, consents, context, scores in people]

    assert not any(judge.holds(a) and not judge.holds(b) for a, b in implied for judge in judges)
    assert len(implied) >= 20



# -- offers that never win -------------------------------------------------------------------------------------------

BEHIND = [
    ({"general": "priority: 2", "special": "eligibility: {field: profile.age, gte: 18}"}, "special", "general"),
    ({"wide": "priority: 2; eligibility: {field: profile.age, gte: 10}", "narrow": "eligibility: {field: profile.age, gte: 18}"}, "narrow", "wide"),
    ({"wide": "priority: 2; eligibility: {did: a, within: 30d}", "narrow": "eligibility: {all: [{did: a, within: 7d, count: {gte: 2}}, {consent: marketing}]}"}, "narrow", "wide"),
    ({"wide": "value: 2; eligibility: {segment: shoe_browsers}", "narrow": "eligibility: {segment: shoe_browsers}"}, "narrow", "wide"),
    ({"wide": "priority: 2; suppress: {did: a, within: 1d}", "narrow": "suppress: {did: a, within: 2d}"}, "narrow", "wide"),
    ({"wide": "priority: 2; valid: {from: 2026-01-01}", "narrow": "valid: {from: 2026-02-01, to: 2026-03-01}"}, "narrow", "wide"),
    ({"wide": "priority: 2; eligibility: {any: [{field: profile.country, eq: DE}, {field: profile.country, eq: AT}]}", "narrow": "eligibility: {field: profile.country, eq: AT}"}, "narrow", "wide"),
]


@pytest.mark.parametrize(("given", "never", "before"), BEHIND)
def test_an_offer_before_which_another_always_comes_is_told(tmp_path: Path, given: dict[str, str], never: str, before: str) -> None:
    found = told(tmp_path, offers(**given))

    assert len(found) == 1, found
    assert f" offers.{never}: warning: never wins in hero: everybody who may have it gets {before}, which comes first (line " in found[0]


WINNING = [
    {"general": "priority: 1", "special": "priority: 2; eligibility: {field: profile.age, gte: 18}"},
    {"wide": "priority: 2; eligibility: {field: profile.age, gte: 20}", "narrow": "eligibility: {field: profile.age, gte: 18}"},
    {"wide": "priority: 2; eligibility: {field: profile.age, gte: 10}", "narrow": "eligibility: {not: {field: profile.age, lt: 18}}"},
    {"wide": "priority: 2; valid: {to: 2026-02-01}", "narrow": "valid: {to: 2026-03-01}"},
    {"wide": "priority: 2; items: {from: catalogue, at_least: 1}", "narrow": "value: 1"},
    {"wide": "value: 1", "narrow": "value: 1"},
    {"wide": "priority: 2; suppress: {did: a, within: 3d}", "narrow": "suppress: {did: a, within: 2d}"},
    {"wide": "priority: 2; eligibility: {variant: x.a}", "narrow": "eligibility: {variant: x.b}"},
    {"wide": "priority: 2; eligibility: {segment: shoe_browsers}", "narrow": "eligibility: {did: product_viewed, within: 1h}"},
]


@pytest.mark.parametrize("given", WINNING)
def test_an_offer_that_somebody_could_get_is_passed_over(tmp_path: Path, given: dict[str, str]) -> None:
    found = told(tmp_path, offers(**given) + "experiments: {x: {variants: {a: 0.5, b: 0.5}}}\n")

    assert [each for each in found if "never wins" in each] == []


def test_an_offer_that_ranks_by_the_person_may_win(tmp_path: Path) -> None:
    rules = offers(wide="value: 5", narrow="eligibility: {segment: shoe_browsers}").replace("{fallback: {block: plain}}", "{fallback: {block: plain}, rank: offer.value * model.buy}")

    assert told(tmp_path, rules) == []


def test_the_control_of_a_holdout_wins_there(tmp_path: Path) -> None:
    rules = offers(general="priority: 2", control="value: 1") + "holdouts: {all: {percent: 5, control: control}}\n"

    assert told(tmp_path, rules) == []


# -- fallbacks, experiments, windows ---------------------------------------------------------------------------------

def test_a_fallback_behind_one_that_can_always_be_shown_is_told(tmp_path: Path) -> None:
    found = told(tmp_path, RULES.replace("{block: plain}", "[{block: plain}, {block: card, vars: {headline: x}}]"))

    assert found == ["rules/shop.yaml:12 placements.hero.fallback[1]: warning: is never shown: fallback[0] needs no items and always can be; put it before, or leave it out"]


def test_a_fallback_behind_one_that_wants_items_is_passed_over(tmp_path: Path) -> None:
    assert told(tmp_path, RULES.replace("{block: plain}", "[{block: plain, items: {from: catalogue, at_least: 2}}, {block: card, vars: {headline: x}}]")) == []


def test_a_last_fallback_that_reads_people_is_told(tmp_path: Path) -> None:
    found = told(tmp_path, RULES, more={"blocks/plain/block.yaml": "description: Plain\nsample: {profile: {tier: gold}}\n", "blocks/plain/html.j2": "<p>Hello\n{% if profile.tier is defined %}{{ profile.tier }}{% endif %}</p>"})

    assert found == ["rules/shop.yaml:12 placements.hero.fallback: warning: could itself be refused: blocks/plain/html.j2:2 reads profile.tier, which may be anything; take it as a variable with a type and a default"]


TRIED = [
    ("variants: {a: 0.5, b: 0.5}, coverage: 0", "experiments.x.coverage: warning: is 0: nobody can get any of its variants"),
    ("variants: {a: 0.99995, b: 0.00005}, hash: 1", "experiments.x.variants.b: warning: is a variant that nobody can get: no bucket of the hash falls into its stretch; more weight or coverage, or hash: 2"),
    ("variants: {a: 0.49995, b: 0.00005, c: 0.5}", "experiments.x.variants.b: warning: is a variant that nobody can get"),
    ("variants: {a: 1, b: 0}", "experiments.x.variants.b: warning: is a variant that nobody can get; a weight above 0"),
]


@pytest.mark.parametrize(("experiment", "message"), TRIED)
def test_a_variant_that_nobody_can_get_is_told(tmp_path: Path, experiment: str, message: str) -> None:
    found = told(tmp_path, RULES + f"experiments: {{x: {{{experiment}}}}}\n")

    assert len(found) == 1, found
    assert message in found[0]


@pytest.mark.parametrize("experiment", ["variants: {a: 0.5, b: 0.5}, coverage: 0.01", "variants: {a: 0.9998, b: 0.0002}", "variants: {a: 0.998, b: 0.002}, hash: 1, namespace: {name: n, from: 0, to: 0.1}"])
def test_variants_that_somebody_gets_are_passed_over(tmp_path: Path, experiment: str) -> None:
    assert told(tmp_path, RULES + f"experiments: {{x: {{{experiment}}}}}\n") == []


def test_a_control_that_is_for_other_placements_is_told(tmp_path: Path) -> None:
    rules = RULES.replace("  hero: {fallback", "  aside: {fallback: {block: plain}}\n  hero: {fallback") + "holdouts: {all: {percent: 5, placements: [aside], control: shoes_15}}\n"

    assert any("holdouts.all.control: warning: shoes_15 is for none of its placements: nobody can get it; an offer of aside" in each for each in told(tmp_path, rules))


@pytest.mark.parametrize(("window", "message"), [
    ("since: 2020-01-01", "reaches further back than events are kept; those of the last 20d are there"),
    ("between: [2020-01-01, 2020-02-01]", "reaches further back than events are kept"),
    ("calendar: month", "a month is longer than events are kept"),
])
def test_windows_longer_than_what_is_kept_are_told(tmp_path: Path, window: str, message: str) -> None:
    rules = eligible(f"{{did: order_completed, {window}}}").replace(", within: 90d", "")
    found = told(tmp_path, rules, bounds=Bounds(age=20 * 86_400_000))

    assert len(found) == 1, found
    assert f"rules/shop.yaml:18 offers.shoes_15.eligibility: warning: {message}" in found[0]
    assert told(tmp_path, rules) == []


def test_windows_within_what_is_kept_are_passed_over(tmp_path: Path) -> None:
    rules = eligible("{all: [{did: order_completed, calendar: week}, {did: order_completed, since: 2025-10-01}]}").replace(", within: 90d", "")

    assert told(tmp_path, rules, bounds=Bounds(age=20 * 86_400_000)) == []


# -- personal data ---------------------------------------------------------------------------------------------------

def html(text: str) -> dict[str, str]:
    sample = "sample: {profile: {email: a@example.com, first_name: Kari, phone: '1', tier: gold, card_mail: x, address: {street: x}}}\n"
    return {"blocks/card/block.yaml": CARD + sample, "blocks/card/html.j2": f"<p>{{{{ headline }}}} {{{{ category }}}} {{{{ percent }}}}</p>\n{text}\n"}


GIVEN_AWAY = [
    ('<a href="https://example.com/?e={{ profile.email }}">x</a>', "an address holds profile.email, which is personal"),
    ("<img src='https://example.com/{{ profile.first_name }}.png'>", "an address holds profile.first_name"),
    ('<a href="https://example.com/{% if profile.phone %}{{ profile["phone"] }}{% endif %}">x</a>', "an address holds profile.phone"),
    ("<p>https://example.com/{{ profile.address.street }}</p>", "an address holds profile.address.street"),
    ("<p>{{ profile.email }}</p>", "shows profile.email, which is personal: whoever the mail is forwarded to sees it"),
    ("<p>{{ profile.card_mail }}</p>", "shows profile.card_mail, which is personal"),
]


@pytest.mark.parametrize(("text", "message"), GIVEN_AWAY)
def test_personal_data_in_a_template_are_told(tmp_path: Path, text: str, message: str) -> None:
    found = [each for each in told(tmp_path, RULES + "traits: {card_mail: {kind: email}}\n", more=html(text)) if "personal" in each]

    assert len(found) == 1, found
    assert found[0].startswith("blocks/card/html.j2:2 blocks.card: warning: ")
    assert message in found[0]


@pytest.mark.parametrize("text", [
    "<p>Hello {{ profile.first_name }}</p>", '<a href="https://example.com/{{ profile.tier }}">{{ profile.first_name }}</a>', '<a href="{{ urls.unsubscribe }}">x</a>',
    '<a href="https://example.com/?c={{ category }}">email</a>',
])
def test_what_is_not_personal_or_only_greets_is_passed_over(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, RULES, more=html(text)) == []


def test_a_name_that_a_variable_takes_into_an_address_is_told(tmp_path: Path) -> None:
    rules = RULES.replace('{headline: "15 % off"}', '{headline: "15 % off", category: {field: profile.first_name}}')
    found = told(tmp_path, rules, more=html('<a href="https://example.com/?c={{ category }}">x</a>'))

    assert len(found) == 1, found
    assert "blocks/card/html.j2:2 blocks.card: warning: an address holds profile.first_name (as category, by offers.shoes_15), which is personal" in found[0]


def test_what_reaches_a_person_is_not_recorded_unnoticed(tmp_path: Path) -> None:
    rules = RULES.replace('{headline: "15 % off"}', '{headline: "15 % off", category: {field: profile.email}}')

    assert told(tmp_path, rules) == ["rules/shop.yaml:17 offers.shoes_15.vars.category: warning: profile.email is personal, and would be recorded with every decision; leave it out; a given name is enough for a greeting"]


def test_a_look_up_that_sends_who_somebody_is_is_told(tmp_path: Path) -> None:
    rules = RULES + "enrich: {score: {from: 'https://score.example/?m={profile.email}&c={profile.city}', take: {s: s}}}\n"

    assert told(tmp_path, rules) == ["rules/shop.yaml:21 enrich.score.from: warning: sends profile.email, which is personal, to score.example in an address; ask by something that tells nobody who it is, such as a city"]


