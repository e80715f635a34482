"""Recommenders: what goes with what, why, and what a file that is none leads to."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from app.catalogue.replica import Replica
from app.content.load import load
from app.content.neighbours import Neighbours
from app.content.matching import walk
from app.content.recommending import SEEDS, Baskets, advisers, read
from app.content.snapshot import Snapshot
from app.domain import conditions as c
from app.domain.definitions import ItemsQuery, Recommended
from app.domain.dictionary import Dictionary
from app.domain.event import Event, hashed_id
from app.domain.history import History
from app.domain.profile import Profile
from app.domain.request import Request
from app.errors import ContentInvalid, SettingsInvalid
from app.learning.baskets import Basket, questions
from app.learning.completing import by_cosine, by_learnt, by_popularity, hit_rate
from app.learning.copurchase import learn, packed
from app.learning.weighing import USUAL
from tests.fakes import FixedModels
from tests.told import told

KITS = [("cup", "saucer", "spoon"), ("tent", "lamp", "mat"), ("pen", "ink", "paper")]
RULES = """
version: 1
recommenders:
  goes_with: {seeds: {last: order_completed.products.product_id}, bought: order_completed.products.product_id}
"""


def baskets(count: int = 120) -> list[Basket]:
    """Whoever buys of a kit buys two or three of its things, and everybody a bag now and then."""
    draw = np.random.default_rng(3)
    found: list[Basket] = []
    for i in range(count):
        kit = KITS[i % 3]
        things = [kit[j] for j in draw.permutation(3)[: 2 + i % 2]] + ["bag"] * (draw.random() < 0.4)
        found.append(Basket(f"u{i % 20}", i, tuple(things)))
    return found


def recommender(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "goes_with.npz").write_bytes(packed(learn(baskets())))
    return folder / "goes_with.npz"


def test_what_is_bought_together_comes_first_and_what_is_there_does_not_come_at_all(tmp_path):
    neighbours = read(recommender(tmp_path))

    found = told(neighbours, ["cup"], {}, 3)

    assert {each.id for each in found[:2]} == {"saucer", "spoon"}
    assert "cup" not in {each.id for each in found}
    assert 0 < found[1].score <= found[0].score <= 1


def test_each_item_names_the_one_that_speaks_for_it_most(tmp_path):
    neighbours = read(recommender(tmp_path))

    found = {each.id: each.because for each in told(neighbours, ["cup", "tent"], {"ink": 3}, 8)}

    assert (found["saucer"], found["lamp"], found["ink"]) == ("cup", "tent", "ink")


def test_what_a_person_had_speaks_for_itself_where_there_is_nothing_to_start_from():
    arrays = learn(baskets())
    arrays["meta"] = np.frombuffer(json.dumps({**json.loads(bytes(arrays["meta"])), "weights": {**USUAL, "again": 0.7}}).encode(), dtype=np.uint8)

    found = told(Neighbours(arrays), [], {"ink": 3, "mat": 1}, 8)

    assert [(each.id, each.because) for each in found] == [("ink", "ink"), ("mat", "mat")]


@pytest.mark.parametrize("seeds", [[], ["nothing that is known"]])
def test_who_gives_nothing_to_start_from_gets_what_sells_best_of_late(tmp_path, seeds):
    found = told(read(recommender(tmp_path)), seeds, {}, 5)

    assert found[0].id == "bag"
    assert {each.because for each in found} == {None}


def test_what_sold_well_long_ago_is_not_what_sells_best_of_late():
    day = 86_400_000
    long_ago = [Basket(f"u{i}", i, ("lamp", "mat")) for i in range(60)]
    of_late = [Basket(f"u{i}", 200 * day + i, ("cup", "saucer")) for i in range(20)]

    found = told(Neighbours(learn([*long_ago, *of_late])), [], {}, 4)

    assert [each.id for each in found[:2]] == ["cup", "saucer"]


def test_things_that_stand_beside_each_other_go_together_more_than_those_far_apart():
    whole = ("a", "b", "c", "d", "e", "f", "g", "h")
    given = [Basket(f"u{i}", i, whole) for i in range(60)]

    found = [each.id for each in told(Neighbours(learn(given)), ["d"], {}, 7)]

    assert set(found[:2]) == {"c", "e"}
    assert set(found[-2:]) <= {"a", "g", "h"}


def test_everything_of_a_large_basket_is_left_out(tmp_path):
    given = [Basket(f"u{i}", i, tuple(f"i{j}" for j in range(120))) for i in range(60)]
    seeds = [f"i{j}" for j in range(110)]

    found = [each.id for each in told(Neighbours(learn(given)), seeds, {}, 50)]

    assert found and not set(found) & set(seeds)


def test_a_file_of_another_version_says_so_and_what_to_do(tmp_path):
    arrays = learn(baskets())
    arrays["meta"] = np.frombuffer(b'{"format": 1, "blend": [2, 1, 0.5]}', dtype=np.uint8)
    (tmp_path / "x.npz").write_bytes(packed(arrays))

    with pytest.raises(ContentInvalid) as failed:
        read(tmp_path / "x.npz")

    assert "written by another version of Inlay; write it anew with `inlay train`" in str(failed.value.found[0])


def test_a_recommender_completes_later_baskets_better_than_what_is_popular():
    given = baskets(400)
    before, later = given[:300], given[300:]
    neighbours = Neighbours(learn(before))
    asked = questions(before, later, 7, 200)

    rates = [hit_rate([*asked], lambda question, by=by: by(question)[:2]) for by in (by_learnt(neighbours, before), by_cosine(before), by_popularity(before))]

    assert rates[0] >= rates[1] - 0.05
    assert rates[0] > rates[2] + 0.2


def test_too_few_baskets_are_refused_with_what_to_do():
    with pytest.raises(SettingsInvalid, match="at least 50 are needed: take in more time, or look at the property"):
        learn(baskets(10))


def content(folder: Path, rules: str, data: bytes) -> Path:
    files = {"rules/shop.yaml": rules, "blocks/plain/block.yaml": "description: a word", "blocks/plain/html.j2": "<p>A word</p>"}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "models").mkdir()
    (folder / "models" / "goes_with.npz").write_bytes(data)
    return folder


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\x03\x04 torn"], ids=["empty", "text", "torn"])
def test_a_broken_file_is_a_problem_of_the_content_with_what_to_do(tmp_path, data):
    folder = content(tmp_path, RULES, data)

    with pytest.raises(ContentInvalid) as failed:
        load(folder)

    assert "recommenders.goes_with.file: models/goes_with.npz cannot be read" in str(failed.value.found[0])
    assert "write it anew with `inlay train`" in str(failed.value.found[0])


def test_a_file_whose_numbers_point_outside_of_it_is_refused(tmp_path):
    arrays = learn(baskets())
    arrays["near"] = arrays["near"] + 1_000
    (tmp_path / "x.npz").write_bytes(packed(arrays))

    with pytest.raises(ContentInvalid):
        read(tmp_path / "x.npz")


OFFER = """
offers:
  with_it:
    placements: [grid]
    items: {from: goes_with, filter: {field: item.stock, gte: 1}, limit: 2, at_least: 1}
    block: plain
