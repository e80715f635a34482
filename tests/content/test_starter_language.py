"""The starter content is where people look things up: every part of the language stands in it once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.content import card_rules, case_rules, declared, enrichment, event_types, identity_kinds, leaves, sections, trait_kinds
from app.content.compiling import compile_blocks
from app.content.load import TEMPLATES, load
from app.domain import conditions as c
from app.domain import definitions as d

ROOT = Path(__file__).parent.parent.parent
STARTER = load(ROOT)
FILES = [yaml.load(path.read_text(), yaml.BaseLoader) for path in sorted((ROOT / "rules").glob("*.yaml"))]
TESTS = [case for file in FILES for case in file.get("tests", ())]


def entries(section: str) -> list[dict[str, Any]]:
    return [entry for file in FILES for entry in file.get(section, {}).values()]


def parts(value: Any) -> Iterator[Any]:
    """Everything that a definition is made of."""
    yield value
    if isinstance(value, dict):
        for each in value.values():
            yield from parts(each)
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from parts(each)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from parts(getattr(value, name))


ALL = list(parts([STARTER.features, STARTER.segments, STARTER.offers, STARTER.placements]))


def of(kind: Any) -> list[Any]:
    return [each for each in ALL if isinstance(each, kind)]


def keys(entries: list[dict[str, Any]]) -> set[str]:
    return {key for entry in entries for key in entry}


@pytest.mark.parametrize("used,known", [
    ({key for file in FILES for key in file} | {"webhooks", "recommenders"}, sections.SECTIONS),  # they need a key, and a history, that a newcomer has not
    (set(STARTER.context.values()), sections.CONTEXT_KINDS),
    ({feature.kind for feature in STARTER.features.values()}, sections.FEATURE_KINDS),
    (keys(entries("events")), (*event_types.TYPE_KEYS, *event_types.EVERY_KEYS)),
    (keys(entries("identities")), identity_kinds.KEYS),
    (keys(entries("enrich")), enrichment.LOOKUP_KEYS),
    (keys(entries("traits")), trait_kinds.KEYS),
    (keys(entries("placements")), sections.PLACEMENT_KEYS),
    (keys(entries("offers")), sections.OFFER_KEYS),
    (keys([offer["items"] for offer in entries("offers") if "items" in offer]), sections.ITEMS_KEYS),
    (keys([offer["valid"] for offer in entries("offers") if "valid" in offer]), ("from", "to")),
    ({type(offer.shown.items.source) for offer in STARTER.offers.values() if offer.shown.items}, (str, tuple, d.RelatedTo)),
    (keys([offer["items"].get("exclude", {}) for offer in entries("offers") if "items" in offer]), ("bought", "shown")),
    (keys(TESTS), case_rules.CASE_KEYS),
    (keys([case["given"] for case in TESTS]), case_rules.GIVEN),
    (keys([event for case in TESTS for event in case["given"].get("events", ())]), case_rules.EVENT_KEYS),
    (keys([wanted for case in TESTS for wanted in case.get("expect", {}).values()]), case_rules.EXPECTED),
    ({variable.type for block in STARTER.blocks.values() for variable in block.variables}, ("string", "number", "boolean", "url", "date")),
    (keys([yaml.load(path.read_text(), yaml.BaseLoader) for path in (ROOT / "blocks").glob("*/block.yaml")]), declared.BLOCK_KEYS),
    (keys([yaml.load(path.read_text(), yaml.BaseLoader) for path in (ROOT / "models").glob("*.yaml")]) | {"file", "shadow"}, card_rules.CARD_KEYS),
], ids=lambda value: None if isinstance(value, set) else ",".join(map(str, value))[:40])  # fmt: skip
def test_every_key_and_kind_is_used(used, known):
    assert used >= set(known)


def test_every_operator_is_used():
    assert {test.operator for test in of(c.Test)} == set(leaves.OPERATORS)


def test_every_kind_of_condition_is_used_with_its_negations():
    assert {type(each) for each in ALL} >= {c.All, c.Any, c.Not, c.Field, c.Did, c.Changed, c.InSegment, c.Consented, c.LocalTime}
    assert {each.negated for each in of(c.Did)} == {True, False}


def test_every_window_is_used():
    assert {type(each) for each in ALL} >= {c.Ever, c.Within, c.Since, c.SinceLast, c.Between, c.Calendar}
    assert {each.unit for each in of(c.Calendar)} == set(leaves.PERIODS)


def test_right_hand_sides_are_literals_lists_and_fields():
    rights = [where.test.value for where in of(c.Where)]

    assert {str, tuple, c.Ref, int} <= {type(value) for value in rights}


def test_every_function_and_sign_of_expressions_is_used():
    assert {each.function for each in of(c.Call)} == {"min", "max", "abs", "log", "exp"}
    assert {each.operator for each in of(c.Arithmetic)} | {"negative" for _ in of(c.Negative)} == {"+", "-", "*", "/", "negative"}


def test_every_root_is_read_somewhere():
    read = {ref.root for ref in parts([ALL, STARTER.models]) if isinstance(ref, c.Ref)}

    assert read == {"profile", "feature", "model", "context", "offer", "item", "table"}


def test_models_score_people_and_products_and_their_scripts_stand_beside_them():
    cards = STARTER.models.values()

    assert {card.per_item for card in cards} == {True, False}
    assert all((ROOT / "models" / f"train_{card.id}.py").exists() for card in cards)


@pytest.mark.parametrize("offer", STARTER.offers)
def test_every_offer_comes_out_in_one_of_the_tests(offer):
    assert offer in {wanted.get("offer") for case in TESTS for wanted in case.get("expect", {}).values()}


@pytest.mark.parametrize("segment", STARTER.segments)
def test_every_segment_is_asked_for(segment):
    assert segment in {each.segment for each in of(c.InSegment)}


@pytest.mark.parametrize("feature", STARTER.features)
def test_every_feature_is_read(feature):
    used = {ref.path[1] for ref in parts([ALL, STARTER.models]) if isinstance(ref, c.Ref) and ref.root == "feature"}

    assert feature in used


LIBRARY = {"greeting", "recommendations", "cart_reminder", "store_nearby", "loyalty_status", "survey", "footer"}
"""Blocks to begin with, which the invented shop's own mails do without."""


@pytest.mark.parametrize("block", STARTER.blocks.values(), ids=lambda block: block.id)
def test_every_block_has_a_template_for_each_surface(block):
    assert set(block.templates) == set(TEMPLATES.values())


@pytest.mark.parametrize("block", [each for each in STARTER.blocks.values() if each.id not in ("greeting", "survey", "footer")], ids=lambda block: block.id)
def test_every_block_with_something_that_changes_fetches_it_and_shows_the_same_until_then(block):
    markup = block.templates["amp"][1]

    assert ("<amp-list" in markup, markup.count("</template>"), "<div placeholder>" in markup, "<div fallback>" in markup) == (True, 1, True, True)


def test_every_block_is_shown_by_something_or_is_there_to_begin_with():
    shown = {each.block for each in of(d.Shown)}

    assert shown | LIBRARY == set(STARTER.blocks)


def test_every_block_has_a_translation_into_a_language_of_each_direction():
    blocks, _ = compile_blocks(STARTER.blocks)

    assert {(id, *sorted(block.others)) for id, block in blocks.items()} == {(id, "ar", "de") for id in STARTER.blocks}
