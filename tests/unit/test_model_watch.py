"""Drift is told by bins of the card's baseline, what is absent being one of its own."""

from __future__ import annotations

import math

import pytest

from app.reports.drift import drift, psi

NUMBERS = {"edges": [1.0, 2.0], "shares": [0.5, 0.25, 0.25], "absent": 0.0}


def test_the_same_shares_have_no_drift():
    assert drift("x", [0, 0, 1, 2], NUMBERS, None).psi == pytest.approx(0)


def test_the_index_is_what_its_definition_says():
    assert psi([(0.5, 0.25), (0.5, 0.75)]) == pytest.approx(-0.25 * math.log(0.5) + 0.25 * math.log(1.5))


@pytest.mark.parametrize("values,state", [([0, 0, 1, 2], "steady"), ([0] * 6 + [1] * 7 + [2] * 7, "moved"), ([2, 2, 2, 2], "drifted")])
def test_what_moved_is_named_by_how_far(values, state):
    assert drift("x", values, NUMBERS, None).state == state


def test_the_card_s_default_counts_as_absent_where_nothing_was_as_low():
    found = drift("x", [0, 0, 1, 2, -1, -1, -1, -1], {**NUMBERS, "edges": [1.0, 2.0]}, -1.0)

    assert (found.absent_then, found.absent_now, found.state) == (0.0, 0.5, "drifted")


def test_texts_that_never_came_up_are_one():
    base = {"texts": {"NO": 0.5, "DE": 0.5}, "absent": 0.0}

    assert drift("country", ["NO", "DE"], base, "").psi == pytest.approx(0)
    assert drift("country", ["NO", "IT"], base, "").state == "drifted"


def test_a_baseline_of_an_older_card_has_bins_of_as_many_rows_each():
    assert drift("x", [0, 1, 2], {"edges": [1.0, 2.0], "absent": 0.0}, None).psi == pytest.approx(0)
