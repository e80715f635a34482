"""What the report of an experiment says, from counts and from files."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.errors import SettingsInvalid
from app.reports.as_json import as_json
from app.reports.estimates import Sample
from app.reports.experiment_page import page
from app.reports.exposures import Table, count, variants_of
from app.reports.results import Counts, Metric, Plan, Report, report

HILLSTROM = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "hillstrom" / "hillstrom_even_rows.csv.gz"
ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
on_real_data = pytest.mark.skipif(not HILLSTROM.exists() and not os.environ.get("CI"), reason="Hillstrom's data are not on this machine")
BOUGHT = Metric("bought", "primary")


def rate(hits: int, n: int) -> Sample:
    return Sample("rate", n, hits, hits)


def reported(a: Sample, b: Sample, *, metric: Metric = BOUGHT, weights: Mapping[str, float] | None = None, multiple: int = 0, **guardrail: tuple[Sample, Sample]) -> Report:
    samples = {metric.name: {"a": a, "b": b}} | {name: {"a": one, "b": two} for name, (one, two) in guardrail.items()}
    metrics = [metric, *(Metric(name, "guardrail", "down") for name in guardrail)]
    return report(Plan("copy", weights or {"a": 0.5, "b": 0.5}, metrics), Counts({"a": a.n, "b": b.n}, samples, multiple))


def written(path: Path, head: str, rows: Iterable[str]) -> Path:
    path.write_text("\n".join((head, *rows)) + "\n")
    return path


def hillstrom(rows: Iterable[Mapping[str, str]], arm: str, column: str) -> float:
    return sum(float(row[column]) for row in rows if row["segment"] == arm)


def test_a_difference_that_holds_whenever_one_looks_is_better():
    found = reported(rate(500, 10_000), rate(700, 10_000))

    assert found.verdict == "better"
    assert found.finding.startswith("B is better than a: bought 7.00 % against 5.00 %, +40.0 % (")


def test_a_difference_that_holds_at_one_look_alone_says_so():
    found = reported(rate(500, 10_000), rate(565, 10_000))

    assert found.verdict == "better_if_planned"
    assert "if this is the planned end of the experiment, not shown if one is only looking in" in found.finding


def test_no_difference_is_said_to_be_not_shown_with_what_would_have_been():
    found = reported(rate(500, 10_000), rate(510, 10_000))

    assert found.verdict == "no_difference_shown"
    assert found.finding.startswith("No difference shown between b and a: bought 5.10 % against 5.00 %")
    assert found.finding.endswith("; a change of 17 % would have shown four times in five.")


def test_less_is_better_where_the_metric_says_so():
    found = reported(rate(700, 10_000), rate(500, 10_000), metric=Metric("returned", "primary", "down"))

    assert found.verdict == "better"
    assert [arm.highest > 0.99 for arm in found.measured[0].arms] == [False, True]


def test_a_wrong_sample_ratio_forbids_every_conclusion():
    found = reported(rate(50_000, 821_588), rate(60_000, 815_482))

    assert found.verdict == "unreadable"
    assert found.finding.startswith("Not readable: visitors fall 50.19 : 49.81 where 50.00 : 50.00 was meant")
    assert found.measured[0].comparisons[0].verdict == "unreadable"


def test_the_sample_ratio_is_that_of_the_weights():
    assert reported(rate(90, 9_020), rate(10, 980), weights={"a": 9, "b": 1}).ratio.ok
    assert not reported(rate(90, 9_020), rate(10, 980)).ratio.ok


def test_many_who_saw_several_variants_are_a_warning():
    assert reported(rate(500, 10_000), rate(510, 10_000), multiple=20).multiple.ok
    assert not reported(rate(500, 10_000), rate(510, 10_000), multiple=900).multiple.ok


def test_a_guardrail_that_breaks_is_told_beside_the_gain():
    found = reported(rate(500, 10_000), rate(700, 10_000), unsubscribed=(rate(40, 10_000), rate(160, 10_000)))

    assert found.finding.endswith(" But b hurts unsubscribed.")


def test_a_guardrail_has_held_only_where_harm_is_excluded():
    held = reported(rate(500, 10_000), rate(700, 10_000), opened=(rate(50_000, 100_000), rate(49_900, 100_000)))
    unsure = reported(rate(500, 10_000), rate(700, 10_000), unsubscribed=(rate(40, 10_000), rate(41, 10_000)))
    unseen = reported(rate(500, 10_000), rate(700, 10_000), unsubscribed=(rate(0, 10_000), rate(0, 10_000)))

    assert held.measured[1].comparisons[0].says == "b leaves opened within 5 %"
    assert unsure.measured[1].comparisons[0].says.startswith("no harm shown to unsubscribed, and not excluded: it may be +")
    assert unseen.measured[1].comparisons[0].says == "no harm shown to unsubscribed, and too little seen to exclude any"


def test_an_experiment_that_nobody_saw_says_that_nothing_is_shown():
    found = reported(rate(0, 0), rate(0, 0))

    assert found.verdict == "no_difference_shown"
    assert as_json(found)["metrics"][0]["variants"][0]["value"] is None
    assert "no difference shown" in page(found)


def test_few_hits_are_said_to_be_few():
    assert reported(rate(5, 1_000), rate(7, 1_000)).notes == ("bought: fewer than 25 in all; only the one-look intervals and the odds hold with so few",)


def test_a_visitor_counts_once_however_often_they_came(tmp_path):
    file = written(tmp_path / "f.csv", "who,v,visit,spend", ["u1,a,0,1.5", "u1,a,1,2.5", "u1,a,1,0", "u2,b,,", "u3,b,1,3"])

    counts, _ = count(Table(file, ("visit", "spend"), "v", "who"), "copy", ["a", "b"])

    assert counts.units == {"a": 1, "b": 2}
    assert counts.samples["visit"] == {"a": rate(1, 1), "b": rate(1, 2)}
    assert counts.samples["spend"] == {"a": Sample("mean", 1, 4.0, 16.0), "b": Sample("mean", 2, 3.0, 9.0)}


def test_whoever_saw_two_variants_is_in_no_sample(tmp_path):
    file = written(tmp_path / "f.csv", "who,v,visit", ["u1,a,1", "u1,b,1", "u2,a,0", "u3,b,1"])

    counts, _ = count(Table(file, ("visit",), "v", "who"), "copy", ["a", "b"])

    assert (counts.multiple, counts.units) == (1, {"a": 1, "b": 1})


def test_what_is_passed_over_is_told(tmp_path):
    file = written(tmp_path / "f.csv", "v,visit", ["a,1", "b,maybe", ",1", "c,1"])

    counts, _ = count(Table(file, ("visit",), "v"), "copy", ["a", "b"])

    assert counts.passed_over == {"visit is no number there, and taken as 0": 1, "no variant is named": 1, "c is not a variant of the experiment": 1}


def test_only_the_rows_of_the_experiment_are_read(tmp_path):
    rows = [{"e": "copy", "v": "a", "visit": 1}, {"e": "other", "v": "a", "visit": 1}, {"e": "copy", "v": "b", "visit": 0}]
    file = written(tmp_path / "f.jsonl", json.dumps(rows[0]), map(json.dumps, rows[1:]))

    counts, _ = count(Table(file, ("visit",), "v", experiment="e"), "copy", ["a", "b"])

    assert counts.units == {"a": 1, "b": 1}


def test_days_are_told_as_they_add_up(tmp_path):
    file = written(tmp_path / "f.csv", "v,at,visit", [f"{v},2026-10-0{day}T23:30:00Z,{hit}" for day in (1, 2) for v in "ab" for hit in (0, 1)])

    counts, daily = count(Table(file, ("visit",), "v", at="at"), "copy", ["a", "b"])
    found = report(Plan("copy", {"a": 1, "b": 1}, [Metric("visit", "primary")]), counts, daily)

    assert [(each.day, each.units, each.lift) for each in found.days] == [("2026-10-01", 4, 0.0), ("2026-10-02", 8, 0.0)]
    assert (counts.first_at, counts.last_at) == ("2026-10-01", "2026-10-02")


@pytest.mark.parametrize(("name", "text", "why"), [
    ("f.csv", "v,visit\na,1\n", 'column "w" not found'),
    ("f.jsonl", '{"v": "a"', "cannot be read"),
    ("f.parquet", "PAR1", "cannot be read"),
    ("f.txt", "", "must end in .parquet"),
])
def test_a_file_that_cannot_be_used_says_why(tmp_path, name, text, why):
    (tmp_path / name).write_text(text)

    with pytest.raises(SettingsInvalid, match=why):
        count(Table(tmp_path / name, ("visit",), "w"), "copy", ["a", "b"])


def test_the_page_is_well_formed_and_escapes_what_it_is_told():
    nasty = "<script>alert(1)</script>"
    samples = {"a": rate(50, 1_000), nasty: rate(70, 1_000)}
    found = report(Plan(nasty, {"a": 1, nasty: 1}, [Metric(nasty, "primary")]), Counts({"a": 1_000, nasty: 1_000}, {nasty: samples}), [("2026-10-01", samples), ("2026-10-02", samples)])

    drawn = page(found)

    assert "<script" not in drawn
    assert len(list(ElementTree.fromstring("<all>" + "".join(part.partition("</svg>")[0] + "</svg>" for part in map("<svg".__add__, drawn.split("<svg")[1:])) + "</all>"))) == 2


@on_real_data
def test_hillstroms_counts_and_rates_are_reproduced_to_the_digit():
    with gzip.open(HILLSTROM, "rt") as file:
        rows = list(csv.DictReader(file))

    found = _hillstrom(HILLSTROM)

    assert found.counts.units == {arm: sum(row["segment"] == arm for row in rows) for arm in ARMS}
    assert {(each.metric.name, arm.variant): arm.sample.total for each in found.measured for arm in each.arms} == pytest.approx(
        {(name, arm): hillstrom(rows, arm, name) for name in ("visit", "conversion", "spend") for arm in ARMS}
    )
    assert [arm.sample.mean for arm in found.measured[0].arms] == [hillstrom(rows, arm, "visit") / found.counts.units[arm] for arm in ARMS]


@on_real_data
def test_hillstroms_sample_ratio_is_in_order():
    assert _hillstrom(HILLSTROM).ratio.value == pytest.approx(0.39, abs=0.01)


@on_real_data
def test_hillstrom_with_one_arms_latest_buyers_lost_has_a_wrong_sample_ratio(tmp_path):
    with gzip.open(HILLSTROM, "rt") as file:
        lines = file.read().splitlines()
    kept = [line for line in lines[1:] if not (line.startswith("1,") and ",Mens E-Mail," in line)]

    found = _hillstrom(written(tmp_path / "lost.csv", lines[0], kept))

    assert found.verdict == "unreadable"


def _hillstrom(file: Path) -> Report:
    table = Table(file, ("visit", "conversion", "spend"), "segment")
    assert variants_of(table, "spring") == sorted(ARMS)
    counts, daily = count(table, "spring", ARMS)
    return report(Plan("spring", dict.fromkeys(ARMS, 1.0), [Metric("visit", "primary"), Metric("conversion"), Metric("spend")]), counts, daily)
