"""JSON Schemas (draft 2020-12) of the files that users write, so that editors complete and check while one types.

Keys come from the tables that the reader itself uses: a key without a shape here fails at once. The reader says more
than a schema can (references, kinds of both sides of a comparison); `inlay check` has the last word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.content import alternatives, arbitration_rules, bandit_rules, cap_rules, card_rules, case_rules, declared, enrichment, event_types, experiment_rules, identity_kinds, inbox_rules, leaves, picture_rules, recommender_rules, sections, tables, trait_kinds, triggers
from app.content.retention import KINDS
from app.content.variables import TAKES
from app.content.esps import KEYS
from app.content.windows import DAYS
from app.domain import definitions as d
from app.domain.pictures import COLOURS
from app.formats.esps import FORMATS

Shape = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TEXT: Shape = {"type": "string"}
NUMBER: Shape = {"type": "number"}
SCALAR: Shape = {"type": ["string", "number", "boolean"]}
NAMES: Shape = {"type": "array", "items": TEXT}
ID = "^[\\w-]{1,64}$"
DURATION: Shape = {"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d|w)$", "description": "a number with a unit: ms s m h d w"}
DATE: Shape = {"type": "string", "description": "2026-10-01 or 2026-10-01T09:00:00Z"}
EXPRESSION: Shape = {"type": ["string", "number"], "description": "rooted names, numbers, + - * /, min max abs log exp, parentheses"}
CLOCK: Shape = {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}


def schemas() -> dict[str, Shape]:
    """The schema of each kind of file by its name: `rules`, `block`, `model`."""
    return {"rules": _rules(), "block": _block(), "model": _model()}


def _object(keys: Iterable[str], shapes: Mapping[str, Shape], required: Iterable[str] = ()) -> Shape:
    found: Shape = {"type": "object", "properties": {key: shapes[key] for key in keys}, "additionalProperties": False}
    return {**found, "required": list(required)} if required else found


def _named(shape: Shape) -> Shape:
    return {"type": "object", "propertyNames": {"pattern": ID}, "additionalProperties": shape}


def _list(shape: Shape) -> Shape:
    return {"type": "array", "items": shape}


def _use(name: str) -> Shape:
    return {"$ref": f"#/$defs/{name}"}


def _file(title: str, body: Shape, definitions: Shape) -> Shape:
    return {"$schema": DRAFT, "title": title, **body, "$defs": definitions}


# -- rules -----------------------------------------------------------------------------------------------------------

def _rules() -> Shape:
    kinds = {"type": "string", "enum": list(sections.CONTEXT_KINDS)}
    shapes: dict[str, Shape] = {
        "version": {"const": 1}, "timezone": TEXT, "context": _named(kinds), "consents": _named(_consent()),
        "features": _named(_feature()), "segments": _named(_segment()), "placements": _named(_placement()),
        "mails": _named(_mail()),
        "offers": _named(_offer()), "models": _named(_object(("card",), {"card": TEXT}, ("card",))), "events": _events(), "identities": _identities(), "enrich": _named(_enrichment()),
        "traits": _traits(),
        "retention": _object(KINDS, {**dict.fromkeys(KINDS, DURATION), "events": _named(DURATION)}), "esps": _esps(), "webhooks": _named(_webhook()),
        "triggers": _named(_trigger()), "experiments": _named(_experiment()), "holdouts": _named(_holdout()), "caps": _named(_cap(cap_rules.NAMED_KEYS)), "recommenders": _named(_recommender()),
        "inbox": _inbox(),
        "bandits": _named(_bandit()),
        "tables": _named(_table()), "tests": _list(_case()),
    }
    definitions = {
        "condition": {"oneOf": [*_groups(), *_leaves()]}, "operators": {"type": "object", "properties": _operators(), "additionalProperties": False},
        "right": {"anyOf": [SCALAR, _use("reference")]}, "reference": _object(("field",), {"field": TEXT}, ("field",)), "items": _items(),
        "where": {"type": "object", "additionalProperties": {"anyOf": [SCALAR, _list(SCALAR), _use("reference"), _use("operators")]}},
        "vars": {"type": "object", "additionalProperties": _use("right")},
    }
    return _file("Inlay rules", _object(sections.SECTIONS, shapes), definitions)


def _experiment() -> Shape:
    share: Shape = {"type": "number", "minimum": 0, "maximum": 1}
    shapes: dict[str, Shape] = {
        "variants": {"type": "object", "additionalProperties": share}, "placement": TEXT, "unit": {"enum": list(experiment_rules.UNITS)},
        "coverage": share, "seed": TEXT, "hash": {"enum": list(experiment_rules.VERSIONS)}, "when": _use("condition"), "description": TEXT,
        "namespace": _object(experiment_rules.NAMESPACE_KEYS, {"name": TEXT, "from": share, "to": share}, experiment_rules.NAMESPACE_KEYS),
    }
    measure = {"did": TEXT, "sum": TEXT, "within": DURATION, "good": {"enum": list(experiment_rules.DIRECTIONS)}}
    shapes["sticky"] = {"type": "boolean"}
    shapes["metrics"] = _named(_object(measure, measure))
    shapes["guardrails"] = _named(_object((*measure, "margin"), {**measure, "margin": share}))
    return _object(experiment_rules.EXPERIMENT_KEYS, shapes, ("variants",))


def _mail() -> Shape:
    together = _arbitration({"type": "object", "additionalProperties": TEXT})
    return _object(("placements", "arbitration", "description"), {"placements": NAMES, "arbitration": together, "description": TEXT}, ("placements",))


def _arbitration(pins: Shape) -> Shape:
    count: Shape = {"type": "number", "minimum": 0}
    counts: Shape = {"type": "object", "additionalProperties": count}
    shapes: dict[str, Shape] = {
        "by": TEXT, "at_most": {"anyOf": [counts, count]}, "at_least": counts, "pins": pins, "alike": NAMES,
        "diversity": {"type": "number", "minimum": 0, "maximum": 1}, "not_again": {"type": "integer", "minimum": 1, "maximum": arbitration_rules.MOST_SENDS},
    }
    return _object(arbitration_rules.KEYS, shapes)


def _table() -> Shape:
    column: Shape = {"name": TEXT, "type": {"enum": list(tables.TYPES)}, "gather": {"enum": list(tables.GATHERINGS)}}
    inputs, outputs = (_list({"anyOf": [TEXT, _object(keys, column, ("name",))]}) for keys in (tables.INPUT_KEYS, tables.OUTPUT_KEYS))
    shapes: dict[str, Shape] = {"file": TEXT, "inputs": inputs, "outputs": outputs, "hit": {"enum": list(tables.HITS)}, "description": TEXT}
    return _object(tables.KEYS, shapes, ("file", "inputs", "outputs"))


def _holdout() -> Shape:
    shapes: dict[str, Shape] = {"percent": {"type": "number", "minimum": 0, "maximum": 100}, "salt": TEXT, "placements": NAMES, "control": TEXT, "description": TEXT}
    return _object(experiment_rules.HOLDOUT_KEYS, shapes, ("percent",))


def _cap(keys: Iterable[str]) -> Shape:
    values = {"anyOf": [SCALAR, _list(SCALAR)]}
    shapes: dict[str, Shape] = {
        "max": {"type": "integer", "minimum": 1}, "per": {"enum": list(cap_rules.UNITS)}, "within": DURATION, "calendar": {"enum": list(leaves.PERIODS)},
        "count": {"enum": list(cap_rules.COUNTS)}, "of": {"type": "object", "additionalProperties": values}, "description": TEXT,
    }
    return _object(keys, shapes, ("max",))


def _limits() -> dict[str, Shape]:
    cooldown: dict[str, Shape] = {"after": {"enum": list(cap_rules.OUTCOMES)}, "for": DURATION, "times": {"type": "integer", "minimum": 1}, "description": TEXT}
    whole: Shape = {"type": "integer", "minimum": 0}
    inventory: dict[str, Shape] = {
        "codes": {"type": "string", "pattern": ID, "description": "the name of a pool"}, "quantity": {"type": "integer", "minimum": 1},
        "empty": {"enum": list(cap_rules.WHEN_EMPTY)}, "low": whole, "description": TEXT,
    }
    return {
        "caps": _list(_cap(cap_rules.CAP_KEYS)), "cooldown": _list(_object(cap_rules.COOLDOWN_KEYS, cooldown, ("after", "for"))),
        "inventory": _object(cap_rules.INVENTORY_KEYS, inventory),
    }


def _bandit() -> Shape:
    share: Shape = {"type": "number", "minimum": 0, "maximum": 1}
    above: Shape = {"type": "number", "exclusiveMinimum": 0}
    prior: Shape = {"anyOf": [
        _object(bandit_rules.BETA_KEYS, dict.fromkeys(bandit_rules.BETA_KEYS, {"type": "number", "minimum": bandit_rules.LEAST})),
        _object(bandit_rules.NORMAL_KEYS, {"mean": NUMBER, "variance": above, "noise": above}),
    ]}
    arm: dict[str, Shape] = {"floor": share, "ceiling": share, "prior": prior}
    shapes: dict[str, Shape] = arm | {
        "reward": _object(bandit_rules.REWARD_KEYS, {"event": TEXT, "within": DURATION, "value": TEXT, "most": above}, ("event", "within")),
        "features": {"type": "object", "additionalProperties": {"anyOf": [EXPRESSION, _use("condition")]}, "minProperties": 1},
        "arms": {"type": "object", "additionalProperties": _object(bandit_rules.ARM_KEYS, arm)},
        "warm_up": {"type": "integer", "minimum": 0}, "every": DURATION, "description": TEXT,
    }
    return _object(bandit_rules.BANDIT_KEYS, shapes, ("reward",))


def _recommender() -> Shape:
    seeds = [_object((kind,), {kind: TEXT}, (kind,)) for kind in recommender_rules.SEEDS]
    shapes: dict[str, Shape] = {"file": TEXT, "seeds": {"anyOf": seeds}, "bought": TEXT, "description": TEXT, "accessories": {"type": "object", "additionalProperties": _list(TEXT)}, "diverse": {"type": "integer", "minimum": 1, "maximum": 100}, "new": {"type": "integer", "minimum": 2, "maximum": 100}}
    return _object(recommender_rules.RECOMMENDER_KEYS, shapes, ("seeds",))


def _operators() -> dict[str, Shape]:
    right, text, several = _use("right"), {"anyOf": [TEXT, _use("reference")]}, {"anyOf": [_list(SCALAR), _use("reference")]}
    special: dict[str, Shape] = {
        "in": several, "not_in": several, "starts_with": text, "ends_with": text, "matches": TEXT, "exists": {"type": "boolean"},
        "between": {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 2, "maxItems": 2}, "before": text, "after": text,
        "within_km": _object(("lat", "lon", "km"), dict.fromkeys(("lat", "lon", "km"), NUMBER), ("lat", "lon", "km")),
    }
    return {name: special.get(name, right) for name in leaves.OPERATORS}


def _windows() -> dict[str, Shape]:
    shapes: dict[str, Shape] = {
        "within": DURATION, "since": {"anyOf": [DATE, _object(("last",), {"last": TEXT}, ("last",))]},
        "between": {"type": "array", "items": DATE, "minItems": 2, "maxItems": 2}, "calendar": {"enum": list(leaves.PERIODS)},
    }
    return {name: shapes[name] for name in leaves.WINDOWS}


def _groups() -> list[Shape]:
    several = {"type": "array", "items": _use("condition"), "minItems": 1}
    return [_object((kind,), {"all": several, "any": several, "not": _use("condition")}, (kind,)) for kind in ("all", "any", "not")]


def _leaves() -> list[Shape]:
    """The kinds of conditions that are no group, by the reader's own table."""
    count = {"anyOf": [{"type": "integer", "minimum": 0}, _use("operators")]}
    did = {"where": _use("where"), "count": count, **_windows()}
    clock = _clock()
    shapes: dict[str, dict[str, Shape]] = {
        "field": {"field": TEXT, **_operators()}, "did": {"did": TEXT, **did}, "did_not": {"did_not": TEXT, **did},
        "changed": {"changed": TEXT, **_windows()}, "segment": {"segment": TEXT}, "consent": {"consent": TEXT}, "local_time": {"local_time": clock}, "variant": {"variant": TEXT},
    }
    return [_object(shapes[kind], shapes[kind], (kind,)) for kind in leaves.KINDS if kind not in ("all", "any", "not")]


