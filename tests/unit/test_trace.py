"""What a trace keeps of how offers were judged."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from app.domain.trace import decode_trace, encode_trace, read_trace

TABLE = {"hero": [["a", "b", "c", "d"], [None, ["valid", ""], ["eligibility", "rules/x.yaml:3"]], array("H", [2, 0, 2, 0]).tobytes()]}


@dataclass
class Judged:
    codes: array[int] | None
    filed: array[int] = field(default_factory=lambda: array("H", [2, 0, 2, 0]))
    scores: dict[int, float | None] = field(default_factory=dict)
    later: dict[int, str] = field(default_factory=dict)
    chosen: int | None = None


def test_offers_that_nobody_looked_at_keep_the_reason_they_are_filed_under():
    trace = encode_trace("v", {"hero": Judged(array("H", [2, 0, 0, 1]), scores={1: 4.0, 2: 2.0}, chosen=1)}, {"f": 1})

    candidates, features = read_trace(trace, {"v": TABLE}.get)

    assert [(each.outcome, each.by, each.score) for each in candidates["hero"]] == [
        ("removed", "eligibility", None), ("chosen", "", 4.0), ("outranked", "", 2.0), ("removed", "valid", None),
    ]
    assert features == {"f": 1}


def test_parts_of_any_size_stand_one_behind_another():
    small = encode_trace("v", {"hero": Judged(array("H", [0, 0, 0, 0]))}, {})
    large = encode_trace("w", {}, {f"feature{i}": "x" * 50 for i in range(100)})

    parts = list(decode_trace(small + large + small))

    assert [version for version, _, _ in parts] == ["v", "w", "v"]
    assert len(large) < 2_000


def test_what_was_judged_without_reasons_leaves_none():
    assert read_trace(encode_trace("v", {"hero": Judged(None)}, {}), {"v": TABLE}.get) == ({}, {})
