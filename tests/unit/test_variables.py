"""A block's variable is of its type, whatever a field holds."""

from __future__ import annotations

from typing import Any

import pytest

from app.content.variables import TAKES

TAKEN = [
    ("string", "Anna", "Anna"), ("string", 5, "5"), ("string", 2.5, "2.5"), ("string", 5.0, "5"), ("string", True, "true"), ("string", "", ""),
    ("number", 5, 5), ("number", 2.5, 2.5), ("boolean", False, False),
    ("url", "https://shop.example/a?b=c", "https://shop.example/a?b=c"), ("url", "mailto:a@shop.example", "mailto:a@shop.example"),
    ("date", "2026-10-01", "2026-10-01"), ("date", "2026-10-01T09:00:00.000Z", "2026-10-01T09:00:00.000Z"),
]


@pytest.mark.parametrize(("kind", "value", "taken"), TAKEN)
def test_a_value_of_the_type_is_taken(kind: Any, value: Any, taken: Any) -> None:
    assert (found := TAKES[kind](value)) == taken and type(found) is type(taken)


ABSENT = [
    ("string", None), ("string", ["a"]), ("string", {"a": 1}), ("number", "5"), ("number", True), ("number", None), ("boolean", "true"), ("boolean", 1),
    ("url", "javascript:alert(1)"), ("url", "//evil.example"), ("url", "/a"), ("url", ""), ("url", 5), ("date", "soon"), ("date", "2026-13-01"), ("date", 5),
]


@pytest.mark.parametrize(("kind", "value"), ABSENT)
def test_a_value_of_another_type_is_absent(kind: Any, value: Any) -> None:
    assert TAKES[kind](value) is None