def _segment() -> Shape:
    """A condition, with a description beside it."""
    described = [
        {**each, "properties": {**each["properties"], "description": TEXT}} for each in (*_groups(), *_leaves())
    ]
    return {"oneOf": described}


def _inbox() -> Shape:
    consent = {"consent": TEXT, "description": TEXT}
    entries = {
        "clicks": _object(inbox_rules.CLICKS_KEYS, {"hosts": NAMES, "utm": {"type": "object", "additionalProperties": TEXT}, "track": {"type": "boolean"}, **consent}, ("hosts",)),
        "opens": _object(inbox_rules.OPENS_KEYS, {"placements": NAMES, **consent}, ("placements",)),
        "unsubscribe": _object(inbox_rules.LEAVING_KEYS, {"purposes": NAMES, "mailto": TEXT, "title": TEXT, "language": TEXT, "description": TEXT}, ("purposes",)),
        "forms": _named(_object(inbox_rules.FORM_KEYS, {**dict.fromkeys(inbox_rules.FORM_KEYS, TEXT), **dict.fromkeys(("fields", "required", "grants", "denies"), NAMES)}, ("event",))),
        "pictures": _object(inbox_rules.PICTURES_KEYS, {"hosts": NAMES, "description": TEXT}, ("hosts",)),
    }
    return _object(inbox_rules.ENTRIES, entries)


