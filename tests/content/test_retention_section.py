"""`retention:` bounds what is kept of people, and says what it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from content_shop import RULES, write_shop

from app.content.load import inspect, load
from app.domain.retention import USUAL_RETENTION, Retention

DAY = 86_400_000


def test_each_kind_has_its_bound(tmp_path: Path) -> None:
    found = load(write_shop(tmp_path, RULES + "retention: {people: 400d, dead_letters: 4w, events: {Product Viewed: 90d}}\n"))

    assert found.retention == Retention(people=400 * DAY, dead_letters=28 * DAY, events={"product_viewed": 90 * DAY})


def test_without_the_section_people_are_kept_and_dead_letters_for_a_month(tmp_path: Path) -> None:
    assert load(write_shop(tmp_path)).retention == USUAL_RETENTION == Retention(people=0, dead_letters=30 * DAY)


@pytest.mark.parametrize(("text", "said"), [
    ("{peeple: 400d}", 'no kind of data "peeple"'), ("{people: 400}", "400 is no duration"), ("{people: 3h}", "is shorter than a day"), ("{events: {seen: 3h}}", "is shorter than a day"), ("{events: {seen: 400}}", "400 is no duration"),
])
def test_what_cannot_be_kept_to_is_a_problem(tmp_path: Path, text: str, said: str) -> None:
    _, problems = inspect(write_shop(tmp_path, RULES + f"retention: {text}\n"))

    assert [problem.message for problem in problems] == [said]
