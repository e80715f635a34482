"""Who gets which variant: as GrowthBook has it, evenly, and for good."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.domain.experiments import Experiment, Holdout, Namespace, bucket, bucket_ranges, choose_variation, equal_weights, in_namespace

CASES = json.loads((Path(__file__).parents[3] / "shared/data/growthbook/bucketing_cases.json").read_text())
PEOPLE = [f"u{i}" for i in range(20_000)]


@pytest.mark.parametrize("seed, unit, version, wanted", CASES["hash"])
def test_the_hash_is_growthbooks(seed: str, unit: str, version: int, wanted: float | None) -> None:
    assert (bucket(seed, unit, version) if version in (1, 2) else None) == wanted


@pytest.mark.parametrize("name, given, wanted", CASES["getBucketRange"])
def test_the_ranges_are_growthbooks(name: str, given: list[Any], wanted: list[list[float]]) -> None:
    assert [pytest.approx(each) for each in wanted] == [list(each) for each in bucket_ranges(*given)]


@pytest.mark.parametrize("name, at, ranges, wanted", CASES["chooseVariation"])
def test_the_choice_of_a_variation_is_growthbooks(name: str, at: float, ranges: list[tuple[float, float]], wanted: int) -> None:
    assert choose_variation(at, ranges) == wanted


@pytest.mark.parametrize("name, unit, namespace, wanted", CASES["inNamespace"])
def test_the_namespaces_are_growthbooks(name: str, unit: str, namespace: list[Any], wanted: bool) -> None:
    assert in_namespace(unit, Namespace(*namespace)) is wanted


@pytest.mark.parametrize("count, wanted", CASES["getEqualWeights"])
def test_equal_weights_are_growthbooks(count: int, wanted: list[float]) -> None:
    assert equal_weights(count) == pytest.approx(wanted)


def shares(experiment: Experiment) -> dict[str | None, float]:
    counts = Counter(map(experiment.variant, PEOPLE))
    return {name: count / len(PEOPLE) for name, count in counts.items()}


def test_variants_get_their_weights_of_those_who_take_part() -> None:
    found = shares(Experiment("hero_copy", (("a", 0.2), ("b", 0.8)), coverage=0.5))

    assert found == {"a": pytest.approx(0.1, abs=0.01), "b": pytest.approx(0.4, abs=0.01), None: pytest.approx(0.5, abs=0.01)}


def test_more_coverage_moves_nobody() -> None:
    few, many = Experiment("e", (("a", 0.5), ("b", 0.5)), coverage=0.2), Experiment("e", (("a", 0.5), ("b", 0.5)), coverage=0.9)

    assert {(few.variant(each), many.variant(each)) for each in PEOPLE} == {("a", "a"), ("b", "b"), (None, "a"), (None, "b"), (None, None)}


def test_experiments_of_one_namespace_share_nobody() -> None:
    first = Experiment("one", (("a", 0.5), ("b", 0.5)), namespace=Namespace("hero", 0, 0.5))
    second = Experiment("two", (("a", 0.5), ("b", 0.5)), namespace=Namespace("hero", 0.5, 1))

    assert {(first.variant(each) is None, second.variant(each) is None) for each in PEOPLE} == {(True, False), (False, True)}


def test_experiments_do_not_depend_on_one_another() -> None:
    one, two = Experiment("one", (("a", 0.5), ("b", 0.5))), Experiment("two", (("a", 0.5), ("b", 0.5)))
    counts = Counter((one.variant(each), two.variant(each)) for each in PEOPLE)

    assert sorted(counts.values()) == pytest.approx([5_000] * 4, rel=0.05)


def test_a_holdout_keeps_its_share_and_its_people() -> None:
    held = Holdout("universal", 0.05, "2026q4")

    assert sum(map(held.holds, PEOPLE)) / len(PEOPLE) == pytest.approx(0.05, abs=0.005)
    assert [each for each in PEOPLE if held.holds(each)] == [each for each in PEOPLE if Holdout("renamed", 0.05, "2026q4").holds(each)]


def test_nobody_takes_part_in_anything() -> None:
    assert Experiment("e", (("a", 0.5), ("b", 0.5))).variant("") is None
    assert Holdout("u", 1.0).holds("") is False
