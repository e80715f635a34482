"""Rules alone, without HTTP and store: 1,000 rules of 3 predicates, in one process on the server's core."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

import yaml

from app.content.choosing import Verdict
from app.content.load import load
from app.content.logbook import fate_of
from app.content.program import Judgement, Program
from app.domain.decision import Choice
from app.domain.logged import VERSION, Logged, encode_logged
from app.domain.profile import Profile
from app.domain.request import Request
from bench import shop
from bench.machine import SERVER_CORE, free, pinned
from bench.registry import figure
from bench.servers import scratch
from bench.stage import RUNS, doing, tell

RULES = 1_000
PEOPLE = 500
NOW = 1_760_000_000_000
TEXTS = {
    "country": shop.COUNTRIES, "tier": shop.TIERS, "brand": shop.BRANDS, "city": tuple(f"city{i:02}" for i in range(40)),
}
NUMBERS = ("age", "tenure", "orders", "spend", "views", "opens")


@dataclass(frozen=True, slots=True)
class Predicate:
    """One predicate in Inlay's language and in zen's."""

    ours: dict[str, Any]
    zen: str


def predicates(draw: Random) -> list[Predicate]:
    """Three about different attributes, texts and numbers mixed."""
    return [_text(name, draw) if name in TEXTS else _number(name, draw) for name in draw.sample((*TEXTS, *NUMBERS), 3)]


def _text(name: str, draw: Random) -> Predicate:
    if draw.random() < 0.5:
        value = draw.choice(TEXTS[name])
        return Predicate({"field": f"profile.{name}", "eq": value}, f"{name} == '{value}'")
    values = draw.sample(TEXTS[name], 3)
    return Predicate({"field": f"profile.{name}", "in": values}, f"{name} in [{', '.join(repr(value) for value in values)}]")


def _number(name: str, draw: Random) -> Predicate:
    bound = draw.randrange(10, 90)
    ours, zen = draw.choice([("gte", ">="), ("lt", "<"), ("gt", ">"), ("lte", "<=")])
    return Predicate({"field": f"profile.{name}", ours: bound}, f"{name} {zen} {bound}")


def person(draw: Random) -> dict[str, Any]:
    return {name: draw.choice(values) for name, values in TEXTS.items()} | {name: draw.randrange(100) for name in NUMBERS}


def compiled(rules: list[list[Predicate]]) -> Judgement:
    """The rules as Inlay compiles them: each the eligibility of an offer in one placement."""
    offers = {
        f"offer{i:04}": {"placements": ["grid"], "block": "plain", "eligibility": {"all": [each.ours for each in rule]}}
        for i, rule in enumerate(rules)
    }
    with scratch() as folder:
        shop.write_content(folder, b"", offers=0)
        (folder / "models" / "item_click.yaml").unlink()
        text = {"version": 1, "placements": {"grid": {"fallback": {"block": "plain"}}}, "offers": offers}
        (folder / "rules" / "bench.yaml").write_text(yaml.safe_dump(text))
        return Program(load(folder)).judgements["grid"]


@figure("rules_vs_zen", "times", at_least=3, title="zen-engine's time for 1,000 rules of 3 predicates as one expression, over Inlay's")
def rules_vs_zen() -> float:
    import zen

    rules, people = _workload()
    judgement = compiled(rules)
    expression = zen.compile_expression("[" + ", ".join("(" + " and ".join(each.zen for each in rule) + ")" for rule in rules) + "]")
    profiles = [Profile(traits=each) for each in people]
    for traits, profile in zip(people[:100], profiles, strict=False):
        theirs = [i for i, held in enumerate(expression.evaluate(traits)) if held]
        if sorted(judgement.judge(Request(NOW, profile))[1]) != theirs:
            raise AssertionError("the two do not say the same")
    ours, zens = timed(lambda i: judgement.judge(Request(NOW, profiles[i])), lambda i: expression.evaluate(people[i]))
    tell(f"Inlay {median(ours):.1f} µs, zen-engine {median(zens):.1f} µs for {RULES:,} rules")
    return median(b / a for a, b in zip(ours, zens, strict=True))


@figure("trace_cost_ratio", "times", at_most=1.5, title="time to judge 1,000 rules and keep the trace of the decision, over judging alone")
def trace_cost_ratio() -> float:
    rules, people = _workload()
    judgement = compiled(rules)
    profiles = [Profile(traits=each) for each in people]

    shown = Choice("grid", None, "plain", "fallback")

    def traced(i: int) -> bytes:
        codes, live = judgement.judge(Request(NOW, profiles[i]))
        verdict = Verdict(judgement, codes, {}, {}, live[0] if live else None)
        fates = {"grid": fate_of(verdict, shown)}
        return encode_logged(Logged(VERSION, b"i" * 16, b"w" * 16, NOW, "s", None, "0123456789abcdef", fates, {}, None))

    alone, kept = timed(lambda i: judgement.judge(Request(NOW, profiles[i])), traced)
    tell(f"judging {median(alone):.1f} µs, with its trace {median(kept):.1f} µs for {RULES:,} rules")
    return median(b / a for a, b in zip(alone, kept, strict=True))


def _workload() -> tuple[list[list[Predicate]], list[dict[str, Any]]]:
    draw = Random(3)
    return [predicates(draw) for _ in range(RULES)], [person(draw) for _ in range(PEOPLE)]


def timed(*works: Callable[[int], object]) -> list[list[float]]:
    """µs a call of each, in interleaved runs over all people, on the server's core."""
    pinned(SERVER_CORE)
    gc.collect()
    gc.freeze()
    try:
        with doing("judging"):
            for work in works:
                _lap(work)
            return [list(row) for row in zip(*([_lap(work) for work in works] for _ in range(RUNS)), strict=True)]
    finally:
        gc.unfreeze()
        free()


def _lap(work: Callable[[int], object]) -> float:
    begun = perf_counter()
    for i in range(PEOPLE):
        work(i)
    return (perf_counter() - begun) / PEOPLE * 1e6
