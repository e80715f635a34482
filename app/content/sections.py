"""The sections of rules files: from nodes to definitions."""

from __future__ import annotations

from typing import Any, get_args

from app.content.alternatives import guises, policies
from app.content.arbitration_rules import grid
from app.content.cap_rules import caps, check_code, cooldowns, inventory
from app.content.leaves import ITEM_ROOTS, ROOTS, WINDOWS, condition, wheres, window
from app.content.reader import A_KIND, Reader
from app.content.source import Node
from app.content.values import meant
from app.content.variables import FITS, WANTED, typed
from app.domain import conditions as c
from app.domain import definitions as d
from app.domain.conditions import Scalar
from app.domain.caps import CODE, SENDS_KEPT
from app.domain.event import event_name

FEATURE_KINDS: tuple[d.FeatureKind, ...] = get_args(d.FeatureKind)
KIND_OF: dict[str, str] = {
    **dict.fromkeys(("count", "sum", "avg", "min", "max", "distinct", "days", "seconds_since", "expr"), "number"),
    **dict.fromkeys(("first_at", "last_at"), "instant"),
}
"""What a feature's value is, where that is certain."""
_WITH_PATH = frozenset({"sum", "avg", "min", "max", "distinct", "first", "last"})
SECTIONS = ("version", "timezone", "context", "consents", "features", "segments", "placements", "mails", "offers", "models", "events", "identities", "traits", "enrich", "retention", "esps", "webhooks", "triggers", "experiments", "holdouts", "caps", "recommenders", "inbox", "bandits", "tables", "tests")
OFFER_KEYS = ("placements", "priority", "value", "valid", *d.GROUPS, "caps", "cooldown", "inventory", "items", "block", "vars", "description", "attributes", "alternatives")
ITEMS_KEYS = ("from", "filter", "exclude", "rank", "limit", "at_least", "arbitration")
PLACEMENT_KEYS = ("fallback", "rank", "deadline", "on_degraded", "caps", "alternatives", "description")
CONTEXT_KINDS: tuple[d.ContextKind, ...] = get_args(d.ContextKind)
GATES: tuple[d.Gate, ...] = get_args(d.Gate)
ANSWERS: tuple[d.WhenDegraded, ...] = get_args(d.WhenDegraded)
CONSENT_KEYS = ("gates", "gpc", "title", "description")


def feature(reader: Reader, id: str, node: Node, at: str) -> d.Feature | None:
    given = reader.mapping(node, at)
    kinds: list[d.FeatureKind] = [kind for kind in FEATURE_KINDS if kind in given]
    if len(kinds) != 1:
        first = next(iter(given), "")
        reader.wrong(node.line, at, f"has {'no kind' if not kinds else ' and '.join(kinds)}", meant(first, FEATURE_KINDS) or f"one of {', '.join(FEATURE_KINDS)}")
        return None
    kind = kinds[0]
    if kind == "expr":
        found = reader.mapping(node, at, ("expr", "description"))
        return d.Feature(id, "expr", expression=reader.expression(found["expr"], f"{at}.expr", ROOTS), place=reader.place(node))
    found = reader.mapping(node, at, (kind, "where", "description", *WINDOWS))
    text = reader.text(found[kind], f"{at}.{kind}", "x.x" if kind in _WITH_PATH else "x")
    event, _, rest = text.partition(".")
    path = tuple(rest.split(".")) if rest else ()
    if (kind in _WITH_PATH) != bool(path) or not all(path) or not event_name(event).strip("_"):
        hint = f"{kind}: event.property" if kind in _WITH_PATH else f"{kind}: event"
        reader.wrong(found[kind].line, f"{at}.{kind}", f"{text!r:.60} does not fit", hint)
        path = ("x",) if kind in _WITH_PATH else ()
    return d.Feature(id, kind, event_name(event), path, wheres(reader, found, at, ROOTS), window(reader, found, at), place=reader.place(node))


def items_query(reader: Reader, node: Node, at: str) -> d.ItemsQuery:
    found = reader.mapping(node, at, ITEMS_KEYS)
    source = _source(reader, found["from"], f"{at}.from") if "from" in found else "catalogue"
    excluded = reader.mapping(found["exclude"], f"{at}.exclude", ("bought", "shown")) if "exclude" in found else {}
    limit = reader.whole(found["limit"], f"{at}.limit", 1, 100, 6) if "limit" in found else 6
    at_least = reader.whole(found["at_least"], f"{at}.at_least", 0, limit, 1) if "at_least" in found else 1
    if isinstance(source, tuple) and at_least > len(source):
        reader.wrong(found["from"].line, f"{at}.from", f"names {len(source)} items, and at_least is {at_least}")
    return d.ItemsQuery(
        source,
        condition(reader, found["filter"], f"{at}.filter", ITEM_ROOTS) if "filter" in found else None,
        reader.window(excluded["bought"], f"{at}.exclude.bought") if "bought" in excluded else 0,
        _shown_for(reader, excluded["shown"], f"{at}.exclude.shown") if "shown" in excluded else 0,
        reader.expression(found["rank"], f"{at}.rank", ITEM_ROOTS, scored=True) if "rank" in found else None,
        limit, at_least,
        reader.place(node),
        grid(reader, found["arbitration"], f"{at}.arbitration", limit) if "arbitration" in found else None,
    )


