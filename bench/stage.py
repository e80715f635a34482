"""What the measurements share: the block's shop with its 10,000 people in a running server, and interleaved runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import shop
from bench.kept import kept, source, today
from bench.load import Load, Run, drive
from bench.people import PEOPLE, person, write_people
from bench.servers import Inlay, Noop, _key, get, inlay, scratch

RUNS = 7
console = Console(highlight=False, stderr=True)
_STORE_SOURCES = ("app/adapters/*", "app/adapters/lua/*", "app/domain/*.py", "app/formats/*.py", "app/ingest.py", "bench/people.py", "bench/shop.py")


@contextmanager
def doing(text: str) -> Iterator[None]:
    """A spinner with the time, while something takes longer than a moment."""
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True, console=console, disable=not console.is_terminal) as progress:
        progress.add_task(text)
        yield


def model() -> bytes:
    """The trained model; training takes some seconds, so it is kept."""
    with doing("training the model"):
        folder = kept("model", [source("bench/shop.py")[0]], lambda into: _write(into / "model.onnx", shop.train()))
    return (folder / "model.onnx").read_bytes()


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def loaded_data(people: int = PEOPLE, events: int = 100) -> Path:
    """A data folder with the catalogue and that many people, loaded by `inlay import`; to be copied before use."""

    def load(into: Path) -> None:
        data = into / "data"
        _key(data)
        shop.write_items(into / "items.jsonl")
        with doing(f"loading {people:,} people with {events} events each"):
            inlay("import", "items", str(into / "items.jsonl"), "--data", str(data))
            for path in write_people(into, people, events):
                inlay("import", "events", str(path), "--data", str(data), INLAY_DURABILITY="fast")
                path.unlink()

    return kept(f"people-{people}-{events}", [today(), *source(*_STORE_SOURCES)], load) / "data"


@contextmanager
def shop_server(offers: int = 50, people: int = PEOPLE, events: int = 100) -> Iterator[Inlay]:
    """The block's shop, served from a copy of the loaded data."""
    seed = loaded_data(people, events)
    with scratch() as folder:
        shop.write_content(folder / "content", model(), offers=offers)
        shutil.copytree(seed, folder / "data")
        shutil.copy(seed.with_name("data.key"), folder / "data.key")
        with Inlay(folder / "content", folder / "data") as server:
            yield server


def block_load(server: Inlay, *, send: bool = False, people: int = PEOPLE, **more: object) -> Load:
    """Requests for the personalised block as HTML, one for each person; with `send`, a new one for each request."""
    from bench.load import COUNTER

    more_query = f"&send={COUNTER.decode()}" if send else ""
    requests = tuple(get(f"/v1/placements/grid.html?profile={person(i)}{more_query}", server.head()) for i in range(people))
    return Load(server.port, requests, shop.CARD, shop.CARDS, pid=server.pid, **more)  # pyright: ignore[reportArgumentType]


def noop_load(noop: Noop, **more: object) -> Load:
    """The no-op, asked with the same headers as the block."""
    request = get("/noop", b"Host: 127.0.0.1\r\nAuthorization: Bearer inlay_" + b"x" * 43 + b"\r\n")
    return Load(noop.port, (request,), b"ok", pid=noop.pid, **more)  # pyright: ignore[reportArgumentType]


def interleaved(name: str, *loads: Callable[[int], Load], runs: int = RUNS) -> list[list[Run]]:
    """Run each load in turn, `runs` times over; each is made for the number of its run. One list of runs a load."""
    found: list[list[Run]] = [[] for _ in loads]
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=runs)
        for number in range(runs):
            for rows, load in zip(found, loads, strict=True):
                rows.append(drive(load(number)))
            progress.update(task, advance=1, description=f"{name}: run {number + 1} of {runs}")
    return found


def middle_ratio(over: list[Run], under: list[Run]) -> float:
    """The median of the ratios of neighbouring runs, so that a drift of the machine falls on both."""
    return median(a.per_second / b.per_second for a, b in zip(over, under, strict=True))


def tell(text: str) -> None:
    """A line beside the figures: what a ratio was made of."""
    console.print(f"  [dim]{text}[/dim]")


def told(name: str, runs: list[Run]) -> str:
    rates = sorted(run.per_second for run in runs)
    cpu, p99 = median(run.cpu_us for run in runs), median(run.p99_ms for run in runs)
    return f"{name}: {median(rates):,.0f}/s ({rates[0]:,.0f} to {rates[-1]:,.0f}), {cpu:,.0f} µs of CPU each, p99 {p99:.1f} ms"
