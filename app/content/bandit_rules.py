"""`bandits:`, from nodes to their definitions, and what is wrong with them beside the placements that they rank."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from app.content.leaves import ROOTS, condition
from app.content.reader import Reader
from app.content.source import Node
from app.domain import bandits as b
from app.domain.conditions import Condition, Expression, Number
from app.domain.definitions import Definitions
from app.errors import Problem

BANDIT_KEYS = ("reward", "features", "prior", "floor", "ceiling", "arms", "warm_up", "every", "description")
REWARD_KEYS = ("event", "within", "value", "most")
ARM_KEYS = ("floor", "ceiling", "prior")
BETA_KEYS, NORMAL_KEYS = ("alpha", "beta"), ("mean", "variance", "noise")
LONGEST = 30 * 86_400_000
"""Ms that a reward may take: decisions are kept 35 days, and some come late."""
MOST_FEATURES = 32
QUICKEST = 1_000
LEAST, MOST = 0.05, 1e9
"""Between what an alpha or a beta has to lie: below, a Beta distribution is all at its ends."""


def bandit(reader: Reader, id: str, node: Node, at: str) -> b.Bandit:
    found = reader.mapping(node, at, BANDIT_KEYS, ("reward",))
    features = _features(reader, found["features"], f"{at}.features") if "features" in found else ()
    fresh = b.Arm(prior=b.Normal() if features else b.Beta())
    usual = _arm(reader, {key: found[key] for key in ARM_KEYS if key in found}, node, at, fresh)
    arms: dict[str, b.Arm] = {}
    for offer, each in (reader.mapping(found["arms"], f"{at}.arms").items() if "arms" in found else ()):
        reader.one_of(Node(offer, each.line), f"{at}.arms", reader.names.offers, "offer")
        arms[offer] = _arm(reader, reader.mapping(each, f"{at}.arms.{offer}", ARM_KEYS), each, f"{at}.arms.{offer}", usual)
    every = reader.duration(found["every"], f"{at}.every") if "every" in found else 60_000
    if every < QUICKEST:
        reader.wrong(found["every"].line, f"{at}.every", "is too often", "at least 1s")
    return b.Bandit(
        id, _reward(reader, found["reward"], f"{at}.reward") if "reward" in found else b.Reward("x", 1), features, usual, arms,
        reader.whole(found["warm_up"], f"{at}.warm_up", 0, 10_000_000, 0) if "warm_up" in found else 0, every, reader.place(node),
    )


def _reward(reader: Reader, node: Node, at: str) -> b.Reward:
    found = reader.mapping(node, at, REWARD_KEYS, ("event", "within"))
    within = reader.duration(found["within"], f"{at}.within") if "within" in found else 1
    if within > LONGEST:
        reader.wrong(found["within"].line, f"{at}.within", "is longer than decisions are kept for", f"at most {LONGEST // 86_400_000}d")
    if ("value" in found) != ("most" in found):
        reader.wrong(node.line, at, "value and most go together", "{value: total, most: 200}: an order of 200 or more counts whole, one of 50 a quarter")
    most = reader.number(found["most"], f"{at}.most", 1.0) if "most" in found else 1.0
    if most <= 0:
        reader.wrong(found["most"].line, f"{at}.most", f"is {most:g}", "a number above 0")
    return b.Reward(
        reader.event(found["event"], f"{at}.event") if "event" in found else "x", within,
        reader.path(found["value"], f"{at}.value") if "value" in found else (), most if most > 0 else 1.0,
    )


def _features(reader: Reader, node: Node, at: str) -> tuple[tuple[str, Expression | Condition], ...]:
    found: list[tuple[str, Expression | Condition]] = []
    rows = reader.mapping(node, at)
    for name, each in rows.items():
        here = f"{at}.{name}"
        value = condition(reader, each, here) if isinstance(each.value, dict) else reader.expression(each, here, ROOTS)
        found.append((name, value if value is not None else Number(0.0)))
    if not 1 <= len(rows) <= MOST_FEATURES:
        reader.wrong(node.line, at, f"names {len(rows)} features", f"from 1 to {MOST_FEATURES}; a bandit without features leaves the key out")
    return tuple(sorted(found, key=lambda pair: pair[0]))


def _arm(reader: Reader, found: dict[str, Node], node: Node, at: str, usual: b.Arm) -> b.Arm:
    floor = _share(reader, found["floor"], f"{at}.floor") if "floor" in found else usual.floor
    ceiling = _share(reader, found["ceiling"], f"{at}.ceiling") if "ceiling" in found else usual.ceiling
    if floor > ceiling:
        reader.wrong(node.line, at, f"has a floor of {floor:g} above its ceiling of {ceiling:g}")
    elif ceiling == 0:
        reader.wrong(node.line, f"{at}.ceiling", "is 0: it would never be shown", "leave the offer out of the placement")
    return b.Arm(floor, ceiling, _prior(reader, found["prior"], f"{at}.prior", usual.prior) if "prior" in found else usual.prior)


def _prior(reader: Reader, node: Node, at: str, usual: b.Prior) -> b.Prior:
    match usual:
        case b.Beta():
            found = reader.mapping(node, at, BETA_KEYS)
            numbers = {key: reader.number(each, f"{at}.{key}", 1.0) for key, each in found.items()}
            for key, value in numbers.items():
                if not LEAST <= value <= MOST:
                    reader.wrong(found[key].line, f"{at}.{key}", f"is {value:g}", f"from {LEAST:g} on: alpha successes and beta failures are believed before any are seen")
            return replace(usual, **numbers)
        case b.Normal():
            found = reader.mapping(node, at, NORMAL_KEYS)
            numbers = {key: reader.number(each, f"{at}.{key}", 1.0) for key, each in found.items()}
            for key in ("variance", "noise"):
                if numbers.get(key, 1.0) <= 0:
                    reader.wrong(found[key].line, f"{at}.{key}", f"is {numbers[key]:g}", "a number above 0")
                    numbers.pop(key)
            return replace(usual, **numbers)


def _share(reader: Reader, node: Node, at: str) -> float:
    value = reader.number(node, at)
    if not 0 <= value <= 1:
        reader.wrong(node.line, at, f"is {value:g}", "a share from 0 to 1")
        return 0.0
    return float(value)


def problems(definitions: Definitions) -> Iterator[Problem]:
    """Bandits beside the placements that they rank: arms that are none, floors that cannot all hold, bandits that rank nothing."""
    for id, each in definitions.bandits.items():
        placements = [placement.id for placement in definitions.placements.values() if placement.bandit == id]
        at = f"bandits.{id}"
        if not placements:
            yield Problem(each.place.file, each.place.line, at, "ranks no placement", f"rank: {{bandit: {id}}} in a placement", warning=True)
            continue
        arms = {place: [offer for offer in definitions.offers.values() if place in offer.placements] for place in placements}
        known = {offer.id for offers in arms.values() for offer in offers}
        for offer in each.arms:
            if offer in definitions.offers and offer not in known:
                yield Problem(each.place.file, each.place.line, f"{at}.arms.{offer}", f"is no arm: the offer is not for {', '.join(placements)}", f"arms are {', '.join(sorted(known))}"[:200])
        for place, offers in arms.items():
            yield from _bounds(each, at, place, [offer.id for offer in offers])


def _bounds(each: b.Bandit, at: str, placement: str, offers: list[str]) -> Iterator[Problem]:
    floors, ceilings = (sum(getattr(each.arm(offer), key) for offer in offers) for key in ("floor", "ceiling"))
    if floors > 1:
        yield Problem(each.place.file, each.place.line, at, f"floors of the {len(offers)} offers for {placement} sum to {floors:g}", "at most 1")
    if offers and ceilings < 1:
        yield Problem(each.place.file, each.place.line, at, f"ceilings of the {len(offers)} offers for {placement} sum to {ceilings:g}", "at least 1: somebody has to be shown something")
    if len(offers) == 1:
        yield Problem(each.place.file, each.place.line, at, f"has one offer to choose from for {placement}", "a bandit learns which of several earns more", warning=True)
