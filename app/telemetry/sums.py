"""What several processes counted, added up, in the text that Prometheus reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family

from app.telemetry.metrics import METRICS, Metric


class Counts(msgspec.Struct):
    """What one process counted, as it lies in its file. A row of `times` holds a number per bucket, then the sum."""

    counts: list[tuple[tuple[str, ...], int]] = []
    times: list[tuple[str, str, list[float]]] = []
    gauges: dict[str, float] = {}
    infos: dict[str, str] = {}


_decode = msgspec.json.Decoder(Counts).decode


def read(folder: Path) -> Sums:
    """The counts of all processes that left a file there."""
    sums = Sums()
    for path in folder.glob("*.json"):
        sums.add(_decode(path.read_bytes()), alive=_alive(path.stem))
    return sums


def written(sums: Sums, accept: str) -> tuple[bytes, str]:
    """(text, content type), in the format that the scraper accepts."""
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
                    family = GaugeMetricFamily(name, metric.meaning, labels=metric.labels)
                    for labels, values in self._gauges(name, metric):
                        family.add_metric(labels, metric.over(values))
                case "info":
                    family = GaugeMetricFamily(name, metric.meaning, labels=metric.labels)
                    for _, version in sorted(pair for pair in self.infos if pair[0] == name):
                        family.add_metric((version,), 1)
            yield family

    def _gauges(self, name: str, metric: Metric) -> Iterator[tuple[tuple[str, ...], list[float]]]:
        """(labels, values) of a gauge; one with labels is told as `name/label/label`."""
        if not metric.labels:
            yield (), self.gauges.get(name) or [0.0]
            return
        for key, values in sorted(self.gauges.items()):
            of, _, label = key.partition("/")
            if of == name:
                yield tuple(label.split("/", len(metric.labels) - 1)), values


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (OSError, ValueError):
        return False
    return True