def _esps() -> Shape:
    names = {"anyOf": [TEXT, NAMES]}
    each = _object((*KEYS, "description"), {**dict.fromkeys(KEYS, names), "description": TEXT})
    return _object(FORMATS, dict.fromkeys(FORMATS, each))


def _consent() -> Shape:
    gates = _list({"enum": list(sections.GATES)})
    return _object(sections.CONSENT_KEYS, {"gates": gates, "gpc": {"enum": ["deny", "ignore"]}, "title": TEXT, "description": TEXT})


def _feature() -> Shape:
    rest = {"where": _use("where"), "description": TEXT, **_windows()}
    kinds = [{kind: TEXT, **rest} if kind != "expr" else {"expr": EXPRESSION, "description": TEXT} for kind in sections.FEATURE_KINDS]
    return {"oneOf": [_object(shapes, shapes, (kind,)) for kind, shapes in zip(sections.FEATURE_KINDS, kinds, strict=True)]}


def _webhook() -> Shape:
    shapes = {"url": {"type": "string", "pattern": "^https?://"}, "secret": {"type": "string", "pattern": "^INLAY_[A-Z0-9_]+$"}, "timeout": DURATION, "description": TEXT}
    return _object(triggers.WEBHOOK_KEYS, shapes, ("url", "secret"))


