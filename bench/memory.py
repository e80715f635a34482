"""What a profile and a worker take, and how soon the first answer comes."""

from __future__ import annotations

import time
from json import dumps
from pathlib import Path
from random import Random
from statistics import median

import redis

from bench import shop
from bench.events import track
from bench.load import Load, drive
from bench.machine import ROOT
from bench.people import person
from bench.registry import figure
from bench.servers import Inlay, get, inlay, resident_bytes, scratch
from bench.stage import doing, model, tell

PROFILES = 20_000
EVENTS = 20


@figure("bytes_per_profile_20_events", "bytes", at_most=1_024, title="Redis memory of a profile with 20 events of three short properties")
def bytes_per_profile_20_events() -> float:
    with scratch() as folder:
        shop.write_content(folder / "content", model())
        with Inlay(folder / "content", folder / "data") as server, doing(f"loading {PROFILES:,} people"):
            store = redis.Redis(unix_socket_path=server.redis_socket)
            _load(folder, "warm", 50)
            before = _settled(store)
            _load(folder, "people", PROFILES)
            return (_settled(store) - before) / PROFILES


@figure("worker_mb", "MB", at_most=120, title="resident memory of a worker after serving the block's content, catalogue not loaded")
def worker_mb() -> float:
    with scratch() as folder:
        shop.write_content(folder / "content", model())
        with Inlay(folder / "content", folder / "data") as server:
            requests = tuple(get(f"/v1/placements/grid.html?profile={person(i)}", server.head()) for i in range(1_000))
            drive(Load(server.port, requests, b"See what is new", seconds=3.0))
            return resident_bytes(server.worker) / 1e6


@figure("first_answer_seconds", "s", at_most=2, title="from starting `inlay serve` on the starter content to the first valid answer")
def first_answer_seconds() -> float:
    with doing("starting"):
        first = [_started(fresh=True) for _ in range(5)]
        again = [_started(fresh=False) for _ in range(5)]
    tell(f"the first start in an empty data folder {min(first):.2f} to {max(first):.2f} s; a later one {median(again):.2f} s")
    return median(first)


def _load(folder: Path, name: str, count: int) -> None:
    """That many people with 20 events each, through `inlay import` into the running server's store."""
    path, draw, now = folder / f"{name}.jsonl", Random(20), time.time()
    with path.open("w") as file:
        for i in range(count):
            rows = [track(draw, f"{name}-{i}-{j}", now - draw.random() * 90 * 86_400) | {"userId": f"{name}{i:06}"} for j in range(EVENTS)]
            file.write("".join(dumps(row) + "\n" for row in rows))
    inlay("import", "events", str(path), "--data", str(folder / "data"))


def _settled(store: redis.Redis) -> int:
    """Used memory once clients have gone and buffers were given back."""
    time.sleep(1.0)
    return int(store.info("memory")["used_memory"])  # pyright: ignore


def _started(*, fresh: bool) -> float:
    with scratch() as folder:
        server = Inlay(ROOT, folder / "data")
        if not fresh:
            with server:
                pass
        begun = time.perf_counter()
        server.start(pin=False)
        try:
            while not _answers(server):
                time.sleep(0.005)
            return time.perf_counter() - begun
        finally:
            server.stop()


def _answers(server: Inlay) -> bool:
    try:
        status, body = server.get("/v1/placements/hero.html?profile=nobody")
    except OSError:
        return False
    return status == 200 and b"<table" in body
