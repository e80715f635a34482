"""Experiments and holdouts counted out of the packed decision log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from app.domain.experiments import Experiment, Holdout, Measure
from app.reports.decision_log import HELD, SERVED, Log, count_experiment, count_holdout
from app.reports.estimates import Sample

COPY = Experiment("copy", (("a", 0.5), ("b", 0.5)))
CLICKED, REVENUE = Measure("clicked", "email_clicked"), Measure("revenue", "order_completed", total=True)


def decision(who: str, variant: str = "", at: str = "2026-11-01T09:00:00Z", send: str = "s1", holdout: str = "", placement: str = "hero") -> str:
    variants = f"MAP {{'copy': '{variant}'}}" if variant else "MAP {}::MAP(VARCHAR, VARCHAR)"
    placements = f"[{{'placement': '{placement}', 'offer': 'o', 'variants': {variants}, 'holdout': '{holdout}'}}]"
    return f"('{who}{send}', '{who}', TIMESTAMPTZ '{at}', '{send}', {placements})"


def outcome(who: str, event: str, at: str, value: float = 0) -> str:
    return f"('', '{who}', TIMESTAMPTZ '{at}', '{event}', {value}::DOUBLE)"


def logged(folder: Path, decisions: Sequence[str], outcomes: Sequence[str] = ()) -> Log:
    """A packed log of these rows, as docs/decision-log.md has it."""
    home = folder / "date=2026-11-01"
    home.mkdir()
    rows = {"decisions": ('decision, who, "at", send, placements', decisions), "outcomes": ('decision, who, "at", event, value', outcomes)}
    with duckdb.connect() as db:
        for what, (names, values) in ((what, each) for what, each in rows.items() if each[1]):
            db.execute(f"COPY (SELECT * FROM (VALUES {', '.join(values)}) AS t({names})) TO '{home}/{what}-1.parquet' (FORMAT parquet)")
    return Log(folder)


def test_a_person_counts_once_from_the_first_exposure_on(tmp_path):
    log = logged(tmp_path, [decision("u1", "a"), decision("u1", "a", "2026-11-03T09:00:00Z", "s2"), decision("u2", "b"), decision("u3")])

    counts, daily = count_experiment(log, COPY, [CLICKED])

    assert counts.units == {"a": 1, "b": 1}
    assert [day for day, _ in daily] == ["2026-11-01"]


def test_what_comes_within_the_window_after_the_exposure_counts(tmp_path):
    log = logged(tmp_path, [decision(who, "a") for who in ("before", "first", "last", "after")] + [decision("other", "b")], [
        outcome("before", "email_clicked", "2026-11-01T09:00:00Z"), outcome("first", "email_clicked", "2026-11-01T09:00:00.001Z"),
        outcome("last", "email_clicked", "2026-11-08T09:00:00Z"), outcome("after", "email_clicked", "2026-11-08T09:00:00.001Z"),
    ])

    counts, _ = count_experiment(log, COPY, [CLICKED])

    assert counts.samples["clicked"]["a"] == Sample("rate", 4, 2, 2)


def test_values_add_up_and_those_of_another_event_do_not(tmp_path):
    log = logged(tmp_path, [decision("u1", "a"), decision("u2", "b")], [
        outcome("u1", "order_completed", "2026-11-02T09:00:00Z", 20), outcome("u1", "order_completed", "2026-11-03T09:00:00Z", 22.5),
        outcome("u1", "email_clicked", "2026-11-03T09:00:00Z", 99), outcome("u3", "order_completed", "2026-11-03T09:00:00Z", 99),
    ])

    counts, _ = count_experiment(log, COPY, [REVENUE])

    assert counts.samples["revenue"] == {"a": Sample("mean", 1, 42.5, 42.5**2), "b": Sample("mean", 1, 0, 0)}


def test_a_record_or_an_outcome_that_was_packed_twice_counts_once(tmp_path):
    log = logged(tmp_path, [decision("u1", "a")] * 2 + [decision("u2", "b")], [outcome("u1", "order_completed", "2026-11-02T09:00:00Z", 20)] * 2)

    counts, _ = count_experiment(log, COPY, [REVENUE])

    assert counts.samples["revenue"]["a"] == Sample("mean", 1, 20, 400)


def test_where_sends_are_units_an_outcome_belongs_to_the_latest(tmp_path):
    log = logged(tmp_path, [decision("u1", "a"), decision("u1", "b", "2026-11-03T09:00:00Z", "s2")], [outcome("u1", "email_clicked", "2026-11-03T10:00:00Z")])

    counts, _ = count_experiment(log, Experiment("copy", COPY.variants, unit="send"), [CLICKED])

    assert counts.multiple == 0
    assert counts.samples["clicked"] == {"a": Sample("rate", 1, 0, 0), "b": Sample("rate", 1, 1, 1)}


def test_whoever_saw_two_variants_is_in_no_sample(tmp_path):
    log = logged(tmp_path, [decision("u1", "a"), decision("u1", "b", send="s2"), decision("u2", "b")])

    counts, _ = count_experiment(log, COPY, [CLICKED])

    assert (counts.multiple, counts.units) == (1, {"a": 0, "b": 1})


def test_erased_people_and_unknown_variants_are_passed_over_and_told(tmp_path):
    log = logged(tmp_path, [decision("", "a"), decision("u1", "c"), decision("u2", "b")])

    counts, _ = count_experiment(log, COPY, [CLICKED])

    assert counts.passed_over == {"people who were erased since": 1, "c is not a variant of the experiment": 1}


def test_only_the_days_asked_for_are_read(tmp_path):
    log = logged(tmp_path, [decision("u1", "a"), decision("u2", "b", "2026-11-02T00:00:00Z"), decision("u3", "b", "2026-11-03T00:00:00Z")])

    counts, _ = count_experiment(Log(log.folder, "2026-11-02", "2026-11-03"), COPY, [CLICKED])

    assert counts.units == {"a": 0, "b": 1}


def test_a_file_cut_in_the_middle_is_named_and_the_rest_counts(tmp_path):
    log = logged(tmp_path, [decision("u1", "a"), decision("u2", "b")])
    whole = (tmp_path / "date=2026-11-01" / "decisions-1.parquet").read_bytes()
    (tmp_path / "date=2026-11-01" / "decisions-2.parquet").write_bytes(whole[: len(whole) // 2])

    counts, _ = count_experiment(log, COPY, [CLICKED])

    assert counts.units == {"a": 1, "b": 1}
    assert counts.remarks == ("date=2026-11-01/decisions-2.parquet is damaged, and left out",)


def test_a_holdout_sets_those_held_out_against_those_served_where_no_other_holds_them(tmp_path):
    log = logged(tmp_path, [decision("u1", holdout="universal"), decision("u2"), decision("u3", holdout="grid_only"), decision("u4", placement="grid")])

    counts, _ = count_holdout(log, Holdout("universal", 0.05, placements=("hero",)), [CLICKED])

    assert counts.units == {SERVED: 1, HELD: 1}


def test_an_empty_log_says_how_it_is_packed(tmp_path):
    counts, _ = count_experiment(Log(tmp_path / "log"), COPY, [CLICKED])

    assert counts.units == {"a": 0, "b": 0}
    assert counts.remarks == ("there are no packed decisions in log/: inlay log pack makes them of what servers wrote",)
