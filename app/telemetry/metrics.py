"""Every metric: its name, labels and meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
STORE_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
MODEL_SECONDS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1)
LATE_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 600.0)


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
    "inlay_request_seconds": Metric("histogram", ("surface",), "seconds from the request to its answer", REQUEST_SECONDS),
    "inlay_requests_in_flight": Metric("gauge", (), "requests that are being answered, all workers together", over=sum),
    "inlay_decisions_total": Metric("counter", ("placement", "offer", "reason"), "placements decided; the offer is empty for a fallback"),
    "inlay_fallbacks_total": Metric("counter", ("placement", "reason"), "fallbacks served; the reason is rules where no offer was left, else the degradation"),
    "inlay_degradations_total": Metric("counter", ("reason",), "answers that were degraded, by reason"),
    "inlay_events_total": Metric("counter", ("outcome",), "events by what became of them: accepted, duplicate, or why they were rejected"),
    "inlay_bandit_rewards_total": Metric("counter", ("bandit", "outcome"), "rewards of bandits by what became of them: counted, duplicate, late, reset, or unknown where no decision is known that they are of"),
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
    "inlay_log_records_total": Metric("counter", ("outcome",), "records for the decision log: written, or dropped: buffer where the disk is slow, full where nobody packs, disk where it cannot be written"),
    "inlay_people_expired_total": Metric("counter", (), "people of whom there was no sign for as long as `retention:` keeps them"),
    "inlay_enrichments_total": Metric("counter", ("entry", "outcome"), "what became of each wish to learn something, by the entry of enrich:"),
    "inlay_store_seconds": Metric("histogram", ("operation",), "seconds that a call to Redis took, failed ones included", STORE_SECONDS),
    "inlay_store_failures_total": Metric("counter", ("operation", "code"), "calls to Redis that failed: unavailable, refused, or open while the breaker is"),
    "inlay_store_breaker_open": Metric("gauge", (), "1 while calls to Redis fail at once in any worker"),
    "inlay_segment_moves_total": Metric("counter", ("segment", "move"), "people who were noticed to have entered or left a segment"),
    "inlay_triggers_total": Metric("counter", ("trigger", "outcome"), "triggers that fired, or did not: when, limit, stale; and deliveries: delivered, retried, dead"),
    "inlay_timer_lateness_seconds": Metric("histogram", ("timer",), "seconds from the instant of a timer to when it was seen to be due", LATE_SECONDS),
    "inlay_model_seconds": Metric("histogram", ("model",), "seconds that one run of a model took, of all its rows", MODEL_SECONDS),
    "inlay_models_broken": Metric("gauge", (), "models that could not be loaded, are benched, or of which an older file is served"),
    "inlay_model_psi": Metric("gauge", ("model", "input"), "drift of a model's input, or of its score, as inlay models drift found it last"),
    "inlay_model_calibration_error": Metric("gauge", ("model",), "mean distance of what a model foretold from what came true, as inlay models drift found it last"),
    "inlay_model_skewed_values": Metric("gauge", ("model",), "logged features and scores that are others when computed again, as inlay models drift found them last"),
    "inlay_codes_left": Metric("gauge", ("pool",), "codes of a pool that nobody has yet", over=min),
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