def _trigger() -> Shape:
    occasions = [_object((kind,), {kind: TEXT}, (kind,)) for kind in triggers.OCCASIONS]
    limit = {"max": {"type": "integer", "minimum": 1}, "per": {"const": "profile"}, "within": DURATION, "calendar": {"enum": list(leaves.PERIODS)}}
    send = {"webhook": TEXT, "stream": TEXT, "template": TEXT, "vars": _use("vars")}
    shapes: dict[str, Shape] = {
        "on": {"anyOf": [TEXT, *occasions]}, "after": DURATION, "when": _use("condition"), "quiet": _clock(), "limit": _object(triggers.LIMIT_KEYS, limit, ("max",)),
        "send": _object(triggers.SEND_KEYS, send), "description": TEXT,
    }
    return _object(triggers.TRIGGER_KEYS, shapes, ("on", "send"))


def _clock() -> Shape:
    return _object(("from", "to", "days"), {"from": CLOCK, "to": CLOCK, "days": _list({"enum": list(DAYS)})})


def _events() -> Shape:
    samples = _list({"type": "object"})
    shapes: dict[str, Shape] = {
        "schema": {"type": "object", "description": "a JSON Schema (2020-12) of the properties"}, "required": NAMES, "personal": NAMES, "samples": samples,
        "refuses": samples, "description": TEXT, "undeclared": {"enum": list(event_types.CHOICES)},
    }
    shapes["versions"] = {"type": "object", "additionalProperties": _object(event_types.VERSION_KEYS, shapes)}
    every = _object(event_types.EVERY_KEYS, shapes)
    return {"type": "object", "properties": {event_types.EVERY: every}, "additionalProperties": _object(event_types.TYPE_KEYS, shapes)}


