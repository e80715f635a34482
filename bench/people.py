"""The people of the benchmarks: ids, traits and histories, written as files for `inlay import`. Seeds are fixed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from bench.shop import BRANDS, COUNTRIES, TIERS, category

PEOPLE = 10_000
DAYS = 120
_KINDS = ("product_viewed",) * 6 + ("email_opened",) * 2 + ("cart_updated", "order_completed")


def person(i: int) -> str:
    """An id; all have the same length, so that requests do."""
    return f"u{i:07}"


def write_people(folder: Path, count: int = PEOPLE, events: int = 100) -> list[Path]:
    """Files for `inlay import events`, at most 500,000 lines each: per person an `identify` and `events - 1` of the rest."""
    now, paths, lines = time.time(), [], []
    for i in range(count):
        lines += [json.dumps(row, separators=(",", ":")) for row in history(i, events, now)]
        if len(lines) >= 500_000 or i == count - 1:
            paths.append(folder / f"events{len(paths):03}.jsonl")
            paths[-1].write_text("\n".join(lines) + "\n")
            lines.clear()
    return paths


def history(i: int, events: int, now: float) -> Iterator[dict[str, Any]]:
    """One person's events, oldest first: an `identify`, then what they did in the last 120 days."""
    draw = Random(i)
    favourites = [category(draw.randrange(1_000)) for _ in range(6)]
    instants = sorted(now - 60 - draw.random() ** 1.5 * DAYS * 86_400 for _ in range(events - 1))
    yield _row("identify", i, 0, now - (DAYS + 1) * 86_400, traits=traits(i, draw))
    for number, at in enumerate(instants, 1):
        name = "product_viewed" if number == 1 else draw.choice(_KINDS)
        yield _row("track", i, number, at, event=name, properties=properties(name, draw, favourites))


def traits(i: int, draw: Random) -> dict[str, Any]:
    return {
        "first_name": f"Name{i % 500}", "country": draw.choice(COUNTRIES), "tier": draw.choice(TIERS),
        "age": draw.randrange(18, 80), "tenure_days": draw.randrange(3_000),
    }


def properties(name: str, draw: Random, favourites: list[str]) -> dict[str, Any]:
    product = {"product_id": f"p{draw.randrange(1_000):06}", "category": draw.choice(favourites), "brand": draw.choice(BRANDS)}
    if name == "product_viewed":
        return product
    if name == "order_completed":
        return {"order_id": f"o{draw.randrange(10**9)}", "total": round(draw.uniform(10, 300), 2), "products": [product]}
    if name == "cart_updated":
        return product | {"quantity": draw.randint(1, 3)}
    return {"mail": "newsletter", "send": f"2026-{draw.randrange(52)}", "device": draw.choice(["mobile", "desktop"])}


def _row(kind: str, i: int, number: int, at: float, **more: Any) -> dict[str, Any]:
    instant = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return {"type": kind, "userId": person(i), "messageId": f"{person(i)}-{number}", "timestamp": instant, **more}
