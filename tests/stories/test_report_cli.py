"""`inlay report` as it is typed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from app.cli import main

ROWS = [f"{variant},{int(i < hits)},{int(i < 3)}" for variant, hits in (("short", 50), ("long", 90)) for i in range(1_000)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "copy.csv").write_text("\n".join(("v,bought,left", *ROWS)) + "\n")
    return tmp_path / "copy.csv"


def typed(file: Path, *more: str) -> list[str]:
    return ["report", "experiment", "copy", "--file", str(file), "--map", "variant=v", "--content", str(file.parent), *more]


def test_the_report_tells_the_finding_the_numbers_and_the_checks(file, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")

    code = main(typed(file, "--metric", "bought", "--guardrail", "left", "--weights", "short=0.5,long=0.5"))

    told = capsys.readouterr().out
    assert code == 0
    assert told.startswith("Long is better than short: bought 9.00 % against 5.00 %, +80.0 % (")
    assert "long        1,000  9.00 %  +80.0 %" in told
    assert "✓ visitors fall 50.00 : 50.00 where 50.00 : 50.00 was meant" in told


def test_a_narrow_terminal_gets_the_intervals_in_a_table_of_their_own(file, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    main(typed(file, "--metric", "bought", "--weights", "short=0.5,long=0.5"))

    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 80
    assert "lift of" in told and "> 99.9 %  better" in told


def test_the_same_is_told_as_json_and_as_a_page(file, capsys, tmp_path):
    main(typed(file, "--metric", "bought", "--guardrail", "left", "--weights", "short=0.5,long=0.5", "--json", "--html", str(tmp_path / "copy.html")))

    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "better"
    assert told["control"] == "short"
    assert [each["visitors"] for each in told["variants"]] == [1_000, 1_000]
    assert [(each["metric"], each["role"]) for each in told["metrics"]] == [("bought", "primary"), ("left", "guardrail")]
    assert "Long is better than short" in (tmp_path / "copy.html").read_text()


def test_variants_and_weights_are_those_of_the_rules(file, capsys):
    rules = file.parent / "rules"
    rules.mkdir()
    (rules / "r.yaml").write_text("version: 1\nexperiments:\n  copy: {variants: {long: 0.9, short: 0.1}}\n")

    main(typed(file, "--metric", "bought", "--json"))

    told = json.loads(capsys.readouterr().out)
    assert (told["control"], told["verdict"]) == ("long", "unreadable")


@pytest.mark.parametrize(("more", "why"), [
    (("--metric", "sold"), 'column "sold" not found'),
    ((), "--metric: a column of the file"),
    (("--metric", "bought", "--weights", "short=half,long=0.5"), "--weights: short is 'half'; a share, such as 0.5"),
    (("--metric", "bought", "--map", "variant=v,units=u"), "--map: no units; there are variant, unit, at, experiment"),
    (("--metric", "bought", "--weights", "short=1"), "1 variant in"),
])
def test_what_cannot_be_reported_says_why(file, capsys, more, why):
    code = main(typed(file, *more))

    assert code == 1
    assert why in capsys.readouterr().err


def test_without_its_libraries_the_report_names_the_extra(file, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "app.reports.exposures", None)

    code = main(typed(file, "--metric", "bought"))

    assert code == 1
    assert 'inlay[reports]' in capsys.readouterr().err
