"""Items are ranked by an expression in which models of items stand like any other number."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from content_shop import MODEL, RULES, write_shop

from app.catalogue.replica import Replica
from app.content.load import load
from app.content.queries import read_items_query
from app.content.snapshot import Snapshot
from app.domain.profile import Profile
from app.domain.request import Request
from app.errors import ModelUnavailable


class Price:
    """A model that gives a tenth of the price."""

    dtype = np.float32

    def score_rows(self, matrix: np.ndarray) -> list[float]:
        return [float(row[0]) / 10 for row in matrix]

    def fixed(self, matrix: np.ndarray, varying: Any, *, ranking: bool = False) -> Any:
        return lambda values, rows: self.score_rows(matrix if rows is None else matrix[rows])


class Broken(Price):
    def score_rows(self, matrix: np.ndarray) -> list[float]:
        raise ModelUnavailable("broken")


ITEMS = [
    {"id": "a", "price": 10, "margin": 9, "shelf": {"place": 1}}, {"id": "b", "price": 20, "margin": 5, "shelf": {"place": 3}},
    {"id": "c", "price": 30, "margin": 1, "shelf": {"place": 2}}, {"id": "d", "price": 40},
]
MODELS = {"models/shelf.yaml": MODEL.replace("feature.spend_90d", "item.shelf.place"), "models/shelf.onnx": "not looked into here"}


def snapshot(folder: Path, **models: Any) -> Snapshot:
    runtime: Any = SimpleNamespace(get={"click": Price(), "shelf": Price(), **models}.get)
    return Snapshot(load(write_shop(folder, RULES, more=MODELS)), runtime)


def ranked(found: Snapshot, rank: Any, **traits: Any) -> tuple[list[str], Request]:
    catalogue = Replica()
    catalogue.apply(1, {row["id"]: row for row in ITEMS})
    r = Request(1_790_000_000_000, Profile("u:1", traits=traits), None, found.score)
    plan = found.plan(read_items_query({"rank": rank, "limit": 4}, found.definitions))
    return [item.id for item in plan.choose(r, catalogue) or []], r


ORDERS = [
    ("model.click", ["d", "c", "b", "a"]), ("-model.click", ["a", "b", "c", "d"]), ("model.click * item.margin", ["b", "a", "c", "d"]),
    ("item.margin * model.click + model.shelf", ["b", "a", "c", "d"]), ("model.shelf", ["b", "c", "a", "d"]), ("model.shelf * 100 - model.click", ["b", "c", "a", "d"]),
    ("-item.price * profile.thrift", ["a", "b", "c", "d"]), ("model.click * profile.absent", ["a", "b", "c", "d"]), (5, ["a", "b", "c", "d"]),
    ("max(model.click, item.margin)", ["a", "b", "c", "d"]), ("model.buy * model.click", ["d", "c", "b", "a"]),
]


@pytest.mark.parametrize(("rank", "order"), ORDERS)
def test_a_rank_orders_items_and_leaves_what_is_missing_last(tmp_path: Path, rank: Any, order: list[str]) -> None:
    assert ranked(snapshot(tmp_path), rank, thrift=2)[0] == order


@pytest.mark.parametrize("rank", ["model.click", "model.click * item.margin"])
def test_where_a_model_fails_its_fallback_ranks_and_is_named(tmp_path: Path, rank: str) -> None:
    order, r = ranked(snapshot(tmp_path, click=Broken()), rank)
    assert (order, r.degraded) == (["a", "b", "c", "d"], ["model:click"])


def test_queries_of_requests_leave_nothing_behind_in_the_rules(tmp_path: Path) -> None:
    found = snapshot(tmp_path)
    before = len(found.program.writer.namespace), len(found.program.source)
    for i in range(300):
        ranked(found, f"model.click * {i}")
    assert (len(found.program.writer.namespace), len(found.program.source)) == before


def test_an_item_that_a_list_names_twice_is_shown_once(tmp_path: Path) -> None:
    found, catalogue = snapshot(tmp_path), Replica()
    catalogue.apply(1, {row["id"]: row for row in ITEMS})
    query = read_items_query({"from": ["b", "a", "b"]}, found.definitions)
    assert [item.id for item in found.plan(query).choose(Request(1_790_000_000_000), catalogue) or []] == ["b", "a"]


def test_named_items_that_are_excluded_leave_the_scores_of_the_rest(tmp_path: Path) -> None:
    found = snapshot(tmp_path)
    plan = found.plan(read_items_query({"from": ["a", "b", "c"], "rank": "model.click", "limit": 4}, found.definitions))
    catalogue = Replica()
    catalogue.apply(1, {row["id"]: row for row in ITEMS})

    chosen = plan.choose(Request(1_790_000_000_000, score=found.score), catalogue, {"b"}) or []

    assert [item.id for item in chosen] == ["c", "a"]


def test_a_test_that_names_a_model_s_score_gives_it_to_every_item(tmp_path: Path) -> None:
    found = snapshot(tmp_path)
    plan = found.plan(read_items_query({"rank": "model.click - item.price", "limit": 4}, found.definitions))
    catalogue = Replica()
    catalogue.apply(1, {row["id"]: row for row in ITEMS})
    r = Request(1_790_000_000_000, score=found.score)
    r.given_scores = {"click": 7.0}

    assert [score for _, score in plan.scored(r, plan.choose(r, catalogue) or [])] == [-3.0, -13.0, -23.0, -33.0]


def test_of_many_items_those_of_the_person_s_value_are_looked_up(tmp_path: Path) -> None:
    found = snapshot(tmp_path)
    query = {"filter": {"all": [{"field": "item.shelf", "eq": {"field": "profile.shelf"}}, {"field": "item.price", "gte": 5}]}, "limit": 3}
    plan = found.plan(read_items_query(query, found.definitions))
    catalogue = Replica()
    catalogue.apply(1, {f"i{n}": {"id": f"i{n}", "shelf": f"s{n % 100}", "price": n} for n in range(3_000)})
    now = 1_790_000_000_000

    someone, nobody = (Request(now, Profile("u:1", traits=traits), None, found.score) for traits in ({"shelf": "s7"}, {"other": 1}))

    assert [item.id for item in plan.choose(someone, catalogue) or []] == ["i7", "i107", "i207"]
    assert plan.choose(nobody, catalogue) is None
