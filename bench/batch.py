"""The batch route against the single route: what deciding many at once saves."""

from __future__ import annotations

from json import dumps
from random import Random
from statistics import median
from typing import Any

from bench.load import Load
from bench.people import PEOPLE, person
from bench.registry import figure
from bench.servers import Inlay, post
from bench.stage import interleaved, shop_server, tell, told

RECIPIENTS = 500
HERO: dict[str, Any] = {"placements": ["hero"]}
BLOCK: dict[str, Any] = {"placements": ["grid"], "surface": "html"}


@figure("batch_vs_single", "times", at_least=5, title="decisions/s of POST /v1/decisions/batch over those of POST /v1/decisions, on one core")
def batch_vs_single() -> float:
    with shop_server() as server:
        hero = _ratio(server, HERO, b'"offer":"hero')
        block = _ratio(server, BLOCK, b'"offer":"')
    tell(f"the same for the personalised block: {block:.2f} times")
    return hero


def _ratio(server: Inlay, body: dict[str, Any], holds: bytes) -> float:
    draw = Random(5)
    singles = tuple(post("/v1/decisions", server.head(), dumps(body | {"profile": person(i)}).encode()) for i in range(PEOPLE))
    batches = tuple(
        post("/v1/decisions/batch", server.head(), dumps(body | {"recipients": [{"profile": person(draw.randrange(PEOPLE))} for _ in range(RECIPIENTS)]}).encode())
        for _ in range(100)
    )
    name = body["placements"][0]
    one, many = interleaved(
        f"batch against single, {name}",
        lambda n: Load(server.port, singles, holds, seconds=1.5, seed=n, pid=server.pid),
        lambda n: Load(server.port, batches, holds, RECIPIENTS, seconds=1.5, connections=1, seed=n, pid=server.pid),
    )
    tell(told(f"single, {name}", one))
    tell(told(f"batches of {RECIPIENTS}, {name}", many))
    return median(b.per_second * RECIPIENTS / a.per_second for a, b in zip(one, many, strict=True))