placements:
  grid: {fallback: {block: plain}}
"""


def test_an_offer_shows_what_goes_with_the_last_order_and_is_in_stock(tmp_path):
    folder = content(tmp_path, RULES + OFFER, packed(learn(baskets())))
    definitions, catalogue = load(folder), Replica()
    catalogue.apply(1, {id: {"id": id, "stock": int(id != "spoon")} for kit in KITS for id in kit})
    snapshot = Snapshot(definitions, FixedModels({}), advisers=advisers(definitions, folder / "models"))
    order = Event("order_completed", 5, hashed_id("1"), {"products": [{"product_id": "cup"}]})

    plan = snapshot.offers["with_it"].plan
    assert plan is not None
    found = plan.choose(Request(10, Profile("u:ann", History.of([order]), known=True)), catalogue)

    assert found is not None and found[0].id == "saucer"
    assert "spoon" not in [item.id for item in found]


def asked(folder: Path, options: str, items: dict[str, dict[str, object]], seeds: list[str], limit: int = 6) -> list[str]:
    """What a recommender with these options shows of these items, from these seeds."""
    rules = RULES.replace("bought: order", f"{options}, bought: order")
    definitions, catalogue = load(content(folder, rules, packed(learn(baskets())))), Replica()
    catalogue.apply(1, {id: {"id": id, **fields} for id, fields in items.items()})
    plan = Snapshot(definitions, FixedModels({}), advisers=advisers(definitions, folder / "models")).plan(ItemsQuery(Recommended("goes_with"), limit=limit))
    r = Request(10, Profile("u:ann", known=True))
    r.memo[SEEDS] = seeds
    return [item.id for item in plan.choose(r, catalogue) or []]


SHOP = {"cup": "china", "saucer": "china", "spoon": "cutlery", "tent": "camping", "lamp": "camping", "mat": "camping", "bag": "bags"}
CATALOGUE: dict[str, dict[str, object]] = {id: {"category": kind} for id, kind in SHOP.items()}


def test_accessories_are_of_the_categories_that_go_with_those_of_the_seeds_alone(tmp_path):
    found = asked(tmp_path, "accessories: {china: [cutlery, bags]}", CATALOGUE, ["cup"])

    assert set(found) == {"spoon", "bag"}


def test_what_no_rule_of_accessories_speaks_of_has_none(tmp_path):
    assert asked(tmp_path, "accessories: {china: [cutlery]}", CATALOGUE, ["tent"]) == []


def test_a_diverse_recommender_shows_other_categories_before_more_of_the_same(tmp_path):
    found = asked(tmp_path, "diverse: 1", CATALOGUE, ["tent"])

    assert found[0] in ("lamp", "mat")
    assert {"lamp", "mat"} <= set(found)
    assert found.index("bag") == 1


def test_every_third_place_goes_to_an_item_too_new_to_be_known(tmp_path):
    fresh: dict[str, dict[str, object]] = {"stove": {"category": "camping"}, "scarf": {"category": "clothes"}}

    found = asked(tmp_path, "new: 3", {**CATALOGUE, **fresh}, ["tent"])

    assert found[2] == "stove"
    assert "scarf" not in found


def test_variety_counts_only_what_is_shown(tmp_path):
    unsold: dict[str, dict[str, object]] = {**CATALOGUE, "lamp": {"category": "camping", "stock": 0}}
    rules = RULES.replace("bought: order", "diverse: 1, bought: order")
    folder = content(tmp_path, rules, packed(learn(baskets())))
    snapshot, catalogue = Snapshot(load(folder), FixedModels({}), advisers=advisers(load(folder), folder / "models")), Replica()
    catalogue.apply(1, {id: {"id": id, "stock": 1, **fields} for id, fields in unsold.items()})
    in_stock = c.Field(c.Ref(("item", "stock")), (c.Test("gte", 1),))
    r = Request(10, Profile("u:ann", known=True))
    r.memo[SEEDS] = ["tent"]

    found = snapshot.plan(ItemsQuery(Recommended("goes_with"), filter=in_stock, limit=2)).choose(r, catalogue)

    assert [item.id for item in found or []] == ["mat", "bag"]


def test_two_placements_of_one_send_may_show_the_same(tmp_path):
    folder = content(tmp_path, RULES, packed(learn(baskets())))
    snapshot, catalogue = Snapshot(load(folder), FixedModels({}), advisers=advisers(load(folder), folder / "models")), Replica()
    catalogue.apply(1, {id: {"id": id} for kit in KITS for id in kit})
    plan, r = snapshot.plan(ItemsQuery(Recommended("goes_with"), limit=3)), Request(10, Profile("u:ann", known=True))
    r.memo[SEEDS] = ["cup"]

    first, second = plan.choose(r, catalogue), plan.choose(r, catalogue)

    assert first is not None and second is not None and len(first) == 2
    assert [item.id for item in first] == [item.id for item in second]


def test_what_is_sold_out_comes_back_with_the_next_version_of_the_catalogue(tmp_path):
    folder = content(tmp_path, RULES, packed(learn(baskets())))
    snapshot, catalogue = Snapshot(load(folder), FixedModels({}), advisers=advisers(load(folder), folder / "models")), Replica()
    catalogue.apply(1, {"saucer": {"id": "saucer", "stock": 0}})
    in_stock = c.Field(c.Ref(("item", "stock")), (c.Test("gte", 1),))
    plan, r = snapshot.plan(ItemsQuery(Recommended("goes_with"), filter=in_stock, limit=3)), Request(10, Profile("u:ann", known=True))
    r.memo[SEEDS] = ["cup"]
    sold_out = plan.choose(r, catalogue)

    catalogue.apply(2, {"saucer": {"id": "saucer", "stock": 3}, "spoon": {"id": "spoon", "stock": 1}})

    assert (sold_out, {item.id for item in plan.choose(r, catalogue) or []}) == (None, {"saucer", "spoon"})


@pytest.mark.parametrize("options,why", [("diverse: 0", "a whole number from 1 to 100"), ("new: 1", "a whole number from 2 to 100"), ("accessories: {china: cups}", "a list")])
def test_an_option_that_cannot_be_is_refused_with_what_would_be_right(tmp_path, options, why):
    folder = content(tmp_path, RULES.replace("bought: order", f"{options}, bought: order"), packed(learn(baskets())))

    with pytest.raises(ContentInvalid) as failed:
        load(folder)

    assert why in " ".join(map(str, failed.value.found))


def test_a_catalogue_of_other_items_than_the_recommender_knows_leaves_nothing_to_show(tmp_path):
    assert asked(tmp_path, "diverse: 2", {"other": {}, "thing": {}}, ["cup"]) == []


def orders(draw: Random, count: int) -> list[Event]:
    """Most of them as a shop sends them, some otherwise: with other properties before, without products, without an id in one."""
    ids = [f"p{i}" for i in range(30)]

    def properties() -> dict[str, Any]:
        products: Any = [{"product_id": id, "quantity": 1, "price": 9.5} for id in draw.sample(ids, draw.randint(0, 4))]
        kind = draw.random()
        if kind < 0.05:
            return {"products": products, "total": 3}
        if kind < 0.07:
            return {"total": 3}
        if kind < 0.09:
            products.append({"quantity": 2})
        elif kind < 0.11:
            products.append({"product_id": 7})
        elif kind < 0.13:
            products = draw.choice([None, "p1", {"product_id": "p2"}, [["p3"]], [None]])
        return {"total": 3, "products": products}

    return [Event("order_completed", 1_000 * i, hashed_id(f"o{i}"), properties()) for i in range(count)]


@pytest.mark.parametrize("path", [("products", "product_id"), ("products",), ("products", "product_id", "more"), ("total", "product_id"), ("nothing", "product_id")])
def test_what_was_bought_is_read_alike_however_the_orders_lie(path):
    draw, names, bought = Random(8), Dictionary(growing=True), Baskets("order_completed", path)

    for _ in range(600):
        events = orders(draw, draw.randint(0, 8))
        history = History.of(events, names)
        if draw.random() < 0.2:
            history = History(history.sealed(), None, names)

        found = bought(Request(10**6, Profile(history=history)))

        assert found == [[id for id in walk(event.properties.get(path[0]), path[1:]) if isinstance(id, str)] for event in events]
