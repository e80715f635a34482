"""What a trace keeps of how offers were judged."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from random import Random

import pytest

from app.domain.trace import changed, decode_trace, encode_trace, read_trace, restored

TABLE = {"hero": [["a", "b", "c", "d"], [None, ["valid", ""], ["eligibility", "rules/x.yaml:3"]], array("H", [2, 0, 2, 0]).tobytes(), [None, None, 7.0, None]]}


@dataclass
class Judged:
    codes: array[int] | None
    filed: array[int] = field(default_factory=lambda: array("H", [2, 0, 2, 0]))
    scores: dict[int, float | None] = field(default_factory=dict)
    later: dict[int, str] = field(default_factory=dict)
    chosen: int | None = None


def test_offers_that_nobody_looked_at_keep_the_reason_they_are_filed_under():
    trace = encode_trace("v", {"hero": Judged(array("H", [2, 0, 0, 1]), scores={1: 4.0, 2: 2.0}, chosen=1)}, {"f": 1})

    candidates, features = read_trace(trace, {"v": TABLE}.get)

    assert [(each.outcome, each.by, each.score) for each in candidates["hero"]] == [
        ("removed", "eligibility", None), ("chosen", "", 4.0), ("outranked", "", 2.0), ("removed", "valid", None),
    ]
    assert features == {"f": 1}


def test_a_score_that_is_the_same_for_everybody_is_told_from_the_table():
    trace = encode_trace("v", {"hero": Judged(array("H", [2, 1, 0, 0]), chosen=2)}, {})

    candidates, _ = read_trace(trace, {"v": TABLE}.get)

    assert [each.score for each in candidates["hero"]] == [None, None, 7.0, None]


@pytest.mark.parametrize("offers", [0, 1, 7, 8, 9, 1_000])
def test_codes_of_any_number_of_offers_come_back_as_they_were(offers):
    draw = Random(offers)
    filed = array("H", [draw.choice([0, 0, 3, 65_535]) for _ in range(offers)])
    codes = array("H", [draw.choice([code, code, 1, 40_000]) for code in filed])

    assert restored(changed(codes, filed), filed.tobytes()) == codes.tolist()


def test_parts_of_any_size_stand_one_behind_another():
    small = encode_trace("v", {"hero": Judged(array("H", [0, 0, 0, 0]))}, {})
    large = encode_trace("w", {}, {f"feature{i}": "x" * 50 for i in range(100)})

    parts = list(decode_trace(small + large + small))

    assert [version for version, _, _ in parts] == ["v", "w", "v"]
    assert len(large) < 2_000


def test_what_was_judged_without_reasons_leaves_none():
    assert read_trace(encode_trace("v", {"hero": Judged(None)}, {}), {"v": TABLE}.get) == ({}, {})
