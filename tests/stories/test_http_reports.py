"""Reports over HTTP, from a log that lies in the server's data folder."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.stories.server import ROOT, Server

DECISIONS = """COPY (SELECT 'd' || i AS decision, 'w' || i AS who, TIMESTAMPTZ '2026-11-01T09:00:00Z' AS "at", 's' AS send,
    [{'placement': 'hero', 'variants': MAP {'comeback_words': CASE WHEN i % 2 = 0 THEN 'warm' ELSE 'short' END}, 'holdout': ''}] AS placements FROM range(2000) t(i)) TO 'FOLDER/decisions-1.parquet'"""
OUTCOMES = """COPY (SELECT '' AS decision, 'w' || i AS who, TIMESTAMPTZ '2026-11-02T09:00:00Z' AS "at", 'email_clicked' AS event, 0.0 AS value
    FROM range(2000) t(i) WHERE i % 20 = 0 OR i % 10 = 1) TO 'FOLDER/outcomes-1.parquet'"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server.of(ROOT)
    yield running
    running.close()


@pytest.fixture(scope="module")
def logged(server: Server) -> Server:
    home = server.data / "log" / "date=2026-11-01"
    home.mkdir(parents=True)
    with duckdb.connect() as db:
        db.execute(DECISIONS.replace("FOLDER", str(home)))
        db.execute(OUTCOMES.replace("FOLDER", str(home)))
    return server


def test_the_report_is_told_as_json(logged):
    answer = logged.get("/v1/reports/experiments/comeback_words?from=2026-11-01&to=2026-11-02", patience=60)

    assert answer.status == 200
    assert {each["variant"]: each["visitors"] for each in answer.json["variants"]} == {"warm": 1_000, "short": 1_000}
    assert answer.json["checks"]["sample_ratio"]["ok"]
    assert {each["variant"]: each["total"] for each in answer.json["metrics"][0]["variants"]} == {"warm": 100, "short": 200}
    assert answer.json["verdict"] in ("better", "worse")


def test_the_report_is_shown_as_a_page_that_runs_nothing(logged):
    answer = logged.get("/v1/reports/experiments/comeback_words?format=html", patience=60)

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert answer.body.startswith(b"<!doctype html>")


@pytest.mark.parametrize(("path", "status", "code"), [
    ("experiments/nothing", 404, "unknown_experiment"), ("holdouts/nothing", 404, "unknown_holdout"),
    ("experiments/comeback_words?format=pdf", 422, "invalid"), ("experiments/comeback_words?from=yesterday", 422, "invalid"),
])
def test_what_cannot_be_told_is_refused(server, path, status, code):
    answer = server.get(f"/v1/reports/{path}")

    assert (answer.status, answer.json["error"]["code"]) == (status, code)
