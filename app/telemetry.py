"""Every metric: its name, labels and meaning. Logging's set-up.

Counting is a look-up in a dictionary, 0.6 µs for a request and its decision; `prometheus_client`'s own metrics take 2 µs
with their children kept, 5 to 8 in its multiprocess mode. So each worker writes its counts to a small file every second,
whichever worker is scraped adds all of them up, and the library writes the text that Prometheus reads.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family

from app.domain.receipt import Receipt

_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
_STORE_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_MODEL_SECONDS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1)
_LATE_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 600.0)
MAX_SERIES = 2_000
"""Label combinations that a worker counts apart; beyond them every label is `other`, so that sums stay right."""

REPEAT_SECONDS = 10.0

log = logging.getLogger("inlay")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `over` says how the values of a gauge in several workers become one."""

    kind: Literal["counter", "histogram", "gauge", "info"]
    labels: tuple[str, ...]
    meaning: str
    edges: tuple[float, ...] = ()
    over: Callable[[list[float]], float] = max


METRICS: dict[str, Metric] = {
    "inlay_requests_total": Metric("counter", ("surface", "outcome"), "requests answered, by surface and outcome"),
    "inlay_request_seconds": Metric("histogram", ("surface",), "seconds from the request to its answer", _REQUEST_SECONDS),
    "inlay_requests_in_flight": Metric("gauge", (), "requests that are being answered, all workers together", over=sum),
    "inlay_decisions_total": Metric("counter", ("placement", "offer", "reason"), "placements decided; the offer is empty for a fallback"),
    "inlay_fallbacks_total": Metric("counter", ("placement", "reason"), "fallbacks served; the reason is rules where no offer was left, else the degradation"),
    "inlay_degradations_total": Metric("counter", ("reason",), "answers that were degraded, by reason"),
    "inlay_events_total": Metric("counter", ("outcome",), "events by what became of them: accepted, duplicate, or why they were rejected"),
    "inlay_identities_refused_total": Metric("counter", ("kind",), "identifiers that were not linked: a person has too many, or it has too many people"),
    "inlay_webhooks_total": Metric("counter", ("source", "outcome"), "webhook requests: taken, confirmed, or why they were refused"),
    "inlay_webhook_events_total": Metric("counter", ("source", "outcome"), "events that webhooks reported: accepted, duplicate, unknown type, or why they were rejected"),
    "inlay_page_calls_total": Metric("counter", ("call", "outcome"), "calls that pages made with a web key, by what became of them: taken, or why they were refused"),
    "inlay_spooled_events_total": Metric("counter", (), "events that were acknowledged into the spool because the store was away"),
    "inlay_spool_drained_total": Metric("counter", (), "records of the spool that were applied, or became dead letters, once the store was back"),
    "inlay_spool_bytes": Metric("gauge", (), "bytes that wait in the spool, all workers together", over=sum),
    "inlay_spool_oldest_seconds": Metric("gauge", (), "age of the oldest event in the spool; 0 where it is empty"),
    "inlay_dead_letters_total": Metric("counter", ("reason",), "refused events that were kept as dead letters, by reason"),
    "inlay_dead_letters_held": Metric("gauge", (), "dead letters that are kept now"),
    "inlay_dead_letters_trimmed": Metric("gauge", (), "dead letters that went, since there was no room or they were too old"),
    "inlay_people_expired_total": Metric("counter", (), "people of whom there was no sign for as long as `retention:` keeps them"),
    "inlay_enrichments_total": Metric("counter", ("entry", "outcome"), "what became of each wish to learn something, by the entry of enrich:"),
    "inlay_store_seconds": Metric("histogram", ("operation",), "seconds that a call to Redis took, failed ones included", _STORE_SECONDS),
    "inlay_store_failures_total": Metric("counter", ("operation", "code"), "calls to Redis that failed: unavailable, refused, or open while the breaker is"),
    "inlay_store_breaker_open": Metric("gauge", (), "1 while calls to Redis fail at once in any worker"),
    "inlay_segment_moves_total": Metric("counter", ("segment", "move"), "people who were noticed to have entered or left a segment"),
    "inlay_triggers_total": Metric("counter", ("trigger", "outcome"), "triggers that fired, or did not: when, limit, stale; and deliveries: delivered, retried, dead"),
    "inlay_timer_lateness_seconds": Metric("histogram", ("timer",), "seconds from the instant of a timer to when it was seen to be due", _LATE_SECONDS),
    "inlay_model_seconds": Metric("histogram", ("model",), "seconds that one run of a model took, of all its rows", _MODEL_SECONDS),
    "inlay_models_broken": Metric("gauge", (), "models that could not be loaded, are benched, or of which an older file is served"),
    "inlay_content_info": Metric("info", ("version",), "1 for the version of the content that is served"),
    "inlay_content_problems": Metric("gauge", (), "problems of the newest content, which is not served while there are any"),
    "inlay_stream_dead_total": Metric("counter", ("source",), "messages of a stream that were laid with the dead letters"),
    "inlay_stream_lost_total": Metric("counter", ("source",), "messages that a stream dropped before they were read; 1 each time that it cannot say how many"),
    "inlay_stream_lag_seconds": Metric("gauge", (), "age of the oldest message that a consumer has read and not yet taken; 0 when it waits for new ones"),
    "inlay_stream_in_flight": Metric("gauge", (), "messages that consumers have read and not yet taken", over=sum),
    "inlay_stream_partitions": Metric("gauge", (), "partitions, shards and streams that consumers work on", over=sum),
    "inlay_failures_total": Metric("counter", ("kind",), "unexpected errors, by type"),
    "inlay_respawns_total": Metric("counter", ("process",), "processes that ended and were started again: worker or redis"),
    "inlay_build_info": Metric("info", ("version",), "1 for the version of Inlay"),
}


