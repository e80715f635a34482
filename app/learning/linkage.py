"""Who may be the same person: probabilistic record linkage (Fellegi and Sunter) with Splink on DuckDB, without labels.

What is compared with what, and how, follows from the kinds of the traits alone. The recipe and its figures on real records
are those of `bench/identities.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from typing import Any, TypeAlias

from app.domain.traits import Trait, TraitKind
from app.errors import SettingsInvalid
from app.learning.records import Person, compared, rows_of

MOST_PAIRS = 2e6
"""Pairs that are drawn at random to learn how often people who are two agree by chance."""
RECALL = 0.9
"""Of people who are one, how many the certain rules find: an estimate, to which the result is not sensitive."""
Kinds: TypeAlias = "dict[TraitKind, list[str]]"

_TOGETHER: tuple[tuple[TraitKind, ...], ...] = (
    ("given_name", "family_name"), ("name",), ("date",), ("email",), ("phone",), ("id",), ("street",),
    ("postcode", "given_name"), ("postcode", "family_name"), ("city", "given_name"), ("city", "family_name"),
    ("postcode", "house_number"), ("city", "house_number"), ("postcode", "name"),
)
"""Pairs are looked at that agree in all kinds of one of these."""
_CERTAIN: tuple[tuple[TraitKind, ...], ...] = (
    ("given_name", "family_name", "date"), ("family_name", "date", "postcode"), ("given_name", "date", "postcode"), ("name", "date"),
    ("street", "house_number", "postcode"), ("email", "family_name"), ("phone", "family_name"), ("email", "name"), ("phone", "name"),
)
"""Who agrees in these is one, as good as always: it tells how frequent that is."""
_TRAINING: tuple[tuple[TraitKind, ...], ...] = (
    ("date",), ("given_name", "family_name"), ("name",), ("email",), ("phone",), ("postcode", "family_name"), ("street",), ("id",),
)


@dataclass(frozen=True, slots=True)
class Match:
    """Two people, how probably they are one, and per trait how they agree (`same`, `similar`, `different`; a trait that one
    of them lacks is left out) with what that says (log2 of how the odds change)."""

    a: str
    b: str
    probability: float
    evidence: Mapping[str, tuple[str, float]]


def matches(people: Sequence[Sequence[Person]], traits: Mapping[str, Trait], *, least: float = 0.5) -> list[Match]:
    """Pairs that are one person with at least this probability: within one list of people, or between two lists.

    `SettingsInvalid` where the traits do not give enough to compare, or the extra `identities` is not installed.
    """
    _check(traits, people)
    linker = _trained(people, traits)
    found = linker.inference.predict(threshold_match_probability=least)
    columns = list(compared(traits))
    return sorted((_match(row, columns) for row in found.as_record_list()), key=lambda each: (-each.probability, each.a, each.b))


def _check(traits: Mapping[str, Trait], people: Sequence[Sequence[Person]]) -> None:
    kinds = _kinds(traits)
    if len(_available(_TRAINING, kinds)) < 2 or not _available(_CERTAIN, kinds):
        raise SettingsInvalid(
            "traits: of rules/ name too little to compare people by; say of which kind names, dates of birth, addresses, postcodes, "
            "e-mail addresses and phone numbers are"
        )
    if sum(map(len, people)) < 2:
        raise SettingsInvalid("there are no two people to compare")


def _trained(people: Sequence[Sequence[Person]], traits: Mapping[str, Trait]) -> Any:
    try:
        pa: Any = import_module("pyarrow")
        from splink import Linker, SettingsCreator, block_on
        from splink.internals.duckdb.database_api import DuckDBAPI
    except ImportError as error:
        raise SettingsInvalid("matching needs the extra `identities`: pip install 'inlay[identities]'") from error
    for name in ("splink", "splink.internals"):
        logging.getLogger(name).setLevel(logging.ERROR)
    kinds = _kinds(traits)
    database: Any = DuckDBAPI()
    schema = pa.schema([("unique_id", pa.string()), *((f"c{i}", pa.string()) for i in range(len(compared(traits)))), ("source_dataset", pa.string())])
    frames = [
        database.register(pa.Table.from_pylist([{**row, "source_dataset": f"s{n}"} for row in rows_of(each, traits)], schema=schema))
        for n, each in enumerate(people)
    ]
    settings = SettingsCreator(
        link_type="link_only" if len(frames) > 1 else "dedupe_only", comparisons=_comparisons(traits), em_convergence=1e-3,
        blocking_rules_to_generate_predictions=_blocking(kinds), retain_intermediate_calculation_columns=True,
    )
    linker = Linker(frames, settings)
    certain = [*(block_on(*columns) for columns in _available(_CERTAIN, kinds)), *_swapped(kinds, "date")]
    linker.training.estimate_probability_two_random_records_match(certain, recall=RECALL)
    linker.training.estimate_u_using_random_sampling(max_pairs=MOST_PAIRS, seed=1)
    for columns in _available(_TRAINING, kinds)[:2]:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns))
    return linker


def _kinds(traits: Mapping[str, Trait]) -> Kinds:
    found: Kinds = {}
    for i, trait in enumerate(compared(traits).values()):
        found.setdefault(trait.kind, []).append(f"c{i}")
    return found


def _available(rules: Sequence[tuple[TraitKind, ...]], kinds: Kinds) -> list[tuple[str, ...]]:
    """The rules as columns, once for each combination of columns of their kinds."""
    return [columns for rule in rules for columns in product(*(kinds.get(kind, ()) for kind in rule))]


def _blocking(kinds: Kinds) -> list[Any]:
    from splink import block_on

    found: list[Any] = [block_on(*columns) for columns in _available(_TOGETHER, kinds)]
    found += _swapped(kinds)
    for given, family in _available((("given_name", "family_name"),), kinds):
        found.append(block_on(f"substr({given},1,3)", f"substr({family},1,3)"))
    for family, region, date in _available((("family_name", "region", "date"),), kinds):
        found.append(block_on(family, region, f"substr({date},1,4)"))
    return found


def _swapped(kinds: Kinds, *others: TraitKind) -> list[str]:
    """Given and family name in each other's place."""
    found: list[str] = []
    for given, family, *rest in _available((("given_name", "family_name", *others),), kinds):
        found.append(" and ".join([f"l.{given} = r.{family}", f"l.{family} = r.{given}", *(f"l.{each} = r.{each}" for each in rest)]))
    return found


