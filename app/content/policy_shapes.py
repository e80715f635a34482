"""The JSON Schemas of policy: who is tested upon, what is capped, counted out and kept in proportion."""

from __future__ import annotations

from collections.abc import Iterable

from app.content import arbitration_rules, bandit_rules, cap_rules, experiment_rules, leaves, tables
from app.content.shapes import DURATION, EXPRESSION, ID, NAMES, NUMBER, SCALAR, TEXT, Shape, named, record, several, use


def experiment() -> Shape:
    share: Shape = {"type": "number", "minimum": 0, "maximum": 1}
    shapes: dict[str, Shape] = {
        "variants": {"type": "object", "additionalProperties": share}, "placement": TEXT, "unit": {"enum": list(experiment_rules.UNITS)},
        "coverage": share, "seed": TEXT, "hash": {"enum": list(experiment_rules.VERSIONS)}, "when": use("condition"), "description": TEXT,
        "namespace": record(experiment_rules.NAMESPACE_KEYS, {"name": TEXT, "from": share, "to": share}, experiment_rules.NAMESPACE_KEYS),
    }
    measure = {"did": TEXT, "sum": TEXT, "within": DURATION, "good": {"enum": list(experiment_rules.DIRECTIONS)}}
    shapes["sticky"] = {"type": "boolean"}
    shapes["metrics"] = named(record(measure, measure))
    shapes["guardrails"] = named(record((*measure, "margin"), {**measure, "margin": share}))
    return record(experiment_rules.EXPERIMENT_KEYS, shapes, ("variants",))


def holdout() -> Shape:
    shapes: dict[str, Shape] = {"percent": {"type": "number", "minimum": 0, "maximum": 100}, "salt": TEXT, "placements": NAMES, "control": TEXT, "description": TEXT}
    return record(experiment_rules.HOLDOUT_KEYS, shapes, ("percent",))


def cap(keys: Iterable[str]) -> Shape:
    values = {"anyOf": [SCALAR, several(SCALAR)]}
    shapes: dict[str, Shape] = {
        "max": {"type": "integer", "minimum": 1}, "per": {"enum": list(cap_rules.UNITS)}, "within": DURATION, "calendar": {"enum": list(leaves.PERIODS)},
        "count": {"enum": list(cap_rules.COUNTS)}, "of": {"type": "object", "additionalProperties": values}, "description": TEXT,
    }
    return record(keys, shapes, ("max",))


def limits() -> dict[str, Shape]:
    cooldown: dict[str, Shape] = {"after": {"enum": list(cap_rules.OUTCOMES)}, "for": DURATION, "times": {"type": "integer", "minimum": 1}, "description": TEXT}
    whole: Shape = {"type": "integer", "minimum": 0}
    inventory: dict[str, Shape] = {
        "codes": {"type": "string", "pattern": ID, "description": "the name of a pool"}, "quantity": {"type": "integer", "minimum": 1},
        "empty": {"enum": list(cap_rules.WHEN_EMPTY)}, "low": whole, "description": TEXT,
    }
    return {
        "caps": several(cap(cap_rules.CAP_KEYS)), "cooldown": several(record(cap_rules.COOLDOWN_KEYS, cooldown, ("after", "for"))),
        "inventory": record(cap_rules.INVENTORY_KEYS, inventory),
    }


def bandit() -> Shape:
    share: Shape = {"type": "number", "minimum": 0, "maximum": 1}
    above: Shape = {"type": "number", "exclusiveMinimum": 0}
    prior: Shape = {"anyOf": [
        record(bandit_rules.BETA_KEYS, dict.fromkeys(bandit_rules.BETA_KEYS, {"type": "number", "minimum": bandit_rules.LEAST})),
        record(bandit_rules.NORMAL_KEYS, {"mean": NUMBER, "variance": above, "noise": above}),
    ]}
    arm: dict[str, Shape] = {"floor": share, "ceiling": share, "prior": prior}
    shapes: dict[str, Shape] = arm | {
        "reward": record(bandit_rules.REWARD_KEYS, {"event": TEXT, "within": DURATION, "value": TEXT, "most": above}, ("event", "within")),
        "features": {"type": "object", "additionalProperties": {"anyOf": [EXPRESSION, use("condition")]}, "minProperties": 1},
        "arms": {"type": "object", "additionalProperties": record(bandit_rules.ARM_KEYS, arm)},
        "warm_up": {"type": "integer", "minimum": 0}, "every": DURATION, "description": TEXT,
    }
    return record(bandit_rules.BANDIT_KEYS, shapes, ("reward",))


def mail() -> Shape:
    together = arbitration({"type": "object", "additionalProperties": TEXT})
    return record(("placements", "arbitration", "description"), {"placements": NAMES, "arbitration": together, "description": TEXT}, ("placements",))


def arbitration(pins: Shape) -> Shape:
    count: Shape = {"type": "number", "minimum": 0}
    counts: Shape = {"type": "object", "additionalProperties": count}
    shapes: dict[str, Shape] = {
        "by": TEXT, "at_most": {"anyOf": [counts, count]}, "at_least": counts, "pins": pins, "alike": NAMES,
        "diversity": {"type": "number", "minimum": 0, "maximum": 1}, "not_again": {"type": "integer", "minimum": 1, "maximum": arbitration_rules.MOST_SENDS},
    }
    return record(arbitration_rules.KEYS, shapes)


def table() -> Shape:
    column: Shape = {"name": TEXT, "type": {"enum": list(tables.TYPES)}, "gather": {"enum": list(tables.GATHERINGS)}}
    inputs, outputs = (several({"anyOf": [TEXT, record(keys, column, ("name",))]}) for keys in (tables.INPUT_KEYS, tables.OUTPUT_KEYS))
    shapes: dict[str, Shape] = {"file": TEXT, "inputs": inputs, "outputs": outputs, "hit": {"enum": list(tables.HITS)}, "description": TEXT}
    return record(tables.KEYS, shapes, ("file", "inputs", "outputs"))
