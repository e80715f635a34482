"""Experiments and holdouts, tried as a user would: rules with tests beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
from content_shop import RULES, write_shop

from app.content.check import check
from app.content.choosing import Taken, choose
from app.content.load import load
from app.content.snapshot import Snapshot
from app.domain.decision import Choice, decode_record, encode_record
from app.domain.experiments import Measure
from app.domain.profile import Profile
from app.domain.request import Request
from tests.fakes import FixedModels

NOW, DAY = 1_790_000_000_000, 86_400_000
TRIED = RULES.replace("{segment: shoe_browsers}", "{variant: hero_copy.b}").replace("consents: {marketing: {gates: [decide]}}\n", "")
HALVES = "experiments:\n  hero_copy: {placement: hero, variants: {a: 0.5, b: 0.5}}\n"


def snapshot(folder: Path, rules: str) -> Snapshot:
    write_shop(folder, rules)
    for path in (folder / "models").iterdir():
        path.unlink()
    return Snapshot(load(folder), FixedModels({}))


def shown(snapshot: Snapshot, id: str, *, send: str = "", traits: dict[str, object] | None = None) -> Choice:
    r = Request(NOW, Profile(f"u:{id}", traits=traits or {}, known=True), None, None, snapshot.trials.assign, send)
    choice, _ = choose(snapshot, r, "hero", None, Taken(), None, reasons=True)
    choice.variants = snapshot.trials.exposed(r, "hero")
    return choice


def test_only_the_variant_decides_and_the_choice_tells_it(tmp_path: Path) -> None:
    content = snapshot(tmp_path, TRIED + HALVES)

    found = {(each.offer, each.variants["hero_copy"]) for each in (shown(content, f"u{i}") for i in range(100))}

    assert found == {("shoes_15", "b"), (None, "a")}


def test_those_outside_of_an_experiment_are_in_no_variant(tmp_path: Path) -> None:
    content = snapshot(tmp_path, TRIED + HALVES.replace("variants", "when: {field: profile.country, eq: DE}, variants"))

    assert {tuple(shown(content, f"u{i}").variants) for i in range(50)} == {()}
    assert {tuple(shown(content, f"u{i}", traits={"country": "DE"}).variants) for i in range(50)} == {("hero_copy",)}


def test_people_of_one_account_see_one_variant(tmp_path: Path) -> None:
    content = snapshot(tmp_path, TRIED + HALVES.replace("variants", "unit: account, variants"))

    assert len({shown(content, f"u{i}", traits={"group_id": "acme"}).variants["hero_copy"] for i in range(50)}) == 1
    assert shown(content, "u1").variants == {}


def test_each_send_may_be_a_unit_of_its_own(tmp_path: Path) -> None:
    content = snapshot(tmp_path, TRIED + HALVES.replace("variants", "unit: send, variants"))

    assert {shown(content, "u1", send=f"s{i}").variants["hero_copy"] for i in range(50)} == {"a", "b"}
    assert len({shown(content, "u1", send="s1").variants["hero_copy"] for _ in range(50)}) == 1


def test_a_holdout_shows_its_control_or_the_fallback_and_says_so(tmp_path: Path) -> None:
    everybody = RULES.replace("{segment: shoe_browsers}", "{field: profile.age, exists: false}").replace("consents: {marketing: {gates: [decide]}}\n", "")
    plain = snapshot(tmp_path / "a", everybody + "holdouts: {universal: {percent: 100, salt: 2026q4}}\n")
    controlled = snapshot(tmp_path / "b", everybody + "holdouts: {universal: {percent: 100, control: shoes_15}}\n")

    without, control = shown(plain, "u1"), shown(controlled, "u1")

    assert (without.offer, without.reason, without.holdout) == (None, "holdout", "universal")
    assert (control.offer, control.reason, control.holdout) == ("shoes_15", "holdout", "universal")


def test_a_record_keeps_variants_and_holdouts() -> None:
    choices = {
        "hero": Choice("hero", "x", "card", "eligible", version="v1", variants={"hero_copy": "b"}),
        "grid": Choice("grid", None, "plain", "holdout", version="v2", holdout="universal"), "foot": Choice("foot", None, "plain", "fallback", version="v1"),
    }

    found = decode_record(encode_record(NOW, None, "v1", choices)).choices

    assert {id: (each.variants, each.holdout, each.reason, each.version) for id, each in found.items()} == {
        "hero": ({"hero_copy": "b"}, "", "eligible", "v1"), "grid": ({}, "universal", "holdout", "v2"), "foot": ({}, "", "fallback", "v1"),
    }


@pytest.mark.parametrize("given, wanted, problems", [
    ("{variants: {hero_copy: b}}", "{offer: shoes_15, variants: {hero_copy: b}}", []),
    ("{variants: {hero_copy: a}}", "{offer: shoes_15}", ["'t': hero.offer: expected 'shoes_15', got None"]),
    ("{variants: {hero_copy: c}}", "{}", ['no variant "c"; known: a, b']),
])
def test_a_test_in_the_rules_can_force_a_variant(tmp_path: Path, given: str, wanted: str, problems: list[str]) -> None:
    write_shop(tmp_path, TRIED + HALVES + f"tests:\n  - {{name: t, given: {given}, expect: {{hero: {wanted}}}}}\n")
    for path in (tmp_path / "models").iterdir():
        path.unlink()

    assert [f"{each.message}{'; ' if each.hint else ''}{each.hint}" for each in check(tmp_path, NOW) if not each.warning] == problems


def test_metrics_and_guardrails_are_read_with_their_windows(tmp_path: Path) -> None:
    more = "metrics: {bought: {did: Order Completed, within: 14d}, revenue: {sum: order_completed}}, guardrails: {left: {did: email_unsubscribed, margin: 0.1}}, variants"
    content = snapshot(tmp_path, TRIED + HALVES.replace("variants", more))

    assert content.definitions.experiments["hero_copy"].measures == (
        Measure("bought", "order_completed", within=14 * DAY), Measure("revenue", "order_completed", total=True), Measure("left", "email_unsubscribed", good="down", guardrail=True, margin=0.1),
    )


@pytest.mark.parametrize(("more", "message"), [
    ("metrics: {bought: {within: 7d}}", "hero_copy.metrics.bought: has neither did nor sum; {did: order_completed, within: 7d}, or sum: for the sum of its values"),
    ("metrics: {bought: {did: a, sum: b}}", "hero_copy.metrics.bought: has did and sum"),
    ("metrics: {bought: {did: a, within: 7}}", "hero_copy.metrics.bought.within: 7 is no duration"),
    ("metrics: {bought: {did: a, good: high}}", 'hero_copy.metrics.bought.good: no direction "high"'),
    ("metrics: {bought: {did: Product Viewed}}", "hero_copy.metrics.bought.did: the decision log does not keep product_viewed; one of email_bounced, "),
    ("guardrails: {left: {did: a}}", "hero_copy.guardrails: stand without metrics"),
    ("metrics: {left: {did: a}}, guardrails: {left: {did: a}}", "hero_copy.guardrails.left: is a metric too"),
])
def test_a_mistake_in_a_metric_is_named(tmp_path: Path, more: str, message: str) -> None:
    write_shop(tmp_path, TRIED + HALVES.replace("variants", f"{more}, variants"))

    assert message in "\n".join(map(str, check(tmp_path, NOW)))
