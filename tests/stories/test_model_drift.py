"""Models watched by the decision log: drift, calibration, skew, and a version that is scored beside the one that serves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.made_models import linear
from tests.stories.server import Server
from tests.stories.typed import typed

PEOPLE = 120
RULES = """
version: 1
features:
  views: {count: product_viewed, within: 30d}
placements:
  hero: {fallback: {block: plain}}
offers:
  thanks: {placements: [hero], suitability: {field: model.click, gte: 0}, block: plain}
"""
CARD = """
version: "{version}"
inputs: [{{name: feature.views, default: -1}}]
fallback: 0.1
output: {{range: [-1, 1]}}
trained:
  label: {{event: email_clicked, within_ms: 1000, happened: true}}
  baseline:
    feature.views: {{edges: [1, 2, 3], shares: {shares}, absent: 0.0}}
    score: {{edges: [0.1, 0.2, 0.3], shares: {shares}, absent: 0.0}}
"""
EVENLY = "[0.25, 0.25, 0.25, 0.25]"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two models: `click` sees people as in training, `moved` learnt from people who looked at nothing; beside `click` its
    version 2 is scored."""
    folder = tmp_path_factory.mktemp("drift")
    files: dict[str, str | bytes] = {
        "rules/shop.yaml": RULES.replace("gte: 0}", "gte: 0}, applicability: {field: model.moved, gte: 0}"), "blocks/plain/block.yaml": "description: a word", "blocks/plain/html.j2": "<p>A word</p>",
        "models/click.yaml": CARD.format(version=1, shares=EVENLY), "models/click.onnx": linear(0.1),
        "models/moved.yaml": CARD.format(version=1, shares="[1.0, 0.0, 0.0, 0.0]"), "models/moved.onnx": linear(0.1),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = Server.of(folder)
    version = found.content / "training" / "click" / "versions" / "2"
    version.mkdir(parents=True)
    (version / "card.yaml").write_text(CARD.format(version=2, shares=EVENLY))
    (version / "model.onnx").write_bytes(linear(0.2))
    assert inlay(found, "models", "shadow", "click", "2", "--share", "1").returncode == 0
    found.until(lambda: found.get("/v2/models/click_shadow").status == 200, 20)
    long_ago = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    views = [{"type": "track", "event": "Product Viewed", "userId": f"u{who}", "timestamp": long_ago, "messageId": f"{who}-{i}"} for who in range(PEOPLE) for i in range(who % 4)]
    found.post("/v1/events", {"batch": views}, patience=30)
    recipients = [{"profile": f"u{who}"} for who in range(PEOPLE)]
    found.post("/v1/decisions/batch", {"send": "s1", "placements": ["hero"], "recipients": recipients}, patience=30)
    clicks = [{"type": "track", "event": "Email Clicked", "userId": f"u{who}", "messageId": f"c{who}", "properties": {"send": "s1"}} for who in range(0, PEOPLE, 4)]
    found.post("/v1/events", {"batch": clicks}, patience=30)
    found.until(lambda: found.get("/metrics").text.count('inlay_log_records_total{outcome="written"}') == 1, 10)
    found.stop()
    found.start()
    yield found
    found.close()


def inlay(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return typed(*words, "--content", server.content, seconds=120)


@pytest.fixture(scope="module")
def drift(server: Server) -> subprocess.CompletedProcess[str]:
    return inlay(server, "models", "drift", "--data", str(server.data), "--json", "--html", str(server.content / "drift.html"))


def model(drift: subprocess.CompletedProcess[str], id: str) -> Any:
    return next(each for each in json.loads(drift.stdout)["models"] if each["model"] == id)


def test_a_model_that_sees_what_it_learnt_from_is_steady(drift):
    told = model(drift, "click")

    assert (told["state"], told["decisions"]) == ("steady", PEOPLE), drift.stderr
    assert {row["name"]: round(row["psi"], 3) for row in told["drift"]} == {"feature.views": 0.0, "score": 0.0}


def test_a_model_that_sees_other_people_has_drifted_and_the_exit_code_says_so(drift):
    assert model(drift, "moved")["state"] == "drifted"
    assert drift.returncode == 4


def test_what_was_logged_is_what_the_logged_history_gives_again(drift):
    told = model(drift, "click")

    assert (told["skewed"], told["compared"] >= 2 * PEOPLE) == (0, True)


def test_every_decision_of_the_share_has_a_score_of_the_version_beside(drift):
    shadow = model(drift, "click")["shadows"][0]

    assert (shadow["name"], shadow["scored"]) == ("click_shadow", PEOPLE)
    assert (round(shadow["mean"], 4), round(shadow["apart"], 4)) == (0.3, 0.15)


def test_what_a_version_beside_says_decides_nothing(server):
    answer = server.post("/v1/decisions", {"profile": "u3", "placements": ["hero"], "explain": True}).json

    assert (answer["placements"]["hero"]["offer"], answer["degraded"]) == ("thanks", [])


def test_what_was_found_is_told_as_metrics_and_as_a_page(server, drift):
    server.until(lambda: 'inlay_model_psi{input="feature.views",model="moved"}' in server.get("/metrics").text, 10)

    assert 'inlay_model_skewed_values{model="click"} 0.0' in server.get("/metrics").text
    assert "<h1>moved drifted</h1>" in (Path(server.content) / "drift.html").read_text()


def test_without_decisions_it_is_said_what_is_needed(server, tmp_path):
    done = inlay(server, "models", "drift", "--data", str(tmp_path))

    assert done.returncode == 1
    assert "holds no decisions of that time" in done.stderr


def test_a_shadow_that_is_no_other_model_of_people_is_refused(server):
    card = server.content / "models" / "moved.yaml"
    whole = card.read_text()
    card.write_text(whole + "shadow: nobody\n")

    done = inlay(server, "check")

    card.write_text(whole)
    assert done.returncode == 1
    assert "shadow: there is no model 'nobody'" in done.stdout + done.stderr
