"""`experiments:` and `holdouts:`, from nodes to their definitions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, get_args

from app.content.leaves import condition
from app.content.reader import Reader
from app.content.source import Node
from app.domain import experiments as e
from app.domain.logged import FOLLOWED

EXPERIMENT_KEYS = ("variants", "placement", "unit", "coverage", "seed", "hash", "namespace", "when", "metrics", "guardrails", "sticky", "description")
NAMESPACE_KEYS = ("name", "from", "to")
MEASURE_KEYS = ("did", "sum", "within", "good")
DIRECTIONS: tuple[Literal["up", "down"], ...] = ("up", "down")
HOLDOUT_KEYS = ("percent", "salt", "placements", "control", "description")
UNITS: tuple[e.Unit, ...] = get_args(e.Unit)
VERSIONS: tuple[e.HashVersion, ...] = get_args(e.HashVersion)


def experiment(reader: Reader, id: str, node: Node, at: str) -> e.Experiment:
    found = reader.mapping(node, at, EXPERIMENT_KEYS, ("variants",))
    hash = found.get("hash")
    if hash is not None and hash.value not in VERSIONS:
        reader.wrong(hash.line, f"{at}.hash", f"is {hash.plain()!r:.40}", "1 or 2")
    unit = reader.one_of(found["unit"], f"{at}.unit", UNITS, "unit") if "unit" in found else None
    return e.Experiment(
        id, _variants(reader, found["variants"], f"{at}.variants") if "variants" in found else (),
        (reader.one_of(found["placement"], f"{at}.placement", reader.names.placements, "placement") or "") if "placement" in found else "",
        unit or "profile", _share(reader, found["coverage"], f"{at}.coverage") if "coverage" in found else 1.0,
        reader.text(found["seed"], f"{at}.seed") if "seed" in found else "", 1 if hash is not None and hash.value == 1 else 2,
        _namespace(reader, found["namespace"], f"{at}.namespace") if "namespace" in found else None,
        condition(reader, found["when"], f"{at}.when") if "when" in found else None, _measures(reader, found, at), _sticky(reader, found, at, unit or "profile"), reader.place(node),
    )


def _variants(reader: Reader, node: Node, at: str) -> tuple[tuple[str, float], ...]:
    rows = tuple((name, _share(reader, each, f"{at}.{name}")) for name, each in reader.mapping(node, at).items())
    total = math.fsum(weight for _, weight in rows)
    if len(rows) < 2:
        reader.wrong(node.line, at, f"has {len(rows)} variant{'s' * (len(rows) != 1)}", "at least two, such as {a: 0.5, b: 0.5}")
    elif not 1 - e.CLOSE <= total <= 1 + e.CLOSE:
        reader.wrong(node.line, at, f"weights sum to {total:g}", "they have to sum to 1")
    for name, weight in rows:
        if weight == 0:
            reader.wrong(node.keys[name], f"{at}.{name}", "is a variant that nobody can get", "a weight above 0", warning=True)
    return rows


def _sticky(reader: Reader, found: dict[str, Node], at: str, unit: e.Unit) -> bool:
    """Whether people, or accounts, keep what they saw: where they are the unit, unless it says otherwise."""
    if "sticky" not in found:
        return unit != "send"
    if not isinstance(found["sticky"].value, bool):
        reader.wrong(found["sticky"].line, f"{at}.sticky", f"is {found['sticky'].plain()!r:.40}", "true or false")
    elif found["sticky"].value and unit == "send":
        reader.wrong(found["sticky"].line, f"{at}.sticky", "cannot be kept of a unit that is the send", "the variant is kept with the person or the account: unit: profile")
    return found["sticky"].value is True


def _measures(reader: Reader, found: dict[str, Node], at: str) -> tuple[e.Measure, ...]:
    """Metrics, then guardrails; no name stands for two."""
    read = [
        _measure(reader, name, each, f"{at}.{key}.{name}", guardrail=key == "guardrails")
        for key in ("metrics", "guardrails") if key in found for name, each in reader.mapping(found[key], f"{at}.{key}").items()
    ]
    if "guardrails" in found and "metrics" not in found:
        reader.wrong(found["guardrails"].line, f"{at}.guardrails", "stand without metrics", "the first of metrics: decides what the experiment showed")
    metrics = {each.name for each in read if not each.guardrail}
    for each in read:
        if each.guardrail and each.name in metrics:
            reader.wrong(found["guardrails"].line, f"{at}.guardrails.{each.name}", "is a metric too", "another name")
    return tuple(read)


def _measure(reader: Reader, name: str, node: Node, at: str, *, guardrail: bool) -> e.Measure:
    found = reader.mapping(node, at, (*MEASURE_KEYS, "margin") if guardrail else MEASURE_KEYS)
    kinds = [kind for kind in ("did", "sum") if kind in found]
    if len(kinds) != 1:
        reader.wrong(node.line, at, f"has {'neither did nor sum' if not kinds else 'did and sum'}", "{did: order_completed, within: 7d}, or sum: for the sum of its values")
        return e.Measure(name, "")
    usual = e.Measure(name, reader.event(found[kinds[0]], f"{at}.{kinds[0]}"), kinds[0] == "sum", good="down" if guardrail else "up", guardrail=guardrail)
    if usual.event not in FOLLOWED:
        reader.wrong(found[kinds[0]].line, f"{at}.{kinds[0]}", f"the decision log does not keep {usual.event[:60]}", f"one of {', '.join(sorted(FOLLOWED))}")
    good = reader.one_of(found["good"], f"{at}.good", DIRECTIONS, "direction") if "good" in found else None
    return replace(
        usual, within=reader.duration(found["within"], f"{at}.within") if "within" in found else usual.within, good=good or usual.good,
        margin=_share(reader, found["margin"], f"{at}.margin") if "margin" in found else usual.margin,
    )


def _namespace(reader: Reader, node: Node, at: str) -> e.Namespace:
    found = reader.mapping(node, at, NAMESPACE_KEYS, NAMESPACE_KEYS)
    start, end = (_share(reader, found[key], f"{at}.{key}") if key in found else 0.0 for key in ("from", "to"))
    if start >= end and {"from", "to"} <= found.keys():
        reader.wrong(node.line, at, f"holds nobody: it goes from {start:g} to {end:g}", "{name: checkout, from: 0, to: 0.5}")
    return e.Namespace(reader.text(found["name"], f"{at}.name") if "name" in found else "", start, end)


def _share(reader: Reader, node: Node, at: str) -> float:
    value = reader.number(node, at)
    if not 0 <= value <= 1:
        reader.wrong(node.line, at, f"is {value:g}", "a share from 0 to 1")
        return 0.0
    return float(value)


def holdout(reader: Reader, id: str, node: Node, at: str) -> e.Holdout:
    found = reader.mapping(node, at, HOLDOUT_KEYS, ("percent",))
    percent = reader.number(found["percent"], f"{at}.percent") if "percent" in found else 0.0
    if not 0 <= percent <= 100:
        reader.wrong(found["percent"].line, f"{at}.percent", f"is {percent:g}", "from 0 to 100")
    placements = reader.names_list(found["placements"], f"{at}.placements", reader.names.placements, "placement") if "placements" in found else ()
    control = reader.one_of(found["control"], f"{at}.control", reader.names.offers, "offer") if "control" in found else None
    return e.Holdout(id, percent / 100, reader.text(found["salt"], f"{at}.salt") if "salt" in found else "", placements, control or "", reader.place(node))
