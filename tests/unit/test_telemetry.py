"""Metrics are counted once, added up over processes, and told in the text that Prometheus reads."""

from __future__ import annotations

import io
import json
import logging
import os
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as families

from app.security.redaction import Redaction
from app.telemetry import MAX_SERIES, METRICS, Telemetry, log, set_up_logs

DEAD = "999999999"


def samples(telemetry: Telemetry) -> dict[tuple[str, ...], float]:
    """(name, label values in the order of their names) -> value."""
    text, _ = telemetry.exposition()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families(text.decode()) for sample in family.samples
    }


def counted(folder: Path | None = None, name: str = "", in_flight: float = 0, version: str = "abc") -> Telemetry:
    return Telemetry(folder, name, lambda: ({"inlay_requests_in_flight": in_flight}, {"inlay_content_info": version}))


def test_the_library_s_own_parser_reads_what_was_counted():
    telemetry = counted(in_flight=3)
    telemetry.request("content", "ok", 0.0007)
    telemetry.decision("hero", 'shoes "15"\n', "eligible")
    telemetry.events("accepted", 4)

    found = samples(telemetry)

    assert found["inlay_requests_total", "ok", "content"] == 1
    assert found["inlay_decisions_total", 'shoes "15"\n', "hero", "eligible"] == 1
    assert found["inlay_events_total", "accepted"] == 4
    assert (found["inlay_requests_in_flight",], found["inlay_content_info", "abc"]) == (3, 1)


@pytest.mark.parametrize("seconds,first", [(0.001, "0.001"), (0.0010001, "0.0025"), (2.0, "2.0"), (7.0, "+Inf")])
def test_a_bucket_includes_its_edge(seconds, first):
    telemetry = counted()
    telemetry.request("content", "ok", seconds)

    found = samples(telemetry)
    holding = [key[1] for key, value in found.items() if key[0] == "inlay_request_seconds_bucket" and value == 1]

    assert holding[0] == first
    assert (found["inlay_request_seconds_count", "content"], found["inlay_request_seconds_sum", "content"]) == (1, pytest.approx(seconds))


def test_workers_add_up_and_the_gauges_of_the_dead_are_left_out(tmp_path):
    gone = counted(tmp_path, DEAD, in_flight=5, version="old")
    gone.request("content", "ok", 0.01)
    gone.save()
    here = counted(tmp_path, str(os.getpid()), in_flight=2)
    here.request("content", "ok", 0.02)

    found = samples(here)

    assert found["inlay_requests_total", "ok", "content"] == 2
    assert found["inlay_request_seconds_sum", "content"] == pytest.approx(0.03)
    assert found["inlay_requests_in_flight",] == 2
    assert ("inlay_content_info", "old") not in found


def test_the_parent_counts_what_it_started_again(tmp_path):
    Telemetry(tmp_path, "parent").respawned("redis")

    assert samples(counted(tmp_path))["inlay_respawns_total", "redis"] == 1


def test_beyond_the_bound_of_series_sums_stay_right():
    telemetry = counted()
    for number in range(MAX_SERIES + 10):
        telemetry.degraded(f"model:{number}")

    found = samples(telemetry)

    assert found["inlay_degradations_total", "other"] == 10
    assert sum(value for key, value in found.items() if key[0] == "inlay_degradations_total") == MAX_SERIES + 10


def test_a_scraper_may_ask_for_openmetrics():
    telemetry = counted()
    telemetry.model("buy_7d", 0.00003)

    text, content_type = telemetry.exposition("application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    assert {family.name for family in openmetrics(text.decode())} >= {"inlay_requests", "inlay_model_seconds"}


def test_every_metric_is_told_even_before_anything_happened():
    text, _ = counted().exposition()

    assert {family.name for family in families(text.decode())} == {name.removesuffix("_total") for name in METRICS}


def test_a_log_line_is_json_and_keeps_the_message_of_an_exception_to_itself():
    set_up_logs(Redaction())
    out = io.StringIO()
    handler = log.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(out)

    try:
        raise KeyError("ann@example.com")
    except KeyError:
        logging.getLogger("uvicorn.error").exception("mail to ann@example.com failed")
    row = json.loads(out.getvalue())

    assert (row["level"], row["logger"], row["error"]) == ("error", "uvicorn.error", "KeyError")
    assert row["where"].startswith("test_telemetry.py:")
    assert "ann" not in out.getvalue()


def test_an_error_that_goes_on_happening_is_counted_each_time_and_logged_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry = Telemetry()
    monkeypatch.setattr(log, "handlers", [caplog.handler])
    monkeypatch.setattr(log, "propagate", False)

    for _ in range(50):
        telemetry.failure(ValueError("a name that nobody may read"))
    telemetry.failure(KeyError("x"))

    assert [record.getMessage() for record in caplog.records] == ["unexpected ValueError at ", "unexpected KeyError at "]
    assert samples(telemetry)["inlay_failures_total", "ValueError"] == 50
