"""What is kept of how offers were judged."""

from __future__ import annotations

from array import array
from random import Random

import pytest

from app.domain.logged import Fate
from app.domain.trace import candidates_of, changed, restored

FILED = array("H", [2, 0, 2, 0])
MEANING = [["a", "b", "c", "d"], [None, ["valid", ""], ["eligibility", "rules/x.yaml:3"]], FILED.tobytes(), [None, None, 7.0, None]]


def fate(codes: list[int], chosen: int | None, scores: list[tuple[int, float | None]]) -> Fate:
    return Fate(changed(array("H", codes), FILED), chosen, [], scores, None, "", "")


def test_offers_that_nobody_looked_at_keep_the_reason_they_are_filed_under():
    candidates = list(candidates_of(fate([2, 0, 0, 1], 1, [(1, 4.0), (2, 2.0)]), MEANING))

    assert [(each.outcome, each.by, each.score) for each in candidates] == [
        ("removed", "eligibility", None), ("chosen", "", 4.0), ("outranked", "", 2.0), ("removed", "valid", None),
    ]


def test_a_score_that_is_the_same_for_everybody_is_told_from_the_table():
    candidates = list(candidates_of(fate([2, 1, 0, 0], 2, []), MEANING))

    assert [each.score for each in candidates] == [None, None, 7.0, None]


@pytest.mark.parametrize("offers", [0, 1, 7, 8, 9, 1_000])
def test_codes_of_any_number_of_offers_come_back_as_they_were(offers):
    draw = Random(offers)
    filed = array("H", [draw.choice([0, 0, 3, 65_535]) for _ in range(offers)])
    codes = array("H", [draw.choice([code, code, 1, 40_000]) for code in filed])

    assert restored(changed(codes, filed), filed.tobytes()) == codes.tolist()
