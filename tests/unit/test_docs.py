"""The docs name what exists, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from app.telemetry import METRICS

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_the_metrics_page_names_every_metric_with_its_labels_and_no_other():
    rows = re.findall(r"^\| `(inlay_\w+)` \| (\w+) \| ([^|]*)\|", (DOCS / "metrics.md").read_text(), re.MULTILINE)

    told = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}

    assert told == {name: ("gauge" if metric.kind == "info" else metric.kind, metric.labels) for name, metric in METRICS.items()}