def _shown_for(reader: Reader, node: Node, at: str) -> int:
    found = reader.duration(node, at)
    if found > SENDS_KEPT:
        reader.wrong(node.line, at, "reaches further back than decisions are kept", f"at most {SENDS_KEPT // 86_400_000}d", warning=True)
    return found


def _source(reader: Reader, node: Node, at: str) -> d.Source:
    if node.value == "catalogue":
        return "catalogue"
    if isinstance(node.value, list):
        return _ids(reader, node, at)
    if isinstance(node.value, dict):
        inner = reader.mapping(node, at, ("related_to",), ("related_to",)).get("related_to")
        last = reader.mapping(inner, f"{at}.related_to", ("last",), ("last",)).get("last") if inner else None
        event, *path = reader.path(last, f"{at}.related_to.last") if last else ("x", "x")
        if last and not path:
            reader.wrong(last.line, f"{at}.related_to.last", "needs an event and a property", "order_completed.products.product_id")
        return d.RelatedTo(event_name(event), tuple(path) or ("x",))
    if isinstance(node.value, str) and node.value in reader.names.recommenders:
        return d.Recommended(node.value)
    near = meant(str(node.value), reader.names.recommenders)
    reader.wrong(node.line, at, f'no source "{str(node.value)[:60]}"', f"catalogue, a list of item ids, {{related_to: {{last: event.property}}}}, or a recommender{'; ' + near if near else ''}")
    return "catalogue"


