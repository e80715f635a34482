"""Histories: what reading a longer one costs in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.machine import ROOT
from bench.registry import Measured, figure
from bench.servers import inlay, scratch
from bench.stage import doing, tell

FEW, MANY = 100_000, 1_000_000
EACH = 20
RULES = "version: 1\nfeatures: {views: {count: product_viewed, within: 30d}, spent: {sum: product_viewed.price}}\nplacements: {hero: {fallback: {block: plain}}}\n"
SPEC = "model: again\nrows: {every: 30d, from: 2026-02-01}\nlabel: {did: product_viewed, within: 5d}\ninputs: [feature.views, feature.spent]\n"
START = datetime(2026, 1, 1, tzinfo=UTC)


@figure("export_memory_slope", "bytes an event", at_most=100, title="more memory that `inlay export events` takes per event of a longer history, from 100,000 to 1,000,000 events, 20 a person; beside it `inlay dataset`, which sorts on disk beyond 1 GB")
def export_memory_slope() -> Measured:
    few, many = _peaks(FEW), _peaks(MANY)
    notes = {f"{name}_mb": f"{few[name] / 1e6:.0f} and {many[name] / 1e6:.0f}" for name in few}
    tell(", ".join(f"{name} {told} MB" for name, told in notes.items()))
    return Measured(max(0.0, (many["export"] - few["export"]) / (MANY - FEW)), notes)


def _peaks(events: int) -> dict[str, int]:
    """The most memory, in bytes, that each command had over a history of so many events."""
    with scratch() as folder, doing(f"{events:,} events"):
        content, data, out = folder / "content", folder / "data", folder / "events.parquet"
        for name, text in {"rules/shop.yaml": RULES, "blocks/plain/block.yaml": "description: a word", "blocks/plain/html.j2": "<p>A word</p>", "training/again.yaml": SPEC}.items():
            (content / name).parent.mkdir(parents=True, exist_ok=True)
            (content / name).write_text(text)
        _write(folder / "events.jsonl", events)
        inlay("import", "events", str(folder / "events.jsonl"), "--content", str(content), "--data", str(data), INLAY_DURABILITY="fast")
        exported = _peak("export", "events", str(out), "--data", str(data))
        return {"export": exported, "dataset": _peak("dataset", str(content / "training" / "again.yaml"), "--history", str(out), "--out", str(folder / "rows.parquet"), "--content", str(content))}


def _write(path: Path, events: int) -> None:
    with path.open("w") as file:
        for i in range(events):
            at = START + timedelta(days=i % EACH * 9, seconds=i // EACH)
            row = {"type": "track", "event": "Product Viewed", "userId": f"u{i // EACH}", "messageId": str(i), "timestamp": at.isoformat(), "properties": {"product_id": f"p{i % 997}", "price": i % 90}}
            file.write(json.dumps(row) + "\n")


def _peak(*words: str) -> int:
    """Of a command of its own, without the server's Redis."""
    child = subprocess.Popen([sys.executable, "-m", "app", *words], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(f"inlay {words[0]} failed")
    return usage.ru_maxrss * 1024
