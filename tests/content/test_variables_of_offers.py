"""What a block gets for its variables: literals, what a field holds where it is of the type, else the block's default."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from content_shop import RULES, write_shop

from app.content.load import load
from app.content.snapshot import Snapshot
from app.domain.event import Event
from app.domain.history import History
from app.domain.profile import Profile
from app.domain.request import Request

CARD = """\
description: A headline
variables:
  headline: {type: string}
  percent: {type: number, default: 5}
  to: {type: url, default: "https://shop.example/"}
  until: {type: date, default: 2026-12-31}
  member: {type: boolean, default: false}
"""
VARS = "{headline: {field: profile.headline}, percent: {field: profile.percent}, to: {field: profile.to}, until: {field: profile.until}, member: {field: profile.member}}"
UNSCORED: Any = SimpleNamespace(get=lambda id: None)
DEFAULTS = {"percent": 5, "to": "https://shop.example/", "until": "2026-12-31", "member": False}


def variables(folder: Path, traits: dict[str, Any], written: str = VARS, *events: Event) -> Any:
    rules = RULES.replace('{headline: "15 % off"}', written)
    snapshot = Snapshot(load(write_shop(folder, rules, more={"blocks/card/block.yaml": CARD, "blocks/card/html.j2": "<p>{{ headline }}</p>"})), UNSCORED)
    return snapshot.offers["shoes_15"].vars(Request(1_790_000_000_000, Profile("u:1", History.of(events), traits)))


def test_what_a_field_holds_is_taken_where_it_is_of_the_type(tmp_path: Path) -> None:
    traits = {"headline": "Hi", "percent": 7, "to": "https://shop.example/a", "until": "2027-01-01T09:00:00Z", "member": True}
    assert variables(tmp_path, traits) == traits


def test_a_number_becomes_text_where_text_is_declared(tmp_path: Path) -> None:
    assert variables(tmp_path, {"headline": 15})["headline"] == "15"


def test_a_literal_number_becomes_text_where_text_is_declared(tmp_path: Path) -> None:
    assert variables(tmp_path, {}, "{headline: 15}") == {"headline": "15", **DEFAULTS}


@pytest.mark.parametrize("traits", [
    {}, {"percent": "7", "to": "javascript:alert(1)", "until": "soon", "member": "true"}, {"percent": None, "to": 5, "until": ["2027-01-01"], "member": 1},
])
def test_what_is_missing_or_of_another_type_is_left_to_the_default(tmp_path: Path, traits: dict[str, Any]) -> None:
    assert variables(tmp_path, {"headline": "Hi", **traits}) == {"headline": "Hi", **DEFAULTS}


def test_without_a_default_it_is_absent(tmp_path: Path) -> None:
    assert variables(tmp_path, {"headline": ["a"]}) == DEFAULTS


def test_an_instant_is_told_as_a_date(tmp_path: Path) -> None:
    order = Event("order_completed", 1_789_000_000_123, b"123456")
    found = variables(tmp_path, {}, "{headline: a, until: {field: feature.first_order_at}}", order)
    assert found["until"] == "2026-09-10T00:26:40.123Z"
