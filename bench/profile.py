"""`python -m bench profile NAME`: where the worker's time goes under one of the loads, by sampling."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.load import drive
from bench.machine import ROOT
from bench.servers import scratch
from bench.stage import block_load, shop_server

Stack = list[tuple[str, str, int]]
LOADS = ("block", "recorded")
WARM_SECONDS = 0.5


def profile(name: str, seconds: float = 8.0, rows: int = 30) -> None:
    """Print the functions and lines with most samples: by themselves, and with all that they called."""
    with scratch() as folder:
        with _sampled(folder / "samples.json"), shop_server() as server:
            run = drive(block_load(server, send=name == "recorded", seconds=seconds, warm_seconds=WARM_SECONDS))
        cpu_seconds, stacks = json.loads((folder / "samples.json").read_text())
    serving = [(stack, count) for stack, count in stacks if any("hot.py" in file or "uvicorn" in file or "redis_link" in file for file, _, _ in stack)]
    total = sum(count for _, count in serving)
    each = 1e6 * cpu_seconds / sum(count for _, count in stacks) * total / (run.per_second * (seconds + WARM_SECONDS))
    console = Console(highlight=False)
    console.print(f"{run.per_second:,.0f} requests/s while sampled; {total:,} samples; about {each:.0f} µs of CPU a request in the worker")
    console.print(_table("function, with what it calls", _inclusive(serving), total, rows))
    console.print(_table("line, by itself", _own_lines(serving), total, rows))


@contextmanager
def _sampled(into: Path) -> Iterator[None]:
    """Workers started within write their samples to `into` when they end."""
    former = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent / "sampler"), former]))
    os.environ["BENCH_SAMPLES"] = str(into)
    try:
        yield
    finally:
        del os.environ["BENCH_SAMPLES"]
        if former is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = former


def _inclusive(stacks: list[tuple[Stack, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for stack, count in stacks:
        for place in {f"{name}  {_short(file)}" for file, name, _ in stack}:
            found[place] += count
    return found


def _own_lines(stacks: list[tuple[Stack, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for stack, count in stacks:
        file, name, line = stack[0]
        found[f"{name}  {_short(file)}:{line}"] += count
    return found


def _short(file: str) -> str:
    return file.removeprefix(f"{ROOT}/").rpartition("site-packages/")[2]


def _table(title: str, counts: Counter[str], total: int, rows: int) -> Table:
    table = Table("%", title, box=None, header_style="dim")
    for place, count in counts.most_common(rows):
        table.add_row(f"{100 * count / total:.1f}", place)
    return table
