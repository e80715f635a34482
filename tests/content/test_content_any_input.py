"""Whatever the folders hold, reading them gives problems with a place, never a traceback."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from content_shop import CARD, MODEL, RULES, write_shop

from app.content.check import check
from app.content.source import parse_yaml
from app.errors import Problem

NOW = 1_790_000_000_000
JUNK: list[Any] = [
    None, True, 0, -1, 1.5, 10**17, 10**30, "", "x", "a.b", "feature.x", "profile.x", "48h", "0h", [], {}, [[]], [{}], {"field": 1},
    {"field": "profile.x"}, {"all": []}, {"not": {}}, ["a", 1], "(((", "..", "2026-13-40", "0001-01-01", "é", "\x7f", {"": 1}, {"last": {}},
    {"eq": [1]}, {"between": [1]}, "item.price", "../x",
]
QUICK = settings(max_examples=60, suppress_health_check=list(HealthCheck))


def mapping(text: str) -> Any:
    problems: list[Problem] = []
    node = parse_yaml(text.encode(), "", problems)
    assert node is not None
    return node.plain()


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a value."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


def spoilt(text: str, where: int, junk: Any) -> str:
    top = mapping(text)
    found = places(top)
    container, key = found[where % len(found)]
    container[key] = junk
    return json.dumps(top)


def problems_of(rules: str, more: dict[str, str]) -> list[Problem]:
    with tempfile.TemporaryDirectory() as folder:
        return check(write_shop(Path(folder), rules, more=more), NOW)


def assert_placed(problems: list[Problem]) -> None:
    assert [problem for problem in problems if problem.line < 1 or not problem.file or not problem.key or not str(problem).isprintable()] == []


@QUICK
@given(st.integers(0, 10_000), st.sampled_from(JUNK))
def test_a_wrong_value_anywhere_in_the_rules_is_a_problem_with_a_place(where: int, junk: Any) -> None:
    assert_placed(problems_of(spoilt(RULES, where, junk), {}))


@QUICK
@given(st.integers(0, 10_000), st.sampled_from(JUNK))
def test_a_wrong_value_anywhere_in_a_block_or_a_card_is_a_problem_with_a_place(where: int, junk: Any) -> None:
    assert_placed(problems_of(RULES, {"blocks/card/block.yaml": spoilt(CARD, where, junk), "models/buy.yaml": spoilt(MODEL, where, junk)}))


@QUICK
@given(st.integers(0, len(RULES) - 1), st.sampled_from(["", "\n", "\t", "{", "}", "[", ":", "&", "*", "!", '"', "'", "#", "- ", "é", "\u2028", "|", "%", "@", "`", "?"]))
def test_a_wrong_character_anywhere_is_a_problem_with_a_place(at: int, character: str) -> None:
    assert_placed(problems_of(RULES[:at] + character + RULES[at + 1 :], {}))


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    problems: list[Problem] = []
    assert parse_yaml(data, "x.yaml", problems) is None or not data.startswith(b"\x00")
    assert_placed(problems)