class Counts(msgspec.Struct):
    """What one process counted, as it lies in its file. A row of `times` holds a number per bucket, then the sum."""

    counts: list[tuple[tuple[str, ...], int]] = []
    times: list[tuple[str, str, list[float]]] = []
    gauges: dict[str, float] = {}
    infos: dict[str, str] = {}


_decode = msgspec.json.Decoder(Counts).decode


class Telemetry:
    """The counts of one process. `name` is that of its file in `folder`; `state` gives gauges and infos when they are read."""

    def __init__(self, folder: Path | None = None, name: str = "", state: Callable[[], tuple[dict[str, float], dict[str, str]]] | None = None) -> None:
        self._counts: dict[tuple[str, ...], int] = {}
        self._times: dict[tuple[str, str], list[float]] = {}
        self._failures: dict[tuple[str, str], tuple[float, int]] = {}
        self._folder = folder
        self._name = name or str(os.getpid())
        self._state = state

    # -- counting --------------------------------------------------------------------------------------------------

    def request(self, surface: str, outcome: str, seconds: float) -> None:
        self._count(("inlay_requests_total", surface, outcome))
        self._time("inlay_request_seconds", _REQUEST_SECONDS, surface, seconds)

    def decision(self, placement: str, offer: str, reason: str) -> None:
        self._count(("inlay_decisions_total", placement, offer, reason))

    def fallback(self, placement: str, reason: str) -> None:
        self._count(("inlay_fallbacks_total", placement, reason))

    def degraded(self, reason: str) -> None:
        self._count(("inlay_degradations_total", reason))

    def events(self, outcome: str, number: int) -> None:
        if number:
            self._count(("inlay_events_total", outcome), number)

    def identity_refused(self, kind: str) -> None:
        self._count(("inlay_identities_refused_total", kind))
        log.warning("an identifier of kind %s was not linked: it, or its person, has more of them than INLAY_MAX_IDENTITIES", kind)

    def let_go(self, people: int) -> None:
        """People whose data were kept long enough."""
        if people:
            self._count(("inlay_people_expired_total",), people)

    def webhook(self, source: str, outcome: str) -> None:
        self._count(("inlay_webhooks_total", source, outcome))

    def webhook_events(self, source: str, outcome: str, number: int) -> None:
        if number:
            self._count(("inlay_webhook_events_total", source, outcome), number)

    def dead(self, source: str, number: int) -> None:
        if number:
            self._count(("inlay_stream_dead_total", source), number)

    def lost(self, source: str, number: int) -> None:
        self._count(("inlay_stream_lost_total", source), number)

    def receipt(self, receipt: Receipt) -> None:
        """What became of a batch, as far as it is known."""
        self.events("accepted", receipt.accepted)
        self.events("duplicate", receipt.duplicates)
        for refused in receipt.rejected:
            self.events(refused.reason, 1)
        if receipt.spooled:
            self._count(("inlay_spooled_events_total",), receipt.spooled)

    def drained(self, number: int) -> None:
        self._count(("inlay_spool_drained_total",), number)

    def dead_letter(self, reason: str) -> None:
        self._count(("inlay_dead_letters_total", reason))

    def enriched(self, entry: str, outcome: str) -> None:
        self._count(("inlay_enrichments_total", entry, outcome))

    def page_call(self, call: str, outcome: str) -> None:
        self._count(("inlay_page_calls_total", call, outcome))

    def store(self, operation: str, seconds: float) -> None:
        self._time("inlay_store_seconds", _STORE_SECONDS, operation, seconds)

    def store_failed(self, operation: str, code: str) -> None:
        self._count(("inlay_store_failures_total", operation, code))

    def moved(self, segment: str, move: str) -> None:
        self._count(("inlay_segment_moves_total", segment, move))

    def trigger(self, trigger: str, outcome: str) -> None:
        self._count(("inlay_triggers_total", trigger, outcome))

    def timer(self, seconds: float) -> None:
        self._time("inlay_timer_lateness_seconds", _LATE_SECONDS, "look", seconds)

    def model(self, id: str, seconds: float) -> None:
        self._time("inlay_model_seconds", _MODEL_SECONDS, id, seconds)

    def respawned(self, process: str) -> None:
        self._count(("inlay_respawns_total", process))
        self.save()

    def failure(self, error: BaseException) -> None:
        """An error that nobody expected: counted, and logged by type and place without its message, which may be personal;
        one that goes on happening is logged every ten seconds, with how often it was since."""
        kind, place, now = type(error).__name__, place_of(error), time.monotonic()
        self._count(("inlay_failures_total", kind))
        due, quiet = self._failures.get((kind, place), (now, 0))
        if now < due:
            self._failures[kind, place] = due, quiet + 1
            return
        if len(self._failures) >= MAX_SERIES:
            self._failures.clear()
        self._failures[kind, place] = now + REPEAT_SECONDS, 0
        log.error("unexpected %s at %s%s", kind, place, f", {quiet:,} more like it since the last such line" if quiet else "")

    def _count(self, key: tuple[str, ...], by: int = 1) -> None:
        counts = self._counts
        if key in counts:
            counts[key] += by
            return
        if len(counts) >= MAX_SERIES:
            key = (key[0], *["other"] * (len(key) - 1))
        counts[key] = counts.get(key, 0) + by

    def _time(self, metric: str, edges: tuple[float, ...], label: str, seconds: float) -> None:
        row = self._times.get((metric, label))
        if row is None:
            row = self._times[metric, label] = [0.0] * (len(edges) + 2)
        row[bisect_left(edges, seconds)] += 1
        row[-1] += seconds

    # -- reading ---------------------------------------------------------------------------------------------------

    def counts(self) -> Counts:
        gauges, infos = self._state() if self._state is not None else ({}, {})
        return Counts(list(self._counts.items()), [(metric, label, row) for (metric, label), row in self._times.items()], gauges, infos)

    def save(self) -> None:
        """Put the counts where the other processes find them."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{self._name}.part"
        part.write_bytes(msgspec.json.encode(self.counts()))
        part.replace(self._folder / f"{self._name}.json")

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """(text, content type): all processes added up, in the format that the scraper accepts."""
        self.save()
        sums = Sums()
        if self._folder is None:
            sums.add(self.counts(), alive=True)
        else:
            for path in self._folder.glob("*.json"):
                sums.add(_decode(path.read_bytes()), alive=_alive(path.stem))
        encode, content_type = choose_encoder(accept)
        return encode(sums), content_type


@dataclass(slots=True)
class Sums:
    """The counts of several processes, as `prometheus_client` collects them. Gauges are those of living ones."""

    counts: dict[tuple[str, ...], int] = field(default_factory=dict)
    times: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    gauges: dict[str, list[float]] = field(default_factory=dict)
    infos: set[tuple[str, str]] = field(default_factory=set)

    def add(self, one: Counts, *, alive: bool) -> None:
        for key, number in one.counts:
            self.counts[key] = self.counts.get(key, 0) + number
        for metric, label, row in one.times:
            have = self.times.get((metric, label)) or [0.0] * len(row)
            self.times[metric, label] = [a + b for a, b in zip(have, row, strict=True)]
        if alive:
            self.infos |= set(one.infos.items())
            for name, value in one.gauges.items():
                self.gauges.setdefault(name, []).append(value)

    def collect(self) -> Iterator[Family]:
        for name, metric in METRICS.items():
            match metric.kind:
                case "counter":
                    family: Any = CounterMetricFamily(name.removesuffix("_total"), metric.meaning, labels=metric.labels)
                    for key, number in sorted(pair for pair in self.counts.items() if pair[0][0] == name):
                        family.add_metric(key[1:], number)
                case "histogram":
                    family = HistogramMetricFamily(name, metric.meaning, labels=metric.labels)
                    for (_, label), row in sorted(pair for pair in self.times.items() if pair[0][0] == name):
                        edges = [*map(str, metric.edges), "+Inf"]
                        family.add_metric((label,), list(zip(edges, accumulate(row[:-1]), strict=True)), row[-1])
                case "gauge":
                    family = GaugeMetricFamily(name, metric.meaning)
                    family.add_metric((), metric.over(self.gauges.get(name) or [0.0]))
                case "info":
                    family = GaugeMetricFamily(name, metric.meaning, labels=metric.labels)
                    for _, version in sorted(pair for pair in self.infos if pair[0] == name):
                        family.add_metric((version,), 1)
            yield family


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (OSError, ValueError):
        return False
    return True


# -- logs --------------------------------------------------------------------------------------------------------------


def place_of(error: BaseException) -> str:
    """File and line that raised it."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""


class _Json(logging.Formatter):
    """One object a line. Of an exception only type and place are told: its message may be personal."""

    def format(self, record: logging.LogRecord) -> str:
        row: dict[str, Any] = {
            "at": round(time.time(), 3), "level": record.levelname.lower(), "logger": record.name, "pid": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            row |= {"error": type(record.exc_info[1]).__name__, "where": place_of(record.exc_info[1])}
        return json.dumps(row)


def set_up_logs(redaction: logging.Filter | None = None, level: int = logging.INFO) -> None:
    """JSON lines on stderr, also for what the libraries log. Nothing per request; `redaction` sees every record first."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    if redaction is not None:
        handler.addFilter(redaction)
    for logger, threshold in ((log, level), (logging.getLogger("uvicorn"), logging.WARNING), (logging.getLogger("asyncio"), logging.WARNING)):
        logger.handlers = [handler]
        logger.setLevel(threshold)
        logger.propagate = False