def _ids(reader: Reader, node: Node, at: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for here, each in reader.items(node, at):
        id = reader.text(each, here)
        if id in found:
            reader.wrong(each.line, here, f'"{id[:60]}" stands here twice', warning=True)
        found[id] = None
    if not node.value:
        reader.wrong(node.line, at, "names no item", "catalogue, or a list of item ids")
    return tuple(found)


def shown(reader: Reader, found: dict[str, Node], node: Node, at: str, *, last: bool = False) -> d.Shown:
    block = reader.one_of(found["block"], f"{at}.block", reader.names.blocks, "block") if "block" in found else None
    variables: dict[str, Scalar | c.Ref] = {}
    if "vars" in found:
        declared = reader.names.blocks.get(block or "")
        for name, value in reader.mapping(found["vars"], f"{at}.vars").items():
            variables[name] = _variable(reader, name, value, f"{at}.vars.{name}", declared, last=last, coded="inventory" in found)
    _required(reader, block, variables, node, at)
    items = items_query(reader, found["items"], f"{at}.items") if "items" in found else None
    return d.Shown(block or "", variables, items, reader.place(node))


def _variable(reader: Reader, name: str, value: Node, at: str, declared: d.BlockDefinition | None, *, last: bool, coded: bool) -> Scalar | c.Ref:
    types = {each.name: each for each in declared.variables} if declared is not None else {}
    if declared is not None and name not in types:
        reader.wrong(value.line, at, f"the block {declared.id} declares no such variable", meant(name, types))
    if isinstance(value.value, dict):
        inner = reader.mapping(value, at, ("field",), ("field",))
        if "field" in inner and inner["field"].value == str(CODE):
            return _code(reader, value, at, types.get(name), coded=coded)
        ref = reader.ref(inner["field"].value, value.line, at, ROOTS) if "field" in inner else None
        if name in types and ref is not None and (kind := reader.names.kind_of(ref)) not in (None, *FITS[types[name].type]):
            reader.wrong(value.line, at, f"{ref} is {A_KIND[kind]}", f"the block declares {name} as {WANTED[types[name].type]}")
        if name in types and types[name].default is None:
            reader.wrong(value.line, at, "may be missing at the request", f"give {name} a default in the block", warning=not last)
        return ref or ""
    if not isinstance(value.value, (str, int, float, bool)):
        reader.wrong(value.line, at, "needs one value", "text, a number, true or false, or {field: ...}")
        return ""
    return value.value if name not in types else typed(reader, types[name].type, value, at)


def _code(reader: Reader, node: Node, at: str, declared: d.Variable | None, *, coded: bool) -> c.Ref:
    """A variable that takes the code which is held for the decision."""
    if not coded:
        reader.wrong(node.line, at, "there is no code to show", "offer.code is the code of an offer with inventory: {codes: ...}")
    if declared is not None and declared.type != "string":
        reader.wrong(node.line, at, "a code is text", f"the block declares {declared.name} as {WANTED[declared.type]}")
    return CODE


def _required(reader: Reader, block: str | None, variables: d.Vars, node: Node, at: str) -> None:
    declared = reader.names.blocks.get(block or "")
    missing = [each.name for each in declared.variables if each.default is None and each.name not in variables] if declared else []
    if missing:
        reader.wrong(node.line, f"{at}.vars", f"{', '.join(missing)} missing", f"the block {block} gives no default")


def placement(reader: Reader, id: str, node: Node, at: str) -> d.Placement:
    found = reader.mapping(node, at, PLACEMENT_KEYS, ("fallback",))
    fallbacks: list[d.Shown] = []
    if "fallback" in found:
        chain = found["fallback"].value if isinstance(found["fallback"].value, list) else [found["fallback"]]
        for i, each in enumerate(chain):
            here = f"{at}.fallback[{i}]" if len(chain) > 1 else f"{at}.fallback"
            inner = reader.mapping(each, here, ("block", "vars", "items"), ("block",))
            fallbacks.append(shown(reader, inner, each, here, last=i == len(chain) - 1))
        if not chain:
            reader.wrong(found["fallback"].line, f"{at}.fallback", "is empty", "name at least one block")
    bandit, rank = _rank(reader, found["rank"], f"{at}.rank") if "rank" in found else ("", None)
    deadline = reader.duration(found["deadline"], f"{at}.deadline") if "deadline" in found else None
    degraded = reader.one_of(found["on_degraded"], f"{at}.on_degraded", ANSWERS, "answer") if "on_degraded" in found else None
    capped = caps(reader, found["caps"], f"{at}.caps") if "caps" in found else ()
    return d.Placement(id, tuple(fallbacks), rank, deadline, degraded or "fallback", reader.place(node), capped, bandit, policies(reader, found, at))


def _rank(reader: Reader, node: Node, at: str) -> tuple[str, c.Expression | None]:
    """(bandit, expression): one of them ranks the offers."""
    if not isinstance(node.value, dict):
        return "", reader.expression(node, at, (*ROOTS, "offer"))
    found = reader.mapping(node, at, ("bandit",), ("bandit",))
    return (reader.one_of(found["bandit"], f"{at}.bandit", reader.names.bandits, "bandit") or "" if "bandit" in found else ""), None


def offer(reader: Reader, id: str, node: Node, at: str) -> d.Offer:
    found = reader.mapping(node, at, OFFER_KEYS, ("placements", "block"))
    placements = reader.names_list(found["placements"], f"{at}.placements", reader.names.placements, "placement") if "placements" in found else ()
    if "placements" in found and not placements:
        reader.wrong(found["placements"].line, f"{at}.placements", "shows the offer nowhere", warning=True)
    start, end = _validity(reader, found, at)
    groups = {name: condition(reader, found[name], f"{at}.{name}") if name in found else None for name in d.GROUPS}
    attributes = _attributes(reader, found["attributes"], f"{at}.attributes") if "attributes" in found else {}
    body, uses = shown(reader, found, node, at), inventory(reader, found["inventory"], f"{at}.inventory") if "inventory" in found else None
    if uses is not None and uses.pool:
        check_code(reader, body, uses, at)
    return d.Offer(
        id, placements, body,
        reader.number(found["priority"], f"{at}.priority") if "priority" in found else 0.0,
        reader.number(found["value"], f"{at}.value") if "value" in found else 0.0,
        start, end, **groups, attributes=attributes, place=reader.place(node),
        caps=caps(reader, found["caps"], f"{at}.caps") if "caps" in found else (),
        cooldown=cooldowns(reader, found["cooldown"], f"{at}.cooldown") if "cooldown" in found else (),
        inventory=uses,
        alternatives=guises(reader, found, at, shown),
    )


def _attributes(reader: Reader, node: Node, at: str) -> dict[str, Any]:
    found = reader.mapping(node, at)
    for name, each in found.items():
        if not isinstance(each.value, (str, int, float, bool)):
            reader.wrong(each.line, f"{at}.{name}", "needs one value", "text, a number, true or false")
        if name in ("priority", "value", "code") or not name.isidentifier():
            hint = "a key of the offer itself" if name.isidentifier() else "letters, digits and _: rank reads it as offer.<name>"
            reader.wrong(each.line, f"{at}.{name}", "cannot name an attribute", hint)
    return {name: each.plain() for name, each in found.items()}


def _validity(reader: Reader, found: dict[str, Node], at: str) -> tuple[c.Instant | None, c.Instant | None]:
    if "valid" not in found:
        return None, None
    inner = reader.mapping(found["valid"], f"{at}.valid", ("from", "to"))
    start = reader.instant(inner["from"], f"{at}.valid.from") if "from" in inner else None
    end = reader.instant(inner["to"], f"{at}.valid.to") if "to" in inner else None
    if start is not None and end is not None and start >= end:
        reader.wrong(found["valid"].line, f"{at}.valid", "ends before it begins", "from is included, to is not")
    return start, end


def consent(reader: Reader, id: str, node: Node, at: str) -> d.Consent:
    found = reader.mapping(node, at, CONSENT_KEYS)
    gates = reader.names_list(found["gates"], f"{at}.gates", GATES, "gate") if "gates" in found else ()
    gpc = reader.one_of(found["gpc"], f"{at}.gpc", ("deny", "ignore"), "answer to the signal") if "gpc" in found else "deny"
    title, about = (reader.text(found[key], f"{at}.{key}") if key in found else "" for key in ("title", "description"))
    return d.Consent(id, frozenset(gates), gpc != "ignore", reader.place(node), title, about)
