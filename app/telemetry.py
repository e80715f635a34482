"""Every metric: its name, labels and meaning. Counting is a dictionary look-up; Prometheus reads the sums when it asks.

Each worker writes its counts to a small file every second; whichever worker is scraped adds all of them up.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

COUNTERS: dict[str, tuple[tuple[str, ...], str]] = {
    "inlay_requests_total": (("surface", "outcome"), "requests answered, by surface and outcome"),
    "inlay_decisions_total": (("placement", "offer", "reason"), "placements decided; the offer is empty for a fallback"),
    "inlay_degradations_total": (("reason",), "answers that were degraded, by reason"),
    "inlay_events_total": (("outcome",), "events by what became of them"),
    "inlay_failures_total": (("kind",), "unexpected errors on content surfaces, by type"),
}
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
HISTOGRAM = "inlay_request_seconds"
GAUGES = {
    "inlay_requests_in_flight": "requests that this worker is answering",
    "inlay_store_breaker_open": "1 while calls to Redis fail at once",
    "inlay_content_problems": "problems of the newest content, which is not served while there are any",
}
MAX_SERIES = 2_000
log = logging.getLogger("inlay")


class Telemetry:
    """The counts of one worker."""

    def __init__(self, folder: Path | None = None) -> None:
        self._counts: dict[tuple[str, ...], int] = {}
        self._times: dict[str, list[float]] = {}
        self._folder = folder
        self.content_version = ""
        self.gauges = dict.fromkeys(GAUGES, 0.0)

    def _count(self, key: tuple[str, ...], by: int = 1) -> None:
        counts = self._counts
        if key in counts:
            counts[key] += by
        elif len(counts) < MAX_SERIES:
            counts[key] = by

    def request(self, surface: str, outcome: str, seconds: float) -> None:
        key = ("inlay_requests_total", surface, outcome)
        counts = self._counts
        counts[key] = counts.get(key, 0) + 1
        row = self._times.get(surface)
        if row is None:
            row = self._times[surface] = [0.0] * (len(BUCKETS) + 2)
        row[-1] += seconds
        for i, edge in enumerate(BUCKETS):
            if seconds <= edge:
                row[i] += 1
                return
        row[-2] += 1

    def decision(self, placement: str, offer: str, reason: str) -> None:
        self._count(("inlay_decisions_total", placement, offer, reason))

    def degraded(self, reason: str) -> None:
        self._count(("inlay_degradations_total", reason))

    def events(self, outcome: str, number: int) -> None:
        if number:
            self._count(("inlay_events_total", outcome), number)

    def failure(self, error: BaseException) -> None:
        """An error that nobody expected: counted, and logged by type without its message, which may be personal."""
        self._count(("inlay_failures_total", type(error).__name__))
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
        log.error("unexpected %s at %s", type(error).__name__, where)

    # -- reading ---------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Put this worker's counts where the others find them."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{os.getpid()}.part"
        part.write_text(json.dumps([[list(key), n] for key, n in self._counts.items()] + [[["", surface], row] for surface, row in self._times.items()]))
        part.replace(self._folder / f"{os.getpid()}.json")

    def _all(self) -> tuple[dict[tuple[str, ...], int], dict[str, list[float]]]:
        self.save()
        if self._folder is None:
            return self._counts, self._times
        counts: dict[tuple[str, ...], int] = {}
        times: dict[str, list[float]] = {}
        for path in self._folder.glob("*.json"):
            for key, value in json.loads(path.read_text()):
                if key[0]:
                    counts[tuple(key)] = counts.get(tuple(key), 0) + value
                else:
                    times[key[1]] = [a + b for a, b in zip(times.get(key[1], [0.0] * len(value)), value, strict=True)]
        return counts, times

    def exposition(self) -> bytes:
        """Prometheus' text format, all workers added up."""
        counts, times = self._all()
        lines: list[str] = []
        for name, (labels, meaning) in COUNTERS.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} counter"]
            lines += [f"{name}{_labels(labels, key[1:])} {n}" for key, n in sorted(counts.items()) if key[0] == name]
        lines += [f"# HELP {HISTOGRAM} seconds from the request to its answer, by surface", f"# TYPE {HISTOGRAM} histogram"]
        for surface, row in sorted(times.items()):
            lines += _histogram(surface, row)
        for name, meaning in GAUGES.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge", f"{name} {self.gauges[name]:g}"]
        lines += ["# HELP inlay_content_info the version of the content that is served", "# TYPE inlay_content_info gauge",
                  f"inlay_content_info{_labels(('version',), (self.content_version,))} 1"]
        return ("\n".join(lines) + "\n").encode()


def _histogram(surface: str, row: list[float]) -> Iterable[str]:
    total = 0.0
    for edge, n in zip((*map(str, BUCKETS), "+Inf"), row[:-1], strict=True):
        total += n
        yield f"{HISTOGRAM}_bucket{_labels(('surface', 'le'), (surface, edge))} {total:g}"
    yield f"{HISTOGRAM}_sum{_labels(('surface',), (surface,))} {row[-1]:.6f}"
    yield f"{HISTOGRAM}_count{_labels(('surface',), (surface,))} {total:g}"


def _labels(names: Iterable[str], values: Iterable[str]) -> str:
    def quoted(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")

    return "{" + ",".join(f'{name}="{quoted(value)}"' for name, value in zip(names, values, strict=True)) + "}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        row: dict[str, Any] = {"at": round(time.time(), 3), "level": record.levelname.lower(), "message": record.getMessage()}
        return json.dumps(row)


def set_up_logs(redaction: logging.Filter | None = None, level: int = logging.INFO) -> None:
    """One JSON object a line on stderr. Nothing per request; `redaction` sees every record before it is written."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    if redaction is not None:
        handler.addFilter(redaction)
    log.handlers = [handler]
    log.setLevel(level)
    log.propagate = False
