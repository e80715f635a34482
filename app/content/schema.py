"""JSON Schemas (draft 2020-12) of the files that users write, so that editors complete and check while one types.

Keys come from the tables that the reader itself uses: a key without a shape here fails at once. The reader says more
than a schema can (references, kinds of both sides of a comparison); `inlay check` has the last word.
"""

from __future__ import annotations


from app.content import alternatives, cap_rules, card_rules, case_rules, declared, enrichment, event_types, identity_kinds, inbox_rules, leaves, picture_rules, recommender_rules, sections, trait_kinds, triggers
from app.content.retention import KINDS
from app.content.variables import TAKES
from app.content.esps import KEYS
from app.domain import definitions as d
from app.domain.pictures import COLOURS
from app.formats.esps import FORMATS
from app.content import policy_shapes as policy
from app.content.shapes import DATE, DURATION, EXPRESSION, ID, NAMES, NUMBER, SCALAR, TEXT, Shape, clock, conditions, groups, named, operators, record, several, use, windows

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, Shape]:
    """The schema of each kind of file by its name: `rules`, `block`, `model`."""
    return {"rules": _rules(), "block": _block(), "model": _model()}


def _file(title: str, body: Shape, definitions: Shape) -> Shape:
    return {"$schema": DRAFT, "title": title, **body, "$defs": definitions}


# -- rules -----------------------------------------------------------------------------------------------------------

def _rules() -> Shape:
    kinds = {"type": "string", "enum": list(sections.CONTEXT_KINDS)}
    shapes: dict[str, Shape] = {
        "version": {"const": 1}, "timezone": TEXT, "context": named(kinds), "consents": named(_consent()),
        "features": named(_feature()), "segments": named(_segment()), "placements": named(_placement()),
        "mails": named(policy.mail()),
        "offers": named(_offer()), "models": named(record(("card",), {"card": TEXT}, ("card",))), "events": _events(), "identities": _identities(), "enrich": named(_enrichment()),
        "traits": _traits(),
        "retention": record(KINDS, {**dict.fromkeys(KINDS, DURATION), "events": named(DURATION)}), "esps": _esps(), "webhooks": named(_webhook()),
        "triggers": named(_trigger()), "experiments": named(policy.experiment()), "holdouts": named(policy.holdout()), "caps": named(policy.cap(cap_rules.NAMED_KEYS)), "recommenders": named(_recommender()),
        "inbox": _inbox(),
        "bandits": named(policy.bandit()),
        "tables": named(policy.table()), "tests": several(_case()),
    }
    definitions = {
        "condition": {"oneOf": [*groups(), *conditions()]}, "operators": {"type": "object", "properties": operators(), "additionalProperties": False},
        "right": {"anyOf": [SCALAR, use("reference")]}, "reference": record(("field",), {"field": TEXT}, ("field",)), "items": _items(),
        "where": {"type": "object", "additionalProperties": {"anyOf": [SCALAR, several(SCALAR), use("reference"), use("operators")]}},
        "vars": {"type": "object", "additionalProperties": use("right")},
    }
    return _file("Inlay rules", record(sections.SECTIONS, shapes), definitions)


def _recommender() -> Shape:
    seeds = [record((kind,), {kind: TEXT}, (kind,)) for kind in recommender_rules.SEEDS]
    shapes: dict[str, Shape] = {"file": TEXT, "seeds": {"anyOf": seeds}, "bought": TEXT, "description": TEXT, "accessories": {"type": "object", "additionalProperties": several(TEXT)}, "diverse": {"type": "integer", "minimum": 1, "maximum": 100}, "new": {"type": "integer", "minimum": 2, "maximum": 100}}
    return record(recommender_rules.RECOMMENDER_KEYS, shapes, ("seeds",))


def _segment() -> Shape:
    """A condition, with a description beside it."""
    described = [
        {**each, "properties": {**each["properties"], "description": TEXT}} for each in (*groups(), *conditions())
    ]
    return {"oneOf": described}


def _inbox() -> Shape:
    consent = {"consent": TEXT, "description": TEXT}
    entries = {
        "clicks": record(inbox_rules.CLICKS_KEYS, {"hosts": NAMES, "utm": {"type": "object", "additionalProperties": TEXT}, "track": {"type": "boolean"}, **consent}, ("hosts",)),
        "opens": record(inbox_rules.OPENS_KEYS, {"placements": NAMES, **consent}, ("placements",)),
        "unsubscribe": record(inbox_rules.LEAVING_KEYS, {"purposes": NAMES, "mailto": TEXT, "title": TEXT, "language": TEXT, "description": TEXT}, ("purposes",)),
        "forms": named(record(inbox_rules.FORM_KEYS, {**dict.fromkeys(inbox_rules.FORM_KEYS, TEXT), **dict.fromkeys(("fields", "required", "grants", "denies"), NAMES)}, ("event",))),
        "pictures": record(inbox_rules.PICTURES_KEYS, {"hosts": NAMES, "description": TEXT}, ("hosts",)),
    }
    return record(inbox_rules.ENTRIES, entries)


