"""Experiments on a ranking, on a model, on a whole policy and on variants of a block, by alternatives that a variant stands for."""

from __future__ import annotations

from pathlib import Path

import pytest
from content_shop import write_shop

from app.content.check import check
from app.content.choosing import Taken, Verdict, choose
from app.content.load import load
from app.content.snapshot import Snapshot
from app.domain.decision import Choice
from app.domain.profile import Profile
from app.domain.request import Request
from tests.fakes import FixedModels

NOW = 1_790_000_000_000
RULES = """\
version: 1
features:
  views: {count: product_viewed}
experiments:
  tried: {placement: hero, variants: {usual: 0.5, other: 0.5}}
placements:
  hero: {fallback: {block: plain}ALTERNATIVES}
offers:
  cheap: {placements: [hero], value: 1, block: card, vars: {headline: Cheap, percent: 10}CHEAP}
  dear: {placements: [hero], value: 9, block: card, vars: {headline: Dear}}
"""
OTHER = "{when: {variant: tried.other}, "


def rules(alternatives: str = "", cheap: str = "") -> str:
    return RULES.replace("ALTERNATIVES", f", alternatives: [{alternatives}]" if alternatives else "").replace("CHEAP", f", alternatives: [{cheap}]" if cheap else "")


def decided(folder: Path, text: str, variant: str, *, reasons: bool = True) -> tuple[Choice, Verdict]:
    write_shop(folder, text)
    for path in (folder / "models").iterdir():
        path.unlink()
    content = Snapshot(load(folder), FixedModels({}))
    r = Request(NOW, Profile("u:u1", known=True), None, None, content.trials.assign)
    r.variants["tried"] = variant
    return choose(content, r, "hero", None, Taken(), None, reasons=reasons)


def said(folder: Path, text: str) -> str:
    write_shop(folder, text)
    return "\n".join(map(str, check(folder, NOW)))


@pytest.mark.parametrize("reasons", [True, False])
@pytest.mark.parametrize(("variant", "offer"), [("usual", "dear"), ("other", "cheap")])
def test_a_variant_may_have_a_ranking_of_its_own(tmp_path, variant, offer, reasons):
    choice, _ = decided(tmp_path, rules(OTHER + "rank: -offer.value}"), variant, reasons=reasons)

    assert choice.offer == offer


def test_the_arithmetic_of_another_ranking_is_told(tmp_path):
    _, verdict = decided(tmp_path, rules(OTHER + "rank: -offer.value}"), "other")

    assert [(each.offer, each.score) for each in verdict.candidates()] == [("cheap", -1), ("dear", -9)]


@pytest.mark.parametrize("reasons", [True, False])
@pytest.mark.parametrize(("variant", "offer"), [("usual", "dear"), ("other", "cheap")])
def test_a_variant_may_have_a_policy_of_its_own(tmp_path, variant, offer, reasons):
    choice, _ = decided(tmp_path, rules(OTHER + "offers: [cheap]}"), variant, reasons=reasons)

    assert choice.offer == offer


def test_what_another_policy_leaves_out_is_told(tmp_path):
    _, verdict = decided(tmp_path, rules(OTHER + "offers: [cheap]}"), "other")

    assert [(each.offer, each.outcome, each.by) for each in verdict.candidates()] == [("cheap", "chosen", ""), ("dear", "removed", "policy")]


def test_a_policy_without_offers_falls_back(tmp_path):
    choice, _ = decided(tmp_path, rules(OTHER + "offers: []}"), "other")

    assert (choice.offer, choice.reason) == (None, "fallback")


def test_of_several_alternatives_the_first_that_holds_is_taken(tmp_path):
    both = rules(OTHER + "offers: [cheap]}, {when: {field: feature.views, gte: 0}, offers: [dear], rank: -offer.value}")

    assert decided(tmp_path / "a", both, "other")[0].offer == "cheap"
    assert decided(tmp_path / "b", both, "usual")[0].offer == "dear"


@pytest.mark.parametrize(("alternative", "block", "variables"), [
    ("vars: {headline: Save}", "card", {"headline": "Save", "percent": 10}),
    ("block: plain", "plain", {}),
    ("block: card, vars: {headline: Save}", "card", {"headline": "Save", "percent": 5}),
])
def test_a_variant_may_show_another_block_or_other_words(tmp_path, alternative, block, variables):
    text = rules(cheap=OTHER + alternative + "}").replace("value: 9", "value: 0")

    other, usual = decided(tmp_path / "a", text, "other")[0], decided(tmp_path / "b", text, "usual")[0]

    assert (other.offer, other.block, {name: other.vars[name] for name in variables}) == ("cheap", block, variables)
    assert (usual.offer, usual.block, usual.vars["headline"]) == ("cheap", "card", "Cheap")


@pytest.mark.parametrize(("text", "message"), [
    (rules(OTHER + "}"), "placements.hero.alternatives[0]: changes nothing"),
    (rules("{rank: -offer.value}"), "placements.hero.alternatives[0]: when is missing"),
    (rules(OTHER + "offers: [cheep]}"), 'placements.hero.alternatives[0].offers[0]: no offer "cheep"; did you mean "cheap"?'),
    (rules("{when: {variant: tried.third}, offers: []}"), 'no variant of an experiment "tried.third"; did you mean "tried.other"?'),
    (rules(cheap=OTHER + "}"), "offers.cheap.alternatives[0]: changes nothing"),
    (rules(cheap=OTHER + "block: card}"), "offers.cheap.alternatives[0].vars: headline missing"),
    (rules(cheap=OTHER + "vars: {headlin: x}}"), "the block card declares no such variable"),
])
def test_a_mistake_in_an_alternative_is_named(tmp_path, text, message):
    assert message in said(tmp_path, text)
