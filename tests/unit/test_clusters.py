"""Kinds of people: found again, told apart by the file as by the library, and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.content.check import check
from app.content.load import load
from app.domain import conditions as c
from app.errors import ContentInvalid, SettingsInvalid
from app.learning.clusters import WAYS, Clusters, cluster, onnx
from app.learning.examples import Examples
from app.learning.fitting import feeds, scores
from app.learning.lifetime import Customers, fit_coming, fit_spending, value
from app.learning.outcomes import customers_of
from app.learning.lifetime import onnx as lifetime_onnx
from app.learning.spec import Column
from tests.made_models import identity

COLUMNS = tuple(Column(c.Ref(("feature", name))) for name in ("orders", "spent"))


def people(seed: int = 1, count: int = 300) -> Examples:
    """Three kinds: few orders and little money, many and little, few and much."""
    draw = np.random.default_rng(seed)
    kind = draw.integers(0, 3, count)
    orders, spent = np.array([2.0, 60.0, 2.0])[kind], np.array([30.0, 30.0, 3_000.0])[kind]
    return Examples(COLUMNS, (orders * draw.lognormal(0, 0.2, count), spent * draw.lognormal(0, 0.2, count)), np.zeros(count))


def found(way: str = "kmeans", **more: object) -> Clusters:
    return cluster(people(), 2, 4, way, 7, **more)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("way", WAYS)
def test_the_number_of_clusters_is_found_and_the_file_puts_everybody_where_the_library_does(way):
    kinds, others = found(way), people(seed=2)

    told = scores(onnx(kinds), feeds(kinds.preparation, others))

    assert len(kinds.clusters) == 3
    assert told.tolist() == kinds.assign(others).tolist()


def test_a_cluster_is_described_by_what_sets_it_apart():
    words = {each.name: each.words for each in found().clusters}

    assert any("much spent" in told for told in words.values())
    assert any("much orders" in told for told in words.values())


def test_clusters_that_are_found_anew_bear_the_names_that_they_had():
    before = found()
    named = {f"kind_{i}": each.middle for i, each in enumerate(before.clusters)}

    again = cluster(people(seed=5), 3, 3, "kmeans", 11, named)

    where = {name: before.assign(people()).tolist() for name in named}
    assert where
    middles = {each.name: np.array(each.middle) for each in again.clusters}
    assert {name: min(named, key=lambda other: float(((middles[name] - np.array(named[other])) ** 2).sum())) for name in middles} == {name: name for name in named}


def test_people_who_are_all_alike_are_refused_with_what_to_do():
    alike = Examples(COLUMNS, (np.ones(300), np.ones(300)), np.zeros(300))

    with pytest.raises(SettingsInvalid, match="name inputs by which people differ"):
        cluster(alike, 2, 3, "kmeans", 7)


RULES = """
version: 1
segments: {hunters: {field: model.kinds, eq: bargain_hunters}}
placements: {hero: {fallback: {block: plain}}}
offers: {sale: {placements: [hero], eligibility: {segment: hunters}, block: plain}}
tests:
  - {name: hunters see the sale, given: {models: {kinds: bargain_hunters}}, expect: {hero: {offer: sale}}}
  - {name: others do not, given: {models: {kinds: regulars}}, expect: {hero: {offer: null}}}
"""
CARD = "inputs: [{name: profile.x}]\nfallback: -1\noutput: {labels: [regulars, bargain_hunters]}\n"


def content(folder: Path, rules: str = RULES) -> Path:
    files = {"rules/shop.yaml": rules, "blocks/plain/block.yaml": "description: a word", "blocks/plain/html.j2": "<p>A word</p>", "models/kinds.yaml": CARD}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "models" / "kinds.onnx").write_bytes(identity())
    return folder


def test_rules_and_their_tests_know_a_cluster_by_its_name(tmp_path):
    assert [str(problem) for problem in check(content(tmp_path), 0) if not problem.warning] == []


def test_a_number_that_names_no_cluster_is_none(tmp_path):
    card = load(content(tmp_path)).models["kinds"]

    assert [card.label(score) for score in (0.0, 1.0, 2.0, -1.0)] == ["regulars", "bargain_hunters", None, None]


def test_a_cluster_that_is_not_there_is_told_in_a_test_of_the_rules(tmp_path):
    with pytest.raises(ContentInvalid) as told:
        load(content(tmp_path, RULES.replace("{kinds: regulars}", "{kinds: regular}")))

    assert 'no kind "regular"; did you mean "regulars"?' in str(told.value.found[0])


# -- lifetime value ----------------------------------------------------------------------------------------------------


def customers(count: int = 4_000, weeks: float = 60.0) -> Customers:
    """Drawn from the models themselves: r 0.9, alpha 8, a 0.5, b 2.5; p 6, q 4, v 15."""
    draw = np.random.default_rng(4)
    frequency, recency, worth = np.zeros(count), np.zeros(count), np.zeros(count)
    age = draw.uniform(weeks / 2, weeks, count)
    for i in range(count):
        rate, lost, nu, at = draw.gamma(0.9, 1 / 8), draw.beta(0.5, 2.5), draw.gamma(4, 1 / 15), 0.0
        while (at := at + draw.exponential(1 / rate)) < age[i]:
            frequency[i], recency[i] = frequency[i] + 1, at
            if draw.random() < lost:
                break
        worth[i] = draw.gamma(6 * max(frequency[i], 1), 1 / nu) / max(frequency[i], 1)
    return Customers(frequency, recency, age, np.where(frequency > 0, worth, 0))


def test_the_parameters_that_customers_were_drawn_from_are_found_again():
    given = customers()

    coming, spending = fit_coming(given), fit_spending(given)

    assert (coming.r / coming.alpha, coming.a / (coming.a + coming.b)) == pytest.approx((0.9 / 8, 0.5 / 3), rel=0.2)
    assert spending.p * spending.v / (spending.q - 1) == pytest.approx(30, rel=0.15)


def test_the_file_gives_the_value_that_the_formulas_give():
    given, week = customers(400), 604_800_000
    coming, spending = fit_coming(given), fit_spending(given)
    rows = np.column_stack([
        given.frequency + 1, np.full(400, 1.3e12), 1.3e12 + given.recency * week, (given.age - given.recency) * week / 1000, (given.frequency + 1) * np.maximum(given.value, 1),
    ]).astype(np.float32)

    told = scores(lifetime_onnx(coming, spending, 26), {"inputs": np.vstack([rows, np.zeros((1, 5), np.float32)])})

    assert told[:-1] == pytest.approx(value(coming, spending, customers_of(rows), 26), rel=1e-5)
    assert told[-1] == 0


def test_too_few_customers_are_refused_with_what_to_do():
    none = Customers(np.zeros(100), np.zeros(100), np.ones(100), np.zeros(100))

    with pytest.raises(SettingsInvalid, match="0 customers who ordered again; at least 30 are needed: take in more time"):
        fit_coming(none)
