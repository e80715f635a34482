"""A grid arbitrated: quotas, minimum shares, pins and diversity of the items that stand in it together."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from app.domain.arbitration import Arbitration, Option
from app.domain.grids import Grid, filled


def options(text: str) -> list[Option]:
    """`s1 s2 b1`: best first, of the category that the letter names."""
    return [Option(each, each[0], (each[0],)) for each in text.split()]


def shown(ranked: str, places: int, *, pins: str = "", beside: str = "", **rules: Any) -> str:
    grid = Grid(Arbitration(**rules), tuple(pins.split()))
    return " ".join(each.offer for each in filled(grid, options(ranked), places, options(beside)))


RANKED = "s1 s2 s3 b1 s4 h1 b2"
GRIDS: list[tuple[dict[str, Any], str]] = [
    ({}, "s1 s2 s3 b1"),
    ({"at_most": {"s": 2}}, "s1 s2 b1 h1"),
    ({"at_most_each": 1}, "s1 b1 h1"),
    ({"at_most_each": 1, "at_most": {"s": 2}}, "s1 s2 b1 h1"),
    ({"at_most": {"s": 0.5}}, "s1 s2 b1 h1"),
    ({"at_most": {"s": 0}}, "b1 h1 b2"),
    ({"at_least": {"h": 1}}, "s1 s2 s3 h1"),
    ({"at_least": {"h": 1, "b": 0.5}}, "s1 b1 h1 b2"),
    ({"at_least": {"h": 3}}, "s1 s2 s3 h1"),
    ({"at_least": {"x": 1}}, "s1 s2 s3 b1"),
    ({"pins": "h1"}, "h1 s1 s2 s3"),
    ({"pins": "b2 gone h1"}, "b2 h1 s1 s2"),
    ({"pins": "s3 s4", "at_most": {"s": 1}}, "s3 s4 b1 h1"),
    ({"diversity": 0.6}, "s1 b1 h1 s2"),
    ({"diversity": 1.0}, "s1 b1 h1 s2"),
    ({"diversity": 0.1}, "s1 s2 b1 s3"),
    ({"beside": "s9", "at_most": {"s": 2}}, "s1 b1 h1 b2"),
    ({"beside": "s9", "diversity": 0.6}, "b1 h1 s1 s2"),
]


@pytest.mark.parametrize(("rules", "expected"), GRIDS)
def test_a_grid_is_filled_as_its_rules_say(rules: dict[str, Any], expected: str) -> None:
    assert shown(RANKED, 4, **rules) == expected


def test_fewer_items_than_places_are_all_shown() -> None:
    assert shown("s1 b1", 4, diversity=0.5) == "s1 b1"


def test_a_share_is_met_by_an_item_that_ranks_far_below() -> None:
    ranked = " ".join(f"s{n}" for n in range(500)) + " h1"

    assert shown(ranked, 3, at_least={"h": 1}) == "s0 s1 h1"


def test_a_quota_is_kept_where_the_best_are_all_of_one_kind() -> None:
    ranked = " ".join(f"s{n}" for n in range(500)) + " h1 b1"

    assert shown(ranked, 3, at_most={"s": 1}) == "s0 h1 b1"


@pytest.mark.parametrize("seed", range(40))
def test_no_quota_is_exceeded_and_no_share_missed_that_can_be_met(seed: int) -> None:
    draw = random.Random(seed)
    ranked = [Option(f"{n}", kind, (kind,)) for n in range(30) for kind in (draw.choice("abc"),)]
    most, least = {"a": draw.randint(1, 3)}, {"c": draw.randint(0, 3)}
    there = Counter(each.category for each in ranked)

    found = filled(Grid(Arbitration(at_most=most, at_least=least, diversity=draw.choice((0.0, 0.4)))), ranked, 6)

    counts = Counter(each.category for each in found)
    assert len({each.offer for each in found}) == len(found)
    assert counts["a"] <= most["a"]
    assert counts["c"] >= min(least["c"], there["c"])
