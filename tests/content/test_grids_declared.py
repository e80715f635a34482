"""`arbitration:` of items: what may be written, and that the same person gets the same grid."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from content_shop import RULES, write_shop

from app.catalogue.replica import Replica
from app.content.load import inspect, load
from app.content.queries import read_items_query
from app.content.snapshot import Snapshot
from app.domain.decision import Choice, encode_record
from app.domain.profile import Profile
from app.domain.request import Request

NOW = 1_790_000_000_000
ITEMS: list[dict[str, Any]] = [{"id": f"p{n}", "price": n, "category": "shoes" if n > 2 else "bags", "brand": f"b{n % 2}"} for n in range(1, 8)]


def chosen(folder: Path, arbitration: Any, *, sends: dict[str, bytes] | None = None, at_least: int = 1) -> list[str] | None:
    runtime: Any = SimpleNamespace(get={}.get)
    snapshot = Snapshot(load(write_shop(folder, RULES)), runtime)
    catalogue = Replica()
    catalogue.apply(1, {str(row["id"]): row for row in ITEMS})
    r = Request(NOW, Profile("u:1", sends=sends or {}), None, snapshot.score)
    plan = snapshot.plan(read_items_query({"rank": "item.price", "limit": 4, "at_least": at_least, "arbitration": arbitration}, snapshot.definitions))
    found = plan.choose(r, catalogue)
    return None if found is None else [item.id for item in found]


CHOSEN: list[tuple[dict[str, Any], list[str]]] = [
    ({"at_most": {"shoes": 2}}, ["p7", "p6", "p2", "p1"]),
    ({"at_most": 1}, ["p7", "p2"]),
    ({"at_least": {"bags": 1}}, ["p7", "p6", "p5", "p2"]),
    ({"by": "brand", "at_most": {"b1": 1}}, ["p7", "p6", "p4", "p2"]),
    ({"pins": ["p1"]}, ["p1", "p7", "p6", "p5"]),
    ({"diversity": 0.5, "alike": ["category", "brand"]}, ["p7", "p2", "p6", "p1"]),
]


@pytest.mark.parametrize(("arbitration", "expected"), CHOSEN)
def test_the_items_of_an_offer_are_chosen_together(tmp_path: Path, arbitration: dict[str, Any], expected: list[str]) -> None:
    assert chosen(tmp_path, arbitration) == expected


def test_items_of_the_last_sends_are_left_out(tmp_path: Path) -> None:
    sends = {f"s{n}": encode_record(NOW - n, None, "v", {"grid": Choice("grid", "o", "b", "", priced=[(id, None)])}) for n, id in ((1, "p7"), (2, "p6"), (3, "p5"))}

    assert chosen(tmp_path, {"not_again": 2}, sends=sends) == ["p5", "p4", "p3", "p2"]


def test_an_offer_whose_quotas_leave_too_few_items_is_removed(tmp_path: Path) -> None:
    assert chosen(tmp_path, {"at_most": 1}, at_least=3) is None


WRONG = [
    ("at_most: {shoes: -1}", ".at_most.shoes: is -1; a number of items, or below 1 a share of them"),
    ("at_least: {shoes: 9}", ".at_least: wants 9 items, and the limit is 4; fewer, or more items"),
    ("at_least: {shoes: 2}, at_most: 1", ".at_least.shoes: wants 2, and at_most allows 1"),
    ("diversity: 2", ".diversity: is 2; from 0, by rank alone, to 1"),
    ("pins: [a, a]", ".pins: pins an item twice"),
    ("pins: [a, b, c, d, e]", ".pins: names 5 items, and the limit is 4"),
    ("at_mots: 1", 'unknown key "at_mots"; did you mean "at_most"?'),
]


@pytest.mark.parametrize(("arbitration", "message"), WRONG)
def test_a_mistake_is_told(tmp_path: Path, arbitration: str, message: str) -> None:
    rules = f"""\
version: 1
placements: {{grid: {{fallback: {{block: plain}}}}}}
offers:
  picks: {{placements: [grid], block: plain, items: {{limit: 4, arbitration: {{{arbitration}}}}}}}
"""

    found = [str(each) for each in inspect(write_shop(tmp_path, rules))[1]]

    assert any("rules/shop.yaml:4 offers.picks.items.arbitration" in each and message in each for each in found), found