def _esps() -> Shape:
    names = {"anyOf": [TEXT, NAMES]}
    each = record((*KEYS, "description"), {**dict.fromkeys(KEYS, names), "description": TEXT})
    return record(FORMATS, dict.fromkeys(FORMATS, each))


def _consent() -> Shape:
    gates = several({"enum": list(sections.GATES)})
    return record(sections.CONSENT_KEYS, {"gates": gates, "gpc": {"enum": ["deny", "ignore"]}, "title": TEXT, "description": TEXT})


def _feature() -> Shape:
    rest = {"where": use("where"), "description": TEXT, **windows()}
    kinds = [{kind: TEXT, **rest} if kind != "expr" else {"expr": EXPRESSION, "description": TEXT} for kind in sections.FEATURE_KINDS]
    return {"oneOf": [record(shapes, shapes, (kind,)) for kind, shapes in zip(sections.FEATURE_KINDS, kinds, strict=True)]}


def _webhook() -> Shape:
    shapes = {"url": {"type": "string", "pattern": "^https?://"}, "secret": {"type": "string", "pattern": "^INLAY_[A-Z0-9_]+$"}, "timeout": DURATION, "description": TEXT}
    return record(triggers.WEBHOOK_KEYS, shapes, ("url", "secret"))


def _trigger() -> Shape:
    occasions = [record((kind,), {kind: TEXT}, (kind,)) for kind in triggers.OCCASIONS]
    limit = {"max": {"type": "integer", "minimum": 1}, "per": {"const": "profile"}, "within": DURATION, "calendar": {"enum": list(leaves.PERIODS)}}
    send = {"webhook": TEXT, "stream": TEXT, "template": TEXT, "vars": use("vars")}
    shapes: dict[str, Shape] = {
        "on": {"anyOf": [TEXT, *occasions]}, "after": DURATION, "when": use("condition"), "quiet": clock(), "limit": record(triggers.LIMIT_KEYS, limit, ("max",)),
        "send": record(triggers.SEND_KEYS, send), "description": TEXT,
    }
    return record(triggers.TRIGGER_KEYS, shapes, ("on", "send"))


def _events() -> Shape:
    samples = several({"type": "object"})
    shapes: dict[str, Shape] = {
        "schema": {"type": "object", "description": "a JSON Schema (2020-12) of the properties"}, "required": NAMES, "personal": NAMES, "samples": samples,
        "refuses": samples, "description": TEXT, "undeclared": {"enum": list(event_types.CHOICES)},
    }
    shapes["versions"] = {"type": "object", "additionalProperties": record(event_types.VERSION_KEYS, shapes)}
    every = record(event_types.EVERY_KEYS, shapes)
    return {"type": "object", "properties": {event_types.EVERY: every}, "additionalProperties": record(event_types.TYPE_KEYS, shapes)}


def _identities() -> Shape:
    shapes: dict[str, Shape] = {
        "trait": {"type": "string", "description": "the trait of identify that carries it; by default the kind's name"},
        "hashed": {"type": "boolean", "description": "held as a keyed hash alone"},
        "country": {"type": "string", "pattern": "^\\+[1-9][0-9]{0,2}$", "description": "the calling code of numbers without one"}, "description": TEXT,
    }
    return named(record(identity_kinds.KEYS, shapes))


def _enrichment() -> Shape:
    shapes = {
        "from": TEXT, "take": {"type": "object", "additionalProperties": TEXT}, "fresh": DURATION, "stale": DURATION, "timeout": DURATION,
        "per_second": {"type": "integer", "minimum": 1, "maximum": enrichment.MAX_PER_SECOND}, "on": NAMES, "headers": {"type": "object", "additionalProperties": TEXT}, "description": TEXT,
    }
    local = record(enrichment.LOCAL_KEYS, {"from": {"enum": list(enrichment.LOCAL)}, "description": TEXT}, ("from",))
    return {"anyOf": [local, record(enrichment.LOOKUP_KEYS, shapes, ("from", "take"))]}


def _traits() -> Shape:
    shapes: dict[str, Shape] = {
        "kind": {"enum": list(trait_kinds.KINDS)}, "exclusive": {"type": "boolean", "description": "people whose values differ are two"},
        "range": {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 2, "maxItems": 2}, "values": several(SCALAR), "description": TEXT,
    }
    return named(record(trait_kinds.KEYS, shapes, ("kind",)))


def _shown() -> dict[str, Shape]:
    return {"block": TEXT, "vars": use("vars"), "items": use("items")}


def _placement() -> Shape:
    one = record(_shown(), _shown(), ("block",))
    shapes: dict[str, Shape] = {
        "fallback": {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}, "deadline": DURATION,
        "rank": {"anyOf": [EXPRESSION, record(("bandit",), {"bandit": TEXT}, ("bandit",))]},
        "on_degraded": {"enum": list(sections.ANSWERS)}, "description": TEXT, "caps": policy.limits()["caps"],
        "alternatives": several(record(alternatives.POLICY_KEYS, {"when": use("condition"), "rank": EXPRESSION, "offers": NAMES, "description": TEXT}, ("when",))),
    }
    return record(sections.PLACEMENT_KEYS, shapes, ("fallback",))


