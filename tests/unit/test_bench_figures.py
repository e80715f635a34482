"""The figures' file and report: what is kept, and how it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.figures import FILE, entry, read, rounded, write
from bench.load import Run
from bench.registry import Figure, figures
from bench.report import report
from bench.stage import middle_ratio

SHAPE = {"value", "unit", "command", "machine", "commit", "date"}


def test_a_figure_not_measured_now_keeps_its_former_entry(tmp_path: Path):
    path = tmp_path / "figures.json"
    write({"old": entry("old", "times", 1.5)}, path)
    write({"new": entry("new", "MB", 80)}, path)
    assert {key: each["value"] for key, each in read(path).items()} == {"old": 1.5, "new": 80}


def test_an_entry_says_how_where_and_when_it_was_measured():
    found = entry("batch_vs_single", "times", 5.4321)
    assert set(found) == SHAPE
    assert found["value"] == 5.43
    assert found["command"] == 'make figures ONLY="batch_vs_single"'
    assert found["machine"]


def test_the_committed_figures_have_the_shape_that_others_read():
    entries = json.loads(FILE.read_text()) if FILE.exists() else {}
    assert all(set(each) >= SHAPE and isinstance(each["value"], (int, float)) for each in entries.values())
    assert set(entries) <= set(figures())


@pytest.mark.parametrize(("value", "told"), [(0.123456, 0.123), (15_234.7, 15_235), (2.0, 2.0)])
def test_values_keep_three_digits(value: float, told: float):
    assert rounded(value) == told


def test_the_report_says_of_each_figure_whether_it_reached_its_target():
    known = {
        "fast": Figure("fast", "times", "quick", lambda: 0, at_least=5), "big": Figure("big", "MB", "large", lambda: 0, at_most=120),
        "told": Figure("told", "times", "only told", lambda: 0), "absent": Figure("absent", "times", "not measured", lambda: 0),
    }
    text = report(known, {key: entry(key, "times", value) for key, value in (("fast", 5.0), ("big", 130), ("told", 1))})
    assert "| `fast` | 5 times | ≥ 5 | yes |" in text
    assert "| `big` | 130 MB | ≤ 120 | **no** |" in text
    assert "| `told` | 1 times |  |  |" in text
    assert "absent" not in text


def test_a_ratio_is_the_middle_of_those_of_neighbouring_runs():
    over, under = ([Run(n, 1.0, 0, 0, 0, 0, "") for n in rates] for rates in ((100, 220, 30), (100, 100, 10)))
    assert middle_ratio(over, under) == 2.2
