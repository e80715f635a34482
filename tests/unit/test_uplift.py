"""What a message changes is learnt where it changes something, said to be nothing where it changes nothing, and served as it was learnt."""

from __future__ import annotations

import csv
import gzip
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.cli import main
from app.adapters.onnx_model import OnnxModel
from app.adapters.watchdog import Watchdog
from app.content.load import load
from app.domain import conditions as c
from app.domain.definitions import Definitions
from app.errors import ContentInvalid, SettingsInvalid
from app.learning.cards import keep
from app.learning.kinds import Compared
from app.learning.examples import Examples, read_table
from app.learning.spec import METHODS, UPLIFTS, Column, Spec
from app.learning.tasks import read_task
from app.learning.training import train
from app.learning.uplift import UPLIFT, curve, effect, qini

HILLSTROM = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "hillstrom" / "hillstrom_even_rows.csv.gz"
COLUMNS = tuple(Column(c.Ref(("profile", name)), text) for name, text in (("visits", False), ("town", True), ("noise", False)))


def invented(count: int = 3_000, seed: int = 1, lift: float = 0.3) -> Examples:
    """People of whom those who visit are won by a message, and the others not."""
    draw = np.random.default_rng(seed)
    visits, treated = draw.poisson(1.5, count).astype(float), (draw.random(count) < 0.4).astype(float)
    town = np.array(["Oslo", "Bergen", "Rome"], dtype=object)[draw.integers(0, 3, count)]
    label = (draw.random(count) < 0.2 + lift * treated * (visits >= 2)).astype(float)
    return Examples(COLUMNS, (visits, town, draw.normal(size=count)), label, treated=treated)


def spec(uplift: str = "two_models", method: str = "logistic") -> Spec:
    return Spec("win", COLUMNS, method=method, uplift=uplift)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("uplift", UPLIFTS)
@pytest.mark.parametrize("method", METHODS)
def test_who_is_won_by_a_message_is_found_and_the_server_scores_as_the_library(tmp_path, uplift, method):
    lifted = train(spec(uplift, method), invented())
    version = keep(lifted, tmp_path, "invented people")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text("version: 1")

    card = version.model_card(load(tmp_path))

    OnnxModel(card, version.data, Watchdog()).verify()
    assert lifted.difference <= 1e-5
    assert 0 < lifted.figures["qini_low"] < lifted.figures["qini"] < lifted.figures["qini_high"]
    assert lifted.figures["effect_on_best_tenth"] > lifted.figures["effect"] > 0.05
    assert next(iter(lifted.importance)) == "profile.visits"
    assert (version.folder / "figures.png").stat().st_size > 10_000


def test_a_message_that_changes_nothing_is_told_to_be_no_better_than_chance(tmp_path):
    lifted = train(spec(), invented(lift=0.0))
    version = keep(lifted, tmp_path, "invented people")

    assert lifted.figures["qini_low"] <= 0
    assert "not shown to order people better than chance" in (version.folder / "README.md").read_text()


def test_qini_is_what_its_definition_says():
    label, treated, told = np.array([1, 0, 0, 1.0]), np.array([1, 0, 1, 0.0]), np.array([4, 3, 2, 1.0])

    found = curve(label, treated, told)

    assert found.qini.tolist() == [0.5, 0.5, 0.5, 0.0]
    assert qini(label, treated, told) == 0.375
    assert effect(label, treated) == 0.0


def compared(given: Examples, first: np.ndarray, second: np.ndarray) -> Compared:
    return UPLIFT.compared(given, first, second, 7)


def test_of_two_versions_the_one_that_finds_more_of_those_who_are_won_is_better():
    given = invented(1_500)
    knows, guesses = given.values[0], given.values[2]

    assert compared(given, guesses, knows).finding == "better"
    assert compared(given, knows, guesses).finding == "worse"
    assert compared(given, knows, knows) == Compared("as good", "Qini", 0.0, 0.0, 0.0, {})
    assert str(compared(given, knows, guesses)).startswith("worse: Qini -0.0")


def test_many_rows_of_a_person_make_nobody_surer():
    given = invented(300)
    often = replace(given.take(np.repeat(np.arange(300), 8)), who=np.repeat(np.arange(300), 8).astype(str).astype(object))
    once, strangers = (compared(rows, rows.values[2], rows.values[0]) for rows in (given, replace(often, who=None)))
    people = compared(often, often.values[2], often.values[0])

    assert people.high - people.low > 2 * (strangers.high - strangers.low)
    assert people.high - people.low == pytest.approx(once.high - once.low, rel=0.2)


def write_trial(path: Path, seed: int) -> None:
    given = invented(3_000, seed)
    assert given.treated is not None
    with path.open("w", newline="") as into:
        writer = csv.writer(into)
        writer.writerow(["visits", "town", "noise", "won", "mailed"])
        writer.writerows(zip(*(values.tolist() for values in (*given.values, given.label, given.treated)), strict=True))


