"""Whatever comes at once, and however its steps fall between each other, makes the people of one pass in order."""

from __future__ import annotations

import pytest

from tests.interleaving import unlike


def test_parts_of_a_history_that_arrive_at_once_make_the_same_people():
    assert unlike(range(500)) == []


@pytest.mark.long
def test_parts_of_ten_thousand_histories_that_arrive_at_once_make_the_same_people():
    assert unlike(range(500, 10_500)) == []
