"""The personalised block over HTTP against an empty request."""

from __future__ import annotations

from statistics import median

from bench.load import Load
from bench.registry import figure
from bench.servers import Noop
from bench.stage import block_load, interleaved, middle_ratio, noop_load, shop_server, tell, told

RUN_SECONDS = 2.0


@figure("block_vs_noop", "times", at_least=1.0, title="requests/s of the personalised block over those of a FastAPI no-op")
def block_vs_noop() -> float:
    return _against_noop(send=False)


@figure("recorded_block_vs_noop", "times", title="the same with a new send, so a recorded decision, each time")
def recorded_block_vs_noop() -> float:
    return _against_noop(send=True)


@figure("p99_vs_noop_half_load", "times", at_most=3, title="p99 of the block over that of the no-op, each at half its capacity")
def p99_vs_noop_half_load() -> float:
    with shop_server() as server, Noop() as noop:
        full = interleaved("capacity", lambda n: block_load(server, seconds=RUN_SECONDS), lambda n: noop_load(noop, seconds=RUN_SECONDS), runs=3)
        rates = [median(run.per_second for run in runs) / 2 for runs in full]
        half = interleaved(
            "half load",
            lambda n: block_load(server, seconds=4.0, rate=rates[0], connections=64, seed=n),
            lambda n: noop_load(noop, seconds=4.0, rate=rates[1], connections=64, seed=n),
        )
    for name, rate, runs in zip(("block", "no-op"), rates, half, strict=True):
        tell(told(f"{name} at {rate:,.0f}/s", runs))
    return median(a.p99_ms / b.p99_ms for a, b in zip(*half, strict=True))


def _against_noop(*, send: bool) -> float:
    with shop_server() as server, Noop() as noop:
        def block(number: int) -> Load:
            return block_load(server, send=send, seconds=RUN_SECONDS, seed=number, first=number * 10**9)

        blocks, noops = interleaved("block against no-op", block, lambda number: noop_load(noop, seconds=RUN_SECONDS))
    tell(told("block", blocks))
    tell(told("no-op", noops))
    tell(f"by CPU time the ratio is {median(a.cpu_us / b.cpu_us for a, b in zip(noops, blocks, strict=True)):.3f}: the better guide while the machine is busy")
    return middle_ratio(blocks, noops)
