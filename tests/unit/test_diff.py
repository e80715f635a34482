"""What changed in the rules, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.content.load import load
from app.reports.diff import changes
from tests.content.content_shop import RULES, write_shop


def told(tmp_path: Path, old: str, new: str) -> list[str]:
    return [str(each) for each in changes(load(write_shop(tmp_path / "old", old)), load(write_shop(tmp_path / "new", new)))]


def test_the_same_rules_on_other_lines_have_not_changed(tmp_path: Path) -> None:
    assert told(tmp_path, RULES, RULES.replace("features:", "\n\n# a remark\nfeatures:")) == []


@pytest.mark.parametrize("old,new,said", [
    ("within: 48h", "within: 72h", "segment shoe_browsers condition: product_viewed where category is shoes in the last 3 days, was product_viewed where category is shoes in the last 48 hours"),
    ("    block: card\n", "    block: card\n    priority: 10\n", "offer shoes_15 priority: 10, was 0"),
    ('"15 % off"', '"20 % off"', "offer shoes_15 vars.headline: 20 % off, was 15 % off"),
    ("hero: {fallback: {block: plain}}", "hero: {fallback: {block: plain}, rank: offer.value * 2}", "placement hero rank: offer.value * 2, was none"),
    ("spend_90d: {sum: order_completed.total, within: 90d}", "spend_90d: {sum: order_completed.total, within: 30d}",
     "feature spend_90d is now sum of order_completed.total in the last 30 days, was sum of order_completed.total in the last 90 days"),
    ("Europe/Berlin", "UTC", "timezone is UTC, was Europe/Berlin"),
])
def test_a_change_is_told_by_what_it_means(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert told(tmp_path, RULES, RULES.replace(old, new)) == [said]


def test_what_came_and_went_is_told(tmp_path: Path) -> None:
    found = told(tmp_path, RULES, RULES.replace("shoes_15:", "boots_15:"))

    assert found == ["offer boots_15 added", "offer shoes_15 removed"]


BANDIT = RULES.replace("hero: {fallback: {block: plain}}", "hero: {fallback: {block: plain}, rank: {bandit: clicks}}") + "\nbandits: {clicks: {reward: {event: email_clicked, within: 3d}, floor: 0.1}}\n"
TABLE = RULES + "\ntables: {club: {file: club.csv, inputs: [profile.tier], outputs: [percent]}}\n"


def test_a_bandit_s_bounds_are_told(tmp_path: Path) -> None:
    assert told(tmp_path, BANDIT, BANDIT.replace("floor: 0.1", "floor: 0.2")) == ["bandit clicks floor: 0.2, was 0.1"]


def test_a_table_s_rows_are_counted(tmp_path: Path) -> None:
    old = write_shop(tmp_path / "old", TABLE, more={"rules/club.csv": "profile.tier,percent\ngold,10\nsilver,5\n"})
    new = write_shop(tmp_path / "new", TABLE, more={"rules/club.csv": "profile.tier,percent\ngold,12\nsilver,5\nbronze,1\n"})

    assert [str(each) for each in changes(load(old), load(new))] == ["table club rows: 3, was 2; 2 of them are new or otherwise"]