def _identities() -> Shape:
    shapes: dict[str, Shape] = {
        "trait": {"type": "string", "description": "the trait of identify that carries it; by default the kind's name"},
        "hashed": {"type": "boolean", "description": "held as a keyed hash alone"},
        "country": {"type": "string", "pattern": "^\\+[1-9][0-9]{0,2}$", "description": "the calling code of numbers without one"}, "description": TEXT,
    }
    return _named(_object(identity_kinds.KEYS, shapes))


def _enrichment() -> Shape:
    shapes = {
        "from": TEXT, "take": {"type": "object", "additionalProperties": TEXT}, "fresh": DURATION, "stale": DURATION, "timeout": DURATION,
        "per_second": {"type": "integer", "minimum": 1, "maximum": enrichment.MAX_PER_SECOND}, "on": NAMES, "headers": {"type": "object", "additionalProperties": TEXT}, "description": TEXT,
    }
    local = _object(enrichment.LOCAL_KEYS, {"from": {"enum": list(enrichment.LOCAL)}, "description": TEXT}, ("from",))
    return {"anyOf": [local, _object(enrichment.LOOKUP_KEYS, shapes, ("from", "take"))]}


def _traits() -> Shape:
    shapes: dict[str, Shape] = {
        "kind": {"enum": list(trait_kinds.KINDS)}, "exclusive": {"type": "boolean", "description": "people whose values differ are two"},
        "range": {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 2, "maxItems": 2}, "values": _list(SCALAR), "description": TEXT,
    }
    return _named(_object(trait_kinds.KEYS, shapes, ("kind",)))


def _shown() -> dict[str, Shape]:
    return {"block": TEXT, "vars": _use("vars"), "items": _use("items")}


def _placement() -> Shape:
    one = _object(_shown(), _shown(), ("block",))
    shapes: dict[str, Shape] = {
        "fallback": {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}, "deadline": DURATION,
        "rank": {"anyOf": [EXPRESSION, _object(("bandit",), {"bandit": TEXT}, ("bandit",))]},
        "on_degraded": {"enum": list(sections.ANSWERS)}, "description": TEXT, "caps": _limits()["caps"],
        "alternatives": _list(_object(alternatives.POLICY_KEYS, {"when": _use("condition"), "rank": EXPRESSION, "offers": NAMES, "description": TEXT}, ("when",))),
    }
    return _object(sections.PLACEMENT_KEYS, shapes, ("fallback",))


def _offer() -> Shape:
    shapes: dict[str, Shape] = {
        "placements": NAMES, "priority": NUMBER, "value": NUMBER, "valid": _object(("from", "to"), {"from": DATE, "to": DATE}),
        **dict.fromkeys(d.GROUPS, _use("condition")), **_shown(), **_limits(), "description": TEXT, "attributes": {"type": "object", "additionalProperties": SCALAR},
        "alternatives": _list(_object(alternatives.GUISE_KEYS, {"when": _use("condition"), **_shown(), "description": TEXT}, ("when",))),
    }
    return _object(sections.OFFER_KEYS, shapes, ("placements", "block"))


