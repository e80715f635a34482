"""Training: what comes out is the library's model to the last digit that counts, and what cannot work is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.adapters.onnx_model import OnnxModel
from app.adapters.onnx_runtime import sound
from app.adapters.tree_model import TreeModel
from app.adapters.watchdog import Watchdog
from app.content.load import load
from app.domain import conditions as c
from app.errors import SettingsInvalid
from app.learning.cards import keep
from app.learning.examples import Examples, read_table
from app.learning.fitting import feeds, fit, scores
from app.learning.leaks import leaks
from app.learning.spec import METHODS, Column, Search, Spec, Table
from app.learning.training import train
from app.learning.versions import Shelf

DAY = 86_400_000
COLUMNS = tuple(Column(c.Ref(("profile", name)), text) for name, text in (("orders", False), ("country", True), ("spent", False), ("noise", False)))
SPEC = Spec("again", COLUMNS)


def invented(count: int = 1_500, seed: int = 1) -> Examples:
    """People who come back the likelier, the more they ordered, and where they live; some of it is absent."""
    draw = np.random.default_rng(seed)
    orders, spent = draw.poisson(2, count).astype(float), draw.gamma(2, 40, count)
    country = np.array(["NO", "DE", "IT"], dtype=object)[draw.integers(0, 3, count)]
    label = (draw.random(count) < 1 / (1 + np.exp(2 - 0.8 * orders - (country == "NO")))).astype(float)
    spent[draw.random(count) < 0.1], country[draw.random(count) < 0.1] = np.nan, ""
    return Examples(COLUMNS, (orders, country, spent, draw.normal(size=count)), label, np.sort(draw.integers(0, 100 * DAY, count)))


@pytest.mark.parametrize("method", METHODS)
def test_the_file_gives_what_the_library_gives_on_every_row_also_of_what_never_came_up(method):
    learnt, other = invented(), invented(seed=2)
    other.values[1][:50], other.values[0][:50], other.values[2][50:60] = "Atlantis", 1e9, -1e9

    fitted = fit(method, {"boosting": {"max_iter": 30}, "logistic": {"C": 1.0}, "network": {"width": 8}}[method], learnt, 7)

    told = scores(fitted.onnx(), feeds(fitted.preparation, other))
    assert np.abs(told - fitted.probabilities(other)).max() <= 1e-5
    assert np.abs(told - other.label.mean()).max() > 0.1


@pytest.mark.parametrize("method", METHODS)
def test_a_trained_model_is_one_that_the_server_takes(tmp_path, method):
    trained = train(Spec("again", COLUMNS, method=method), invented())
    Shelf(tmp_path, "again").serve(keep(trained, tmp_path, "invented people"), "trained", 0)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text("version: 1")

    card = load(tmp_path).models["again"]

    OnnxModel(card, (tmp_path / "models" / card.file).read_bytes(), Watchdog()).verify()
    assert len(card.golden) == 5
    assert trained.figures["auc"] > 0.65
    assert trained.figures["calibration_error"] < 0.12


def test_a_boosted_model_of_numbers_alone_is_one_that_the_server_scores_by_its_own_tables(tmp_path):
    numbers = invented().without(["profile.country"])
    trained = train(Spec("again", numbers.columns), numbers)
    Shelf(tmp_path, "again").serve(keep(trained, tmp_path, "invented people"), "trained", 0)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text("version: 1")

    model = sound(load(tmp_path).models["again"], trained.learnt.data, Watchdog())

    assert isinstance(model, TreeModel)


def test_what_is_judged_by_is_later_than_the_windows_of_what_was_learnt_from():
    given = invented()

    trained = train(SPEC, given)

    assert given.instant is not None and trained.test.instant is not None
    assert trained.test.instant.min() >= np.sort(given.instant)[1_200]
    assert trained.rows <= 1_200


def test_a_search_keeps_to_its_number_of_trials_and_is_no_worse():
    usual, searched = train(SPEC, invented()), train(Spec("again", COLUMNS, search=Search(trials=3)), invented())

    assert searched.learnt.trials == 3
    assert searched.figures["log_loss"] < usual.figures["log_loss"] + 0.05


def test_the_same_seed_gives_the_same_file():
    assert train(SPEC, invented()).learnt.data == train(SPEC, invented()).learnt.data


def test_an_input_that_knows_the_answer_is_told_and_an_honest_one_is_not():
    honest = invented()
    duration = np.where(honest.label == 1, 60.0 + np.arange(len(honest)) % 7, np.nan)
    columns = (*COLUMNS, Column(c.Ref(("profile", "call_duration"))))

    found = leaks(Examples(columns, (*honest.values, duration), honest.label, honest.instant))

    assert [leak.name for leak in found] == ["profile.call_duration"]
    assert "is it known before the instant" in str(found[0])


def test_an_input_that_is_always_the_same_is_left_out_and_told():
    given = invented()
    trained = train(SPEC, Examples(COLUMNS, (*given.values[:3], np.zeros(len(given))), given.label, given.instant))

    assert [str(column.name) for column in trained.learnt.preparation.columns] == ["profile.orders", "profile.country", "profile.spent"]
    assert "profile.noise: the same in every row, and left out" in trained.notes[0]


def test_a_label_with_one_answer_is_refused_with_what_to_do():
    given = invented()

    with pytest.raises(SettingsInvalid, match="always true in them: there is nothing to tell apart. Look at the label's event and window"):
        train(SPEC, Examples(COLUMNS, given.values, np.ones(len(given)), given.instant))


def test_too_few_rows_are_refused_with_what_to_do():
    with pytest.raises(SettingsInvalid, match="too few. Take in more people or more time"):
        train(SPEC, invented(40))


def table(folder: Path, text: str) -> Spec:
    (folder / "rows.csv").write_text(text)
    columns = (Column(c.Ref(("profile", "spent"))), Column(c.Ref(("profile", "country")), True, of="Land"))
    return Spec("again", columns, table=Table(folder / "rows.csv", "bought"))


def test_rows_of_a_csv_are_read_with_its_own_delimiter_and_words_for_yes_and_no(tmp_path):
    found = read_table(table(tmp_path, "spent;Land;bought\n1.5;NO;TRUE\n;DE;no\n"), None)

    assert found.label.tolist() == [1.0, 0.0]
    assert (found.values[0][0], np.isnan(found.values[0][1]), found.values[1].tolist()) == (1.5, True, ["NO", "DE"])


@pytest.mark.parametrize("text,why", [
    ("spent,bought\n1,1\n", "no column Land; it has spent, bought"),
    ("spent,Land,bought\n1,NO,perhaps\n", "row 1 has 'perhaps' in bought; a label is 1 or 0"),
    ("spent,Land,bought\n1,NO\n", "rows.csv:2 has 2 cells where there are 3 columns"),
])
def test_a_table_that_does_not_fit_is_refused_with_the_row_and_what_would(tmp_path, text, why):
    with pytest.raises(SettingsInvalid, match=why):
        read_table(table(tmp_path, text), None)
