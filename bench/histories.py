"""Histories: what reading a longer one costs in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from app.domain.event import ID_BYTES
from app.learning.parquet import COLUMNS, Row, Writer
from bench.machine import ROOT
from bench.registry import Measured, figure
from bench.servers import inlay, scratch
from bench.stage import doing, tell

FEW, MANY = 100_000, 1_000_000
EACH = 20
RULES = "version: 1\nfeatures: {views: {count: product_viewed, within: 30d}, spent: {sum: product_viewed.price}}\nplacements: {hero: {fallback: {block: plain}}}\n"
SPEC = "model: again\nrows: {every: 30d, from: 2026-02-01}\nlabel: {did: product_viewed, within: 5d}\ninputs: [feature.views, feature.spent]\n"
START = datetime(2026, 1, 1, tzinfo=UTC)


@figure("export_memory_slope", "bytes an event", at_most=100, title="more memory that `inlay export events` takes per event of a longer history, from 100,000 to 1,000,000 events, 20 a person")
def export_memory_slope() -> Measured:
    few, many = _peaks(FEW), _peaks(MANY)
    notes = {f"{name}_mb": f"{few[name] / 1e6:.0f} and {many[name] / 1e6:.0f}" for name in few}
    tell(", ".join(f"{name} {told} MB" for name, told in notes.items()))
    return Measured(max(0.0, (many["export"] - few["export"]) / (MANY - FEW)), notes)


def _peaks(events: int) -> dict[str, int]:
    """The most memory, in bytes, that each command had over a history of so many events."""
    with scratch() as folder, doing(f"{events:,} events"):
        content, data, out = _content(folder), folder / "data", folder / "events.parquet"
        _write(folder / "events.jsonl", events)
        inlay("import", "events", str(folder / "events.jsonl"), "--content", str(content), "--data", str(data), INLAY_DURABILITY="fast")
        return {"export": _peak("export", "events", str(out), "--data", str(data))}


@figure("dataset_memory_slope", "bytes an event", at_most=100, title="more memory that `inlay dataset` takes per event of a longer history, from 1,000,000 to 3,000,000 events, 20 a person, in any order")
def dataset_memory_slope() -> Measured:
    few, many = _dataset_peak(MANY), _dataset_peak(3 * MANY)
    return Measured(max(0.0, (many - few) / (2 * MANY)), {"dataset_mb": f"{few / 1e6:.0f} and {many / 1e6:.0f}"})


def _dataset_peak(events: int) -> int:
    with scratch() as folder, doing(f"{events:,} events"):
        content, history = _content(folder), folder / "events.parquet"
        people = list(range(events // EACH))
        Random(1).shuffle(people)
        with Writer(history, COLUMNS["events"]) as file:
            for who in people:
                file.add([_row(who, i) for i in range(EACH)])
        return _peak("dataset", str(content / "training" / "again.yaml"), "--history", str(history), "--out", str(folder / "rows.parquet"), "--content", str(content))


def _row(who: int, i: int) -> Row:
    at, number = START + timedelta(days=i * 9, seconds=who), who * EACH + i
    return f"u{who}", "product_viewed", round(at.timestamp() * 1000), number.to_bytes(ID_BYTES, "big"), json.dumps({"product_id": f"p{number % 997}", "price": number % 90}), None, None


def _content(folder: Path) -> Path:
    for name, text in {"rules/shop.yaml": RULES, "blocks/plain/block.yaml": "description: a word", "blocks/plain/html.j2": "<p>A word</p>", "training/again.yaml": SPEC}.items():
        (folder / "content" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "content" / name).write_text(text)
    return folder / "content"


def _write(path: Path, events: int) -> None:
    with path.open("w") as file:
        for i in range(events):
            at = START + timedelta(days=i % EACH * 9, seconds=i // EACH)
            row = {"type": "track", "event": "Product Viewed", "userId": f"u{i // EACH}", "messageId": str(i), "timestamp": at.isoformat(), "properties": {"product_id": f"p{i % 997}", "price": i % 90}}
            file.write(json.dumps(row) + "\n")


_MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def _peak(*words: str) -> int:
    """Of a command, without the server's Redis. It is started by a small process: what is started inherits the peak of who starts it."""
    command = [sys.executable, "-c", _MEASURED, sys.executable, "-m", "app", *words]
    return int(subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True, check=True).stdout)