def _items() -> Shape:
    latest = _object(("last",), {"last": TEXT}, ("last",))
    source = {"anyOf": [{"const": "catalogue"}, {"type": "string", "pattern": ID, "description": "a recommender"}, NAMES, _object(("related_to",), {"related_to": latest}, ("related_to",))]}
    shapes: dict[str, Shape] = {
        "from": source, "filter": _use("condition"), "exclude": _object(("bought", "shown"), {"bought": DURATION, "shown": DURATION}),
        "rank": EXPRESSION, "limit": {"type": "integer", "minimum": 1, "maximum": 100}, "at_least": {"type": "integer", "minimum": 0},
        "arbitration": _arbitration(NAMES),
    }
    return _object(sections.ITEMS_KEYS, shapes)


def _case() -> Shape:
    event = _object(case_rules.EVENT_KEYS, {"event": TEXT, "ago": DURATION, "at": DATE, "properties": {"type": "object"}}, ("event",))
    sent = _object(case_rules.SENT_KEYS, {"ago": DURATION, "at": DATE, "send": TEXT, "shows": _named(TEXT)}, ("shows",))
    given = {name: {"type": "object"} for name in case_rules.GIVEN} | {"events": _list(event), "sends": _list(sent), "items": _list({"type": "object", "required": ["id"]})}
    expected = {"offer": {"type": ["string", "null"]}, "block": TEXT, "reason": TEXT, "items": NAMES, "removed": {"type": "object"}, "variants": {"type": "object"}}
    shapes: dict[str, Shape] = {
        "name": TEXT, "at": DATE, "mail": TEXT, "given": _object(case_rules.GIVEN, given), "expect": _named(_object(case_rules.EXPECTED, expected)),
        "triggers": _named({"enum": list(triggers.EXPECTATIONS)}),
    }
    return _object(case_rules.CASE_KEYS, shapes, ("name",))


# -- blocks and models -----------------------------------------------------------------------------------------------

def _block() -> Shape:
    variable = {"type": {"enum": list(TAKES)}, "default": SCALAR, "description": TEXT}
    shapes: dict[str, Shape] = {
        "description": TEXT, "variables": {"type": "object", "additionalProperties": _object(variable, variable, ("type",))},
        "item_fields": NAMES, "image": _picture(), "sample": {"type": "object"},
    }
    return _file("Inlay block", _object(declared.BLOCK_KEYS, shapes, ("description",)), {})


def _picture() -> Shape:
    colour = {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"}
    shapes: dict[str, Shape] = {
        **dict.fromkeys(picture_rules.KEYS, TEXT), "kind": {"enum": list(picture_rules.KINDS)}, "labels": {"type": "array", "items": TEXT, "minItems": 4, "maxItems": 4},
        "colours": {"type": "object", "properties": dict.fromkeys(COLOURS, colour), "additionalProperties": False},
        **{name: {"type": "integer", "minimum": least, "maximum": most} for name, (least, most, _) in picture_rules.SIZES.items()},
    }
    return _object(picture_rules.KEYS, shapes, ("kind",))


def _model() -> Shape:
    column = {"name": TEXT, "default": SCALAR, "type": {"enum": list(card_rules.TENSOR_KINDS)}, "tensor": TEXT}
    bounds = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
    output = {"name": TEXT, "index": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 10_000}, TEXT]}, "range": bounds, "labels": NAMES}
    golden = {"inputs": _list(SCALAR), "output": NUMBER}
    shapes: dict[str, Shape] = {
        "description": TEXT, "version": TEXT, "file": TEXT, "inputs": _list(_object(column, column, ("name",))), "output": _object(output, output),
        "fallback": NUMBER, "golden": _list(_object(golden, golden, ("inputs", "output"))), "sha256": TEXT, "trained": {"type": "object"},
        "shadow": {"anyOf": [TEXT, _object(("model", "share"), {"model": TEXT, "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}}, ("model",))]},
    }
    return _file("Inlay model card", _object(card_rules.CARD_KEYS, shapes, ("inputs", "fallback")), {})
