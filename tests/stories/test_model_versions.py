"""Versions of a model under a running server: trained, judged, promoted, gone back from, and trained anew by a scheduler."""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.learning.parquet import COLUMNS, Writer
from app.learning.versions import Shelf
from tests.made_models import identity, kills_its_process
from tests.stories.server import Server
from tests.stories.typed import typed

DAY = 86_400_000
START = 1_760_000_000_000
RULES = """
version: 1
features:
  orders_20d: {count: order_completed, within: 20d}
  views: {count: product_viewed, within: 10d}
placements:
  hero: {fallback: {block: plain}}
offers:
  thanks: {placements: [hero], suitability: {field: model.again, gte: 0}, block: plain}
"""
SPEC = """
model: again
rows: {every: 4d, from: 2025-10-20}
label: {did: order_completed, within: 8d}
inputs: [feature.orders_20d, feature.views]
method: logistic
"""
CARD = "inputs: [{name: feature.views}]\nfallback: 0.1\noutput: {range: [0, 1000]}\n"


def history(path: Path, days: int) -> Path:
    """Two hundred people: those who look around buy soon."""
    draw = np.random.default_rng(3)
    with Writer(path, COLUMNS["events"]) as file:
        for who in range(200):
            rows = [(START + 60_000, "page_viewed")]
            for day in range(120):
                at = START + day * DAY + who * 1_000
                if draw.random() < (0.3 if who % 3 == 0 else 0.02):
                    rows += [(at, "product_viewed")] + ([(at + 7_200_000, "order_completed")] if draw.random() < 0.5 else [])
            kept = [(at, name) for at, name in sorted(rows) if at < START + days * DAY]
            file.add((f"u{who}", name, at, f"{who}-{i}".encode(), "{}", None, None) for i, (at, name) in enumerate(kept))
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose model somebody else made, badly."""
    folder = tmp_path_factory.mktemp("versions")
    files: dict[str, str | bytes] = {
        "rules/shop.yaml": RULES, "blocks/plain/block.yaml": "description: a word", "blocks/plain/html.j2": "<p>A word</p>", "models/again.yaml": CARD, "models/again.onnx": identity(),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = Server.of(folder)
    (found.content / "training").mkdir()
    (found.content / "training" / "again.yaml").write_text(SPEC)
    history(found.content / "early.parquet", 90)
    history(found.content / "late.parquet", 120)
    yield found
    found.close()


@pytest.fixture(scope="module")
def first(server: Server) -> subprocess.CompletedProcess[str]:
    """What the first training over the model that was there said."""
    return retrained(server)


@pytest.fixture
def shop(server: Server, first: subprocess.CompletedProcess[str]) -> Iterator[Server]:
    """With version 1, which was there, and version 2, which serves; afterwards as before."""
    yield server
    spec(server).write_text(SPEC)
    (server.content / "rules" / "shop.yaml").write_text(RULES)
    if Shelf(server.content, "again").serving() != "2":
        inlay(server, "models", "promote", "again", "2")
    server.until(lambda: served(server) == "2", 20)


def inlay(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return typed(*words, "--content", server.content, seconds=120, OMP_NUM_THREADS="1")


def retrained(server: Server, history: str = "early") -> subprocess.CompletedProcess[str]:
    return inlay(server, "retrain", str(spec(server)), "--history", str(server.content / f"{history}.parquet"), "--json")


def spec(server: Server) -> Path:
    return server.content / "training" / "again.yaml"


def versions(server: Server) -> Any:
    return {row["version"]: row["serves"] for row in json.loads(inlay(server, "models", "list", "again", "--json").stdout)}


def served(server: Server) -> str:
    return server.get("/v2/models/again").json["versions"][0]


def test_a_better_version_takes_the_place_of_the_served_one_and_the_running_server_picks_it_up(shop, first):
    shop.until(lambda: served(shop) == "2", 20)

    report = json.loads(first.stdout)
    assert (first.returncode, report["outcome"], report["version"], report["serves"]) == (0, "promoted", "2", "2"), first.stderr
    assert report["compared"]["finding"] == "better"
    assert report["figures"]["2"]["log_loss"] < report["figures"]["1"]["log_loss"]
    assert [versions(shop)[name] for name in ("1", "2")] == [False, True]
    assert shop.get("/readyz").json["models"] == "ok"


def test_what_was_learnt_already_is_not_learnt_again(shop):
    done = retrained(shop)

    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "unchanged")
    assert {"1", "2"} <= set(versions(shop)) <= {"1", "2", "3", "bad"}


def test_two_at_once_are_one(shop):
    with (shop.content / "training" / "again" / ".retrain.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        done = retrained(shop, "late")

    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (3, "busy")


def test_the_figures_of_a_version_are_made_of_rows_that_it_did_not_learn_from(shop):
    done = inlay(shop, "models", "evaluate", "again", "2", "--history", str(shop.content / "late.parquet"), "--json")

    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert told["rows"] > 500
    assert set(told["versions"]["2"]) == {"auc", "average_precision", "brier", "log_loss", "calibration_error", "base_rate", "lift_of_best_tenth"}
    assert 0.6 < told["versions"]["2"]["auc"] < 1


def test_two_versions_are_compared_on_the_same_rows(shop):
    done = inlay(shop, "models", "compare", "again", "2", "1", "--history", str(shop.content / "late.parquet"))

    assert done.returncode == 0, done.stderr
    assert "1 against 2: worse: log loss +" in done.stdout


def test_going_back_is_one_command_and_stays_so_when_a_scheduler_trains_again(shop):
    back = inlay(shop, "models", "rollback", "again")
    shop.until(lambda: served(shop) == "1", 20)
    again = retrained(shop)

    assert back.stdout == "version 1 of again serves, and 2 does no longer\n"
    assert (again.returncode, json.loads(again.stdout)["outcome"], served(shop)) == (0, "rolled back from", "1")
    assert inlay(shop, "models", "promote", "again", "2").stdout == "version 2 of again serves, and 1 does no longer\n"


def test_a_worse_version_is_kept_and_does_not_serve(shop):
    spec(shop).write_text(SPEC.replace("[feature.orders_20d, feature.views]", "[{name: profile.shoe, type: text}, feature.orders_20d]").replace("20d]", "20d]\nseed: 5"))
    (shop.content / "rules" / "shop.yaml").write_text(RULES.replace("within: 20d", "within: 1d"))

    done = retrained(shop, "late")

    report = json.loads(done.stdout)
    assert (done.returncode, report["outcome"], report["serves"]) == (4, "worse", "2"), done.stderr
    assert versions(shop)[report["version"]] is False


@pytest.mark.parametrize("file,card,why", [
    (kills_its_process(), CARD, "killed the process that loaded it (signal 8)"),
    (identity(), CARD + "golden: [{inputs: [1], output: 7}]\n", "golden row [1] gives 1.000000, the card says 7"),
    (identity(), CARD + "sha256: abc\n", "it is another file than its card describes (sha256)"),
    (identity(), CARD.replace("feature.views", "feature.nothing"), "no feature"),
    (identity(), CARD.replace("]", ", {name: feature.orders_20d}]", 1), "x reads 1 columns, the card names 2"),
], ids=["deadly", "golden", "other file", "other rules", "other inputs"])  # fmt: skip
def test_a_version_that_proves_broken_is_not_promoted_and_the_good_one_goes_on_serving(shop, file, card, why):
    folder = shop.content / "training" / "again" / "versions" / "bad"
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(file)
    (folder / "card.yaml").write_text(card + "version: bad\n")

    done = inlay(shop, "models", "promote", "again", "bad")

    assert done.returncode == 1
    assert why in done.stderr
    assert versions(shop)["bad"] is False
    assert served(shop) == "2"


@pytest.mark.parametrize("words,why", [
    (("promote", "again", "99"), "no version '99' of again; there are "), (("promote", "nobody", "1"), "no version '1' of nobody; there are none"),
    (("list", "nobody"), "no model 'nobody'; there are again"), (("compare", "again", "1", "1"), "two versions are compared, and there are 1"), (("evaluate", "nothing"), "nothing.yaml"),
])  # fmt: skip
def test_what_is_not_there_is_said(shop, words, why):
    done = inlay(shop, "models", *words)

    assert done.returncode == 1
    assert why in done.stderr