def _comparisons(traits: Mapping[str, Trait]) -> list[Any]:
    import splink.comparison_library as cl

    found: list[Any] = []
    for i, trait in enumerate(compared(traits).values()):
        column = f"c{i}"
        match trait.kind:
            case "given_name" | "family_name":
                found.append(cl.NameComparison(column))
            case "date" | "postcode" | "id" | "phone":
                found.append(cl.DamerauLevenshteinAtThresholds(column, [1, 2]))
            case "house_number":
                found.append(cl.DamerauLevenshteinAtThresholds(column, [1]))
            case "region" | "country":
                found.append(cl.ExactMatch(column))
            case _:
                found.append(cl.JaroWinklerAtThresholds(column, [0.92, 0.8]))
    return found


def _match(row: Mapping[str, Any], columns: Sequence[str]) -> Match:
    evidence: dict[str, tuple[str, float]] = {}
    for i, name in enumerate(columns):
        level = row[f"gamma_c{i}"]
        if level >= 0:
            same = row[f"c{i}_l"] == row[f"c{i}_r"]
            evidence[name] = "same" if same else "similar" if level else "different", round(row[f"mw_c{i}"] + (row.get(f"mw_tf_adj_c{i}") or 0.0), 1)
    return Match(row["unique_id_l"], row["unique_id_r"], row["match_probability"], evidence)
