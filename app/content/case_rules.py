"""The tests that users write beside their rules: from nodes to definitions."""

from __future__ import annotations


from app.content.reader import Reader
from app.content.source import Node
from app.content.triggers import expected
from app.content.values import duration
from app.domain import definitions as d

CASE_KEYS = ("name", "at", "mail", "given", "expect", "triggers")
EVENT_KEYS = ("event", "ago", "at", "properties")
EXPECTED = ("offer", "block", "reason", "items", "removed", "variants")
GIVEN = ("profile", "consents", "context", "events", "sends", "items", "models", "variants", "bandits")
SENT_KEYS = ("ago", "at", "send", "shows")


def case(reader: Reader, node: Node, at: str) -> d.Case:
    found = reader.mapping(node, at, CASE_KEYS, ("name",))
    if "expect" not in found and "triggers" not in found:
        reader.wrong(node.line, at, "expects nothing", "expect: {placement: ...}, or triggers: {id: fired}")
    given = reader.mapping(found["given"], f"{at}.given", GIVEN) if "given" in found else {}
    _given(reader, given, f"{at}.given")
    expect = reader.mapping(found["expect"], f"{at}.expect", reader.names.placements) if "expect" in found else {}
    for name, each in expect.items():
        _expected(reader, each, f"{at}.expect.{name}")
    if "triggers" in found:
        expected(reader, found["triggers"], f"{at}.triggers", reader.names.triggers)
    when = int(reader.instant(found["at"], f"{at}.at")) if "at" in found else None
    name = reader.text(found["name"], f"{at}.name") if "name" in found else ""
    mail = reader.one_of(found["mail"], f"{at}.mail", reader.names.mails, "mail") if "mail" in found else None
    return d.Case(name, when, {k: v.plain() for k, v in given.items()}, {k: v.plain() for k, v in expect.items()}, reader.place(node),
                  found["triggers"].plain() if "triggers" in found and isinstance(found["triggers"].value, dict) else {}, mail or "")


def _given(reader: Reader, given: dict[str, Node], at: str) -> None:
    for name, known in (("consents", reader.names.consents), ("context", reader.names.context), ("models", reader.names.models), ("profile", None)):
        if name in given:
            reader.mapping(given[name], f"{at}.{name}", known)
    for name, each in reader.mapping(given["consents"], f"{at}.consents").items() if "consents" in given else ():
        if name in reader.names.consents:
            reader.one_of(each, f"{at}.consents.{name}", ("granted", "denied"), "answer")
    for name, each in reader.mapping(given["models"], f"{at}.models").items() if "models" in given else ():
        if name in reader.names.labels:
            reader.one_of(each, f"{at}.models.{name}", reader.names.labels[name], "kind")
        elif name in reader.names.models:
            reader.number(each, f"{at}.models.{name}")
    for _, each in reader.mapping(given["bandits"], f"{at}.bandits", reader.names.bandits).items() if "bandits" in given else ():
        reader.one_of(each, f"{at}.bandits", reader.names.offers, "offer")
    for name, each in reader.mapping(given["variants"], f"{at}.variants", reader.names.variants).items() if "variants" in given else ():
        if name in reader.names.variants:
            reader.one_of(each, f"{at}.variants.{name}", reader.names.variants[name], "variant")
    for here, each in reader.items(given["events"], f"{at}.events") if "events" in given else ():
        _event(reader, each, here)
    for here, each in reader.items(given["sends"], f"{at}.sends") if "sends" in given else ():
        _sent(reader, each, here)
    for here, each in reader.items(given["items"], f"{at}.items") if "items" in given else ():
        if (id := reader.mapping(each, here, None, ("id",)).get("id")) is not None:
            reader.text(id, f"{here}.id")


def _event(reader: Reader, node: Node, at: str) -> None:
    found = reader.mapping(node, at, EVENT_KEYS, ("event",))
    if "event" in found:
        reader.event(found["event"], f"{at}.event")
    _when(reader, found, node, at)
    if "properties" in found:
        reader.mapping(found["properties"], f"{at}.properties")


def _sent(reader: Reader, node: Node, at: str) -> None:
    """A send of before, with the offer that each placement showed."""
    found = reader.mapping(node, at, SENT_KEYS, ("shows",))
    _when(reader, found, node, at)
    if "send" in found:
        reader.text(found["send"], f"{at}.send")
    for name, each in reader.mapping(found["shows"], f"{at}.shows", reader.names.placements).items() if "shows" in found else ():
        reader.one_of(each, f"{at}.shows.{name}", reader.names.offers, "offer")


def _when(reader: Reader, found: dict[str, Node], node: Node, at: str) -> None:
    if "ago" in found and duration(found["ago"].value) is None:
        reader.duration(found["ago"], f"{at}.ago")
    if "at" in found:
        reader.instant(found["at"], f"{at}.at")
    if ("ago" in found) == ("at" in found):
        reader.wrong(node.line, at, "has both ago and at" if "ago" in found else "says not when", "ago: 2h, or at: 2026-10-01T09:00:00Z")


def _expected(reader: Reader, node: Node, at: str) -> None:
    found = reader.mapping(node, at, EXPECTED)
    if "block" in found:
        reader.one_of(found["block"], f"{at}.block", reader.names.blocks, "block")
    if "offer" in found and found["offer"].value is not None:
        reader.one_of(found["offer"], f"{at}.offer", reader.names.offers, "offer")
    if "items" in found:
        for here, each in reader.items(found["items"], f"{at}.items"):
            reader.text(each, here)
    if "removed" in found:
        reader.mapping(found["removed"], f"{at}.removed", reader.names.offers)