def test_a_scheduler_keeps_the_version_that_finds_whom_to_mail(tmp_path, capsys):
    for folder in ("rules", "training"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text("version: 1")

    def inlay(*words: str) -> tuple[int, str]:
        code = main([*words, "--content", str(tmp_path)])
        return code, capsys.readouterr().out

    def retrained(seed: int, *known: str) -> tuple[int, dict[str, Any]]:
        write_trial(tmp_path / "training" / "trial.csv", seed)
        (tmp_path / "training" / "win.yaml").write_text(f"""
model: win
table: {{file: trial.csv, label: won, treated: mailed}}
uplift: two_models
method: logistic
inputs: [{", ".join(known)}]
""")
        code, said = inlay("retrain", str(tmp_path / "training" / "win.yaml"), "--json")
        return code, json.loads(said)

    told, rest = "profile.visits", ("{name: profile.town, type: text}", "profile.noise")
    code, report = retrained(1, *rest)
    assert (code, report["outcome"], report["serves"]) == (0, "first", "1")
    code, report = retrained(2, told, *rest)
    assert (code, report["outcome"], report["serves"], report["compared"]["finding"]) == (0, "promoted", "2", "better")
    code, report = retrained(3, *rest)
    assert (code, report["outcome"], report["serves"], report["compared"]["figure"]) == (4, "worse", "2", "Qini")
    code, said = inlay("models", "compare", "win", "3", "2")
    assert code == 0
    assert "qini" in said
    assert "2 against 3: better: Qini +" in said
    assert [line.split()[-1] for line in inlay("models", "list", "win")[1].splitlines()][0] == "qini"


def test_people_who_were_not_chosen_by_chance_are_pointed_out():
    given = invented()
    chosen = replace(given, treated=(given.values[0] + np.random.default_rng(2).normal(size=len(given)) > 1.5).astype(float))

    lifted = train(spec(), chosen)

    assert "inputs tell who was treated" in lifted.notes[0]


@pytest.mark.parametrize("treated,why", [(np.ones(3_000), "0 are not treated"), (np.zeros(3_000), "0 are treated"), (None, "do not tell who was treated")])
def test_without_both_sides_nothing_is_learnt(treated, why):
    with pytest.raises(SettingsInvalid) as refused:
        train(spec(), replace(invented(), treated=treated))

    assert why in refused.value.message


@pytest.mark.parametrize("text,why", [
    ("uplift: two_models\nlabel: {did: x, within: 7d}\nrows: {every: 7d, from: 2026-01-01}", "treated: is missing"),
    ("treated: {did: y, within: 1d}\nlabel: {did: x, within: 7d}\nrows: {every: 7d, from: 2026-01-01}", "uplift: is missing"),
    ("uplift: magic\ntreated: {did: y, within: 1d}\nlabel: {did: x, within: 7d}\nrows: {every: 7d, from: 2026-01-01}", "two_models"),
])  # fmt: skip
def test_a_spec_that_says_half_of_it_is_refused(tmp_path, text, why):
    (tmp_path / "win.yaml").write_text(f"model: win\ninputs: [profile.visits]\n{text}\n")

    with pytest.raises(ContentInvalid) as refused:
        read_task(tmp_path / "win.yaml", Definitions(""))

    assert why in "\n".join(map(str, refused.value.found))


@pytest.mark.skipif(not HILLSTROM.exists() and not os.environ.get("CI"), reason="needs the data that lies beside the project in shared/data")
def test_on_a_real_trial_no_gain_is_claimed_over_mailing_everybody(tmp_path):
    """Hillstrom's e-mail test: whom to mail is hardly to be told from what is known of people."""
    with gzip.open(HILLSTROM, "rt") as file, (tmp_path / "mails.csv").open("w", newline="") as into:
        rows = [row for row in csv.DictReader(file) if row["segment"] != "Womens E-Mail"]
        writer = csv.writer(into)
        writer.writerow(["recency", "history", "mens", "womens", "newbie", "zip", "mailed", "visit"])
        writer.writerows([row["recency"], row["history"], row["mens"], row["womens"], row["newbie"], row["zip_code"], int(row["segment"] != "No E-Mail"), row["visit"]] for row in rows)
    (tmp_path / "win.yaml").write_text("""
model: win
table: {file: mails.csv, label: visit, treated: mailed}
uplift: two_models
method: logistic
inputs: [profile.recency, profile.history, profile.mens, profile.womens, profile.newbie, {name: profile.zip, type: text}]
""")
    task = read_task(tmp_path / "win.yaml", Definitions(""))
    assert isinstance(task, Spec)

    lifted = train(task, read_table(task, ZoneInfo("UTC")))

    assert 0.06 < lifted.figures["effect"] < 0.09
    assert lifted.figures["qini"] < 0.02
    assert not [note for note in lifted.notes if "tell who was treated" in note]


def test_a_history_tells_who_was_treated(tmp_path: Path):
    (tmp_path / "win.yaml").write_text("model: win\nrows: {every: 7d, from: 2026-01-01}\nlabel: {did: x, within: 7d}\nuplift: two_models\ntreated: {did: email_sent, within: 1d}\ninputs: [profile.visits]\n")

    task = read_task(tmp_path / "win.yaml", Definitions(""))

    assert isinstance(task, Spec)
    assert task.treated is not None
