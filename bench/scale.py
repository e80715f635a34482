"""How the cost of a decision grows with people, offers and events: two servers, asked in turn, one of them small."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from bench.registry import figure
from bench.stage import block_load, interleaved, middle_ratio, shop_server, tell, told


@figure("cost_1m_vs_1k_profiles", "times", at_most=1.1, title="cost of the block with 1,000,000 people in the store over that with 1,000")
def cost_1m_vs_1k_profiles() -> float:
    return _growth("people", 1_000, 1_000_000, events=5)


@figure("cost_1000_vs_10_offers", "times", at_most=2, title="cost of the block with 1,000 offers in its placement over that with 10")
def cost_1000_vs_10_offers() -> float:
    return _growth("offers", 10, 1_000)


@figure("cost_500_vs_10_events", "times", at_most=1.2, title="cost of the block for people with 500 events over that for people with 10")
def cost_500_vs_10_events() -> float:
    return _growth("events", 10, 500)


def _growth(name: str, few: int, many: int, **fixed: Any) -> float:
    with ExitStack() as stack:
        servers = [stack.enter_context(shop_server(**{name: count}, **fixed)) for count in (few, many)]
        people = [count if name == "people" else None for count in (few, many)]
        runs = interleaved(f"{few:,} against {many:,} {name}", *(
            lambda n, server=server, count=count: block_load(server, seconds=1.5, seed=n, **({"people": count} if count else {}))
            for server, count in zip(servers, people, strict=True)
        ))
    for count, rows in zip((few, many), runs, strict=True):
        tell(told(f"{count:,} {name}", rows))
    return middle_ratio(runs[0], runs[1])
