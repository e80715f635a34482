"""What the decision policy promises, counted."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from statistics import mean
from typing import Any

from app.adapters.breaker import Breaker
from app.adapters.redis_cluster import link_to
from app.demo.people import PEOPLE
from app.domain.experiments import Namespace, bucket, bucket_ranges, choose_variation, equal_weights, in_namespace
from bench.machine import ROOT
from bench.people import person
from bench.registry import Measured, figure
from bench.servers import Inlay, scratch
from bench.stage import shop_server, tell

CASES = ROOT.parent / "shared/data/growthbook/bucketing_cases.json"
CLOSE = 1e-6
DECIDED = 300


@figure("bucketing_cases_failed", "cases", at_most=0, title="published cases of GrowthBook's bucketing that come out otherwise")
def bucketing_cases_failed() -> float:
    return sum(not right for right in _right())


def _right() -> Iterator[bool]:
    cases = json.loads(CASES.read_text())
    for seed, unit, version, wanted in cases["hash"]:
        yield (bucket(seed, unit, version) if version in (1, 2) else None) == wanted
    for _, given, wanted in cases["getBucketRange"]:
        found = bucket_ranges(*given)
        yield len(found) == len(wanted) and all(abs(a - b) < CLOSE for one, other in zip(found, wanted, strict=True) for a, b in zip(one, other, strict=True))
    for _, at, ranges, wanted in cases["chooseVariation"]:
        yield choose_variation(at, ranges) == wanted
    for _, unit, namespace, wanted in cases["inNamespace"]:
        yield in_namespace(unit, Namespace(*namespace)) == wanted
    for count, wanted in cases["getEqualWeights"]:
        found = equal_weights(count)
        yield len(found) == len(wanted) and all(abs(a - b) < CLOSE for a, b in zip(found, wanted, strict=True))


# -- what a choice takes -----------------------------------------------------------------------------------------------


@figure("bytes_per_choice", "bytes", at_most=300, title="of a recorded decision in Redis, the largest of whole mails of the starter content and of the block's shop")
def bytes_per_choice() -> Measured:
    starter, block = _starter_records(), _block_records()
    tell(f"starter: {mean(starter):.0f} bytes, at most {max(starter)}, of {len(starter)}; the block's shop: {mean(block):.0f}, at most {max(block)}, of {len(block)}")
    return Measured(max(*starter, *block), {"mean": f"{mean([*starter, *block]):.0f}"})


def _starter_records() -> list[int]:
    """Every mail of the starter content, for everybody in the invented shop."""
    with scratch() as folder, Inlay(ROOT, folder / "data") as server:
        subprocess.run([sys.executable, "-m", "app.demo", f"http://127.0.0.1:{server.port}"], cwd=ROOT, env={**os.environ, "INLAY_ADMIN_KEY": server.key}, check=True)
        people = [person.id for person in PEOPLE]
        return _recorded(server, people, [{"mail": mail, "context": {"stock": 5, "device": "mobile"}} for mail in ("newsletter", "cart_reminder")])


def _block_records() -> list[int]:
    with shop_server() as server:
        return _recorded(server, [person(i) for i in range(DECIDED)], [{"placements": ["grid", "hero"]}])


def _recorded(server: Inlay, people: Sequence[str], asked: Sequence[Mapping[str, Any]]) -> list[int]:
    """How long each record is that Redis holds after these were asked of everybody."""
    for who in people:
        for number, each in enumerate(asked):
            request = urllib.request.Request(
                f"http://127.0.0.1:{server.port}/v1/decisions", json.dumps({"profile": who, "send": f"2026-11-{number}", **each}).encode(),
                {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"},
            )
            urllib.request.urlopen(request, timeout=30).close()
    return asyncio.run(_lengths(server, people))


async def _lengths(server: Inlay, people: Sequence[str]) -> list[int]:
    link = link_to(f"unix://{server.redis_socket}", Breaker(time.monotonic), read_seconds=5.0)
    try:
        return [len(record) for who in people for record in await link.call("HVALS", f"d:{{u:{who}}}", seconds=5.0)]
    finally:
        await link.close()