def _offer() -> Shape:
    shapes: dict[str, Shape] = {
        "placements": NAMES, "priority": NUMBER, "value": NUMBER, "valid": record(("from", "to"), {"from": DATE, "to": DATE}),
        **dict.fromkeys(d.GROUPS, use("condition")), **_shown(), **policy.limits(), "description": TEXT, "attributes": {"type": "object", "additionalProperties": SCALAR},
        "alternatives": several(record(alternatives.GUISE_KEYS, {"when": use("condition"), **_shown(), "description": TEXT}, ("when",))),
    }
    return record(sections.OFFER_KEYS, shapes, ("placements", "block"))


def _items() -> Shape:
    latest = record(("last",), {"last": TEXT}, ("last",))
    source = {"anyOf": [{"const": "catalogue"}, {"type": "string", "pattern": ID, "description": "a recommender"}, NAMES, record(("related_to",), {"related_to": latest}, ("related_to",))]}
    shapes: dict[str, Shape] = {
        "from": source, "filter": use("condition"), "exclude": record(("bought", "shown"), {"bought": DURATION, "shown": DURATION}),
        "rank": EXPRESSION, "limit": {"type": "integer", "minimum": 1, "maximum": 100}, "at_least": {"type": "integer", "minimum": 0},
        "arbitration": policy.arbitration(NAMES),
    }
    return record(sections.ITEMS_KEYS, shapes)


def _case() -> Shape:
    event = record(case_rules.EVENT_KEYS, {"event": TEXT, "ago": DURATION, "at": DATE, "properties": {"type": "object"}}, ("event",))
    sent = record(case_rules.SENT_KEYS, {"ago": DURATION, "at": DATE, "send": TEXT, "shows": named(TEXT)}, ("shows",))
    given = {name: {"type": "object"} for name in case_rules.GIVEN} | {"events": several(event), "sends": several(sent), "items": several({"type": "object", "required": ["id"]})}
    expected = {"offer": {"type": ["string", "null"]}, "block": TEXT, "reason": TEXT, "items": NAMES, "removed": {"type": "object"}, "variants": {"type": "object"}}
    shapes: dict[str, Shape] = {
        "name": TEXT, "at": DATE, "mail": TEXT, "given": record(case_rules.GIVEN, given), "expect": named(record(case_rules.EXPECTED, expected)),
        "triggers": named({"enum": list(triggers.EXPECTATIONS)}),
    }
    return record(case_rules.CASE_KEYS, shapes, ("name",))


# -- blocks and models -----------------------------------------------------------------------------------------------

def _block() -> Shape:
    variable = {"type": {"enum": list(TAKES)}, "default": SCALAR, "description": TEXT}
    shapes: dict[str, Shape] = {
        "description": TEXT, "variables": {"type": "object", "additionalProperties": record(variable, variable, ("type",))},
        "item_fields": NAMES, "image": _picture(), "sample": {"type": "object"},
    }
    return _file("Inlay block", record(declared.BLOCK_KEYS, shapes, ("description",)), {})


def _picture() -> Shape:
    colour = {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"}
    shapes: dict[str, Shape] = {
        **dict.fromkeys(picture_rules.KEYS, TEXT), "kind": {"enum": list(picture_rules.KINDS)}, "labels": {"type": "array", "items": TEXT, "minItems": 4, "maxItems": 4},
        "colours": {"type": "object", "properties": dict.fromkeys(COLOURS, colour), "additionalProperties": False},
        **{name: {"type": "integer", "minimum": least, "maximum": most} for name, (least, most, _) in picture_rules.SIZES.items()},
    }
    return record(picture_rules.KEYS, shapes, ("kind",))


def _model() -> Shape:
    column = {"name": TEXT, "default": SCALAR, "type": {"enum": list(card_rules.TENSOR_KINDS)}, "tensor": TEXT}
    bounds = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
    output = {"name": TEXT, "index": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 10_000}, TEXT]}, "range": bounds, "labels": NAMES}
    golden = {"inputs": several(SCALAR), "output": NUMBER}
    shapes: dict[str, Shape] = {
        "description": TEXT, "version": TEXT, "file": TEXT, "inputs": several(record(column, column, ("name",))), "output": record(output, output),
        "fallback": NUMBER, "golden": several(record(golden, golden, ("inputs", "output"))), "sha256": TEXT, "trained": {"type": "object"},
        "shadow": {"anyOf": [TEXT, record(("model", "share"), {"model": TEXT, "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}}, ("model",))]},
    }
    return _file("Inlay model card", record(card_rules.CARD_KEYS, shapes, ("inputs", "fallback")), {})
