"""Taking events: durable over HTTP, and in bulk by `inlay import`."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any
from zlib import crc32

import redis
import yaml

from bench.load import Load, drive
from bench.people import PEOPLE, person
from bench.registry import Measured, figure
from bench.servers import Inlay, background, inlay, post, scratch, wait_for
from bench.shop import category
from bench.stage import RUNS, doing, shop_server, tell

BATCH = 100
BATCHES = 300
"""Batches of one run."""
ROWS = 300_000


@figure("events_per_second", "events/s", at_least=15_000, title="durable, applied events a second over HTTP in batches of 100, on one core")
def events_per_second() -> Measured:
    with shop_server() as server:
        store = redis.Redis(unix_socket_path=server.redis_socket)
        fsync = store.config_get("appendfsync")["appendfsync"]  # pyright: ignore
        runs = []
        with doing("taking events"):
            for number in range(RUNS + 1):
                runs.append(drive(Load(server.port, batches(server, number), b'"accepted":100,', seconds=60, warm_seconds=0, connections=4, once=True, pid=server.pid)))
        rates = sorted(run.per_second * BATCH for run in runs[1:])
    tell(f"{rates[0]:,.0f} to {rates[-1]:,.0f} events/s; {median(run.cpu_us for run in runs) / BATCH:.1f} µs of CPU each; a batch takes {median(run.p50_ms for run in runs):.1f} ms; appendfsync {fsync}")
    return Measured(median(rates), {"appendfsync": fsync})


def batches(server: Inlay, number: int) -> tuple[bytes, ...]:
    """Requests of 100 events each, of people drawn from 10,000, each event with an id of its own."""
    draw, now = Random(number), time.time()
    made = []
    for i in range(BATCHES):
        rows = [track(draw, f"{number}-{i}-{j}", now - draw.random() * 60) for j in range(BATCH)]
        made.append(post("/v1/events", server.head(), json.dumps({"batch": rows}, separators=(",", ":")).encode()))
    return tuple(made)


def track(draw: Random, message: str, at: float) -> dict[str, Any]:
    """An event with three short properties, as a web shop sends it."""
    return {
        "type": "track", "event": "Product Viewed", "userId": person(draw.randrange(PEOPLE)), "messageId": f"bench-{message}",
        "timestamp": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
        "properties": {"product_id": f"p{draw.randrange(1_000):06}", "category": category(draw.randrange(50)), "price": draw.randrange(100, 9_999) / 100},
    }


SHARDS = 4
STREAMED = 100_000
"""Events of one run through a stream."""


@figure("consumed_events_per_second", "events/s", title="durable, applied events a second through `inlay consume redis`, on one core")
def consumed_events_per_second() -> Measured:
    with shop_server() as server:
        store = redis.Redis(unix_socket_path=server.redis_socket)
        fsync = store.config_get("appendfsync")["appendfsync"]  # pyright: ignore
        rates = []
        for number in range(3):
            stream = f"bench{number}"
            fill(store, stream)
            with doing("consuming a stream"):
                rates.append(consumed(server, store, stream))
    tell(f"{min(rates):,.0f} to {max(rates):,.0f} events/s, {SHARDS} shards; appendfsync {fsync}")
    return Measured(median(rates), {"appendfsync": fsync})


def fill(store: redis.Redis, stream: str) -> None:
    """Events of people drawn from 10,000, each in the shard of its person."""
    draw, now = Random(stream), time.time()
    lines = store.pipeline(transaction=False)
    for i in range(STREAMED):
        event = track(draw, f"{stream}-{i}", now - draw.random() * 60)
        lines.xadd(f"{stream}:{crc32(event['userId'].encode()) % SHARDS}", {"data": json.dumps(event, separators=(",", ":"))})
        if i % 2_000 == 1_999:
            lines.execute()


def consumed(server: Inlay, store: redis.Redis, stream: str) -> float:
    """Events a second from the first that is read to the last that is acknowledged."""
    shards = [f"{stream}:{number}" for number in range(SHARDS)]
    with background("consume", "redis", "--stream", stream, "--shards", str(SHARDS), "--data", str(server.data)):
        wait_for(lambda: any(store.xinfo_groups(shard) for shard in shards))
        begun = perf_counter()
        wait_for(lambda: all(acknowledged(store, shard) for shard in shards))
        return STREAMED / (perf_counter() - begun)


def acknowledged(store: redis.Redis, shard: str) -> bool:
    groups: Any = store.xinfo_groups(shard)
    stream: Any = store.xinfo_stream(shard)
    return bool(groups) and groups[0]["pending"] == 0 and groups[0]["last-delivered-id"] == stream["last-generated-id"]


@figure("import_rows_per_second", "rows/s", at_least=50_000, title="rows a second of `inlay import events FILE.csv --map M.yaml`, the whole command")
def import_rows_per_second() -> float:
    with scratch() as folder:
        table, mapping = write_table(folder)
        rates = []
        for number in range(3):
            begun = perf_counter()
            with doing(f"importing {ROWS:,} rows"):
                said = inlay("import", "events", str(table), "--map", str(mapping), "--data", str(folder / f"data{number}"))
            rates.append(ROWS / (perf_counter() - begun))
            if f"{ROWS:,}  accepted" not in said:
                raise AssertionError(f"not all rows were accepted: {said}")
    tell(f"{min(rates):,.0f} to {max(rates):,.0f} rows/s, a row of six columns, people in no order")
    return median(rates)


def write_table(folder: Path) -> tuple[Path, Path]:
    """A log of events in the order of time, as a shop exports it, and the map that names its columns."""
    draw, now, lines = Random(9), time.time(), ["time,customer,event,product,category,price"]
    for i in range(ROWS):
        at = datetime.fromtimestamp(now - (ROWS - i) * 10, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(f"{at},{person(draw.randrange(PEOPLE))},product_viewed,p{draw.randrange(1_000):06},{category(draw.randrange(50))},{draw.randrange(100, 9_999) / 100}")
    table, mapping = folder / "events.csv", folder / "map.yaml"
    table.write_text("\n".join(lines) + "\n")
    mapping.write_text(yaml.safe_dump({
        "event": "product_viewed", "profile": "customer", "timestamp": "time",
        "properties": {"product_id": "product", "category": "category", "price": "price"},
    }))
    return table, mapping
