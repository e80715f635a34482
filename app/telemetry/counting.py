"""What one process counts.

Counting is a look-up in a dictionary, 0.6 µs for a request and its decision; `prometheus_client`'s own metrics take 2 µs
with their children kept, 5 to 8 in its multiprocess mode. So each worker writes its counts to a small file every second,
whichever worker is scraped adds all of them up, and the library writes the text that Prometheus reads.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.domain.receipt import Receipt
from app.telemetry.logs import log, place_of
from app.telemetry.metrics import LATE_SECONDS, MODEL_SECONDS, REQUEST_SECONDS, STORE_SECONDS
from app.telemetry.sums import Counts, Sums, read, written

MAX_SERIES = 2_000
"""Label combinations that a worker counts apart; beyond them every label is `other`, so that sums stay right."""

REPEAT_SECONDS = 10.0


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
        self._time("inlay_request_seconds", REQUEST_SECONDS, surface, seconds)

    def decision(self, placement: str, offer: str, reason: str) -> None:
        self._count(("inlay_decisions_total", placement, offer, reason))

    def fallback(self, placement: str, reason: str) -> None:
        self._count(("inlay_fallbacks_total", placement, reason))

    def degraded(self, reason: str) -> None:
        self._count(("inlay_degradations_total", reason))

    def events(self, outcome: str, number: int) -> None:
        if number:
            self._count(("inlay_events_total", outcome), number)

    def rewarded(self, bandit: str, outcome: str) -> None:
        self._count(("inlay_bandit_rewards_total", bandit, outcome))

    def identity_refused(self, kind: str) -> None:
        self._count(("inlay_identities_refused_total", kind))
        log.warning("an identifier of kind %s was not linked: it, or its person, has more of them than INLAY_MAX_IDENTITIES", kind)

    def codes_low(self, pool: str, left: int, of: int) -> None:
        log.warning("%d of %d codes of the pool %s are left%s", left, of, pool, "" if left else ": its offers are not shown with a code any more; inlay codes import adds some")

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

    def logged(self, outcome: str, number: int) -> None:
        """Records for the decision log; the first that is dropped for a reason is said."""
        if outcome != "written" and ("inlay_log_records_total", outcome) not in self._counts:
            log.warning("records for the decision log are dropped (%s); inlay_log_records_total counts them", outcome)
        self._count(("inlay_log_records_total", outcome), number)

    def enriched(self, entry: str, outcome: str) -> None:
        self._count(("inlay_enrichments_total", entry, outcome))

    def page_call(self, call: str, outcome: str) -> None:
        self._count(("inlay_page_calls_total", call, outcome))

    def store(self, operation: str, seconds: float) -> None:
        self._time("inlay_store_seconds", STORE_SECONDS, operation, seconds)

    def store_failed(self, operation: str, code: str) -> None:
        self._count(("inlay_store_failures_total", operation, code))

    def moved(self, segment: str, move: str) -> None:
        self._count(("inlay_segment_moves_total", segment, move))

    def trigger(self, trigger: str, outcome: str) -> None:
        self._count(("inlay_triggers_total", trigger, outcome))

    def timer(self, seconds: float) -> None:
        self._time("inlay_timer_lateness_seconds", LATE_SECONDS, "look", seconds)

    def model(self, id: str, seconds: float) -> None:
        self._time("inlay_model_seconds", MODEL_SECONDS, id, seconds)

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
        if self._folder is not None:
            return written(read(self._folder), accept)
        sums = Sums()
        sums.add(self.counts(), alive=True)
        return written(sums, accept)
