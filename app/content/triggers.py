"""`webhooks:` and `triggers:` of rules/: from nodes to what is declared of them."""

from __future__ import annotations

import re
from typing import get_args
from urllib.parse import urlsplit

from app.content.leaves import PERIODS, ROOTS, condition
from app.content.reader import Reader
from app.content.source import Node
from app.content.values import meant
from app.domain import conditions as c
from app.domain import triggers as t
from app.domain.event import event_name

WEBHOOK_KEYS = ("url", "secret", "timeout", "description")
TRIGGER_KEYS = ("on", "after", "when", "quiet", "limit", "send", "description")
OCCASIONS = tuple(kind for kind in get_args(t.Kind) if kind != "event")
LIMIT_KEYS = ("max", "per", "within", "calendar")
SEND_KEYS = ("webhook", "stream", "template", "vars")
_STREAM = re.compile(r"[A-Za-z0-9_-]{1,64}|redis:[^\s/]{1,200}(/[1-9]\d{0,3})?|kafka:[^\s/]{1,200}")
PREFIX = "INLAY_"
LONGEST_TIMEOUT = 30_000


def webhook(reader: Reader, id: str, node: Node, at: str) -> t.Webhook:
    found = reader.mapping(node, at, WEBHOOK_KEYS, ("url", "secret"))
    url = _url(reader, found["url"], f"{at}.url") if "url" in found else ""
    secret = reader.text(found["secret"], f"{at}.secret") if "secret" in found else ""
    if "secret" in found and not (secret.startswith(PREFIX) and secret.isupper() and secret.isidentifier()):
        reader.wrong(found["secret"].line, f"{at}.secret", "names no variable of the environment", f"such as {PREFIX}{id.upper().replace('-', '_')}_SECRET: the key itself stands in no file")
    timeout = reader.duration(found["timeout"], f"{at}.timeout") if "timeout" in found else 10_000
    if timeout > LONGEST_TIMEOUT:
        reader.wrong(found["timeout"].line, f"{at}.timeout", "is too long to wait", "at most 30s")
    return t.Webhook(id, url, secret, timeout, reader.place(node))


def _url(reader: Reader, node: Node, at: str) -> str:
    text = reader.text(node, at)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.username is None and not text.isspace() and text.isprintable() and " " not in text
        assert parts.port is None or parts.port
    except (ValueError, AssertionError):
        usable = False
    if not usable:
        reader.wrong(node.line, at, f"{text!r:.60} is no address to call", "https://hooks.shop.example/inlay, without user and password")
    elif not text.startswith("https://"):
        reader.wrong(node.line, at, "is not encrypted on its way", "https://", warning=True)
    return text


def trigger(reader: Reader, id: str, node: Node, at: str) -> t.Trigger:
    found = reader.mapping(node, at, TRIGGER_KEYS, ("on", "send"))
    on = _occasion(reader, found["on"], f"{at}.on") if "on" in found else t.Occasion("event", "_")
    return t.Trigger(
        id, on, _send(reader, found["send"], f"{at}.send") if "send" in found else t.Send(),
        reader.duration(found["after"], f"{at}.after") if "after" in found else 0,
        condition(reader, found["when"], f"{at}.when") if "when" in found else None,
        _limit(reader, found["limit"], f"{at}.limit") if "limit" in found else None,
        _quiet(reader, found["quiet"], f"{at}.quiet") if "quiet" in found else None, reader.place(node),
    )


def _occasion(reader: Reader, node: Node, at: str) -> t.Occasion:
    if isinstance(node.value, str):
        return t.Occasion("event", event_name(reader.event(node, at)))
    found = reader.mapping(node, at, OCCASIONS)
    if len(found) != 1:
        reader.wrong(node.line, at, "names no occasion" if not found else "names several", "an event, {enter: segment}, {leave: segment} or {changed: profile.city}")
        return t.Occasion("event", "_")
    for kind in ("enter", "leave"):
        if kind in found:
            return t.Occasion(kind, reader.one_of(found[kind], f"{at}.{kind}", reader.names.segments, "segment") or "_")
    ref = reader.ref(found["changed"].value, found["changed"].line, f"{at}.changed", ("profile",))
    if ref is not None and len(ref.path) > 2:
        reader.wrong(node.line, f"{at}.changed", f"{ref} lies inside a trait", f"a whole trait, such as {'.'.join(ref.path[:2])}")
    return t.Occasion("changed", str(ref).split(".")[1] if ref is not None else "_")


def _limit(reader: Reader, node: Node, at: str) -> t.Limit:
    found = reader.mapping(node, at, LIMIT_KEYS, ("max",))
    most = reader.whole(found["max"], f"{at}.max", 1, 1_000, 1) if "max" in found else 1
    if "per" in found:
        reader.one_of(found["per"], f"{at}.per", ("profile",), "unit")
    if ("within" in found) == ("calendar" in found):
        reader.wrong(node.line, at, "needs a period", "within: 7d, or calendar: day, week or month")
        return t.Limit(most, 1)
    if "within" in found:
        return t.Limit(most, reader.duration(found["within"], f"{at}.within"))
    return t.Limit(most, period=reader.one_of(found["calendar"], f"{at}.calendar", PERIODS, "calendar period") or "day")


def _quiet(reader: Reader, node: Node, at: str) -> c.LocalTime | None:
    made = Node({"local_time": node}, node.line, {"local_time": node.line})
    found = condition(reader, made, at)
    return found if isinstance(found, c.LocalTime) else None


def _send(reader: Reader, node: Node, at: str) -> t.Send:
    found = reader.mapping(node, at, SEND_KEYS)
    if ("webhook" in found) == ("stream" in found):
        reader.wrong(node.line, at, "goes nowhere" if "webhook" not in found else "goes to two places", "webhook: one of webhooks:, or stream: a name")
    to = reader.one_of(found["webhook"], f"{at}.webhook", reader.names.webhooks, "webhook") if "webhook" in found else ""
    stream = reader.text(found["stream"], f"{at}.stream") if "stream" in found else ""
    if "stream" in found and not _STREAM.fullmatch(stream):
        reader.wrong(found["stream"].line, f"{at}.stream", "is no stream", "a name of at most 64 letters, digits, _ and -, or redis:NAME, redis:NAME/SHARDS or kafka:TOPIC")
    template = reader.text(found["template"], f"{at}.template") if "template" in found else ""
    return t.Send(to or "", stream, template, _vars(reader, found["vars"], f"{at}.vars") if "vars" in found else {})


def _vars(reader: Reader, node: Node, at: str) -> dict[str, c.Scalar | c.Ref]:
    found: dict[str, c.Scalar | c.Ref] = {}
    for name, value in reader.mapping(node, at).items():
        here = f"{at}.{name}"
        if isinstance(value.value, dict):
            inner = reader.mapping(value, here, ("field",), ("field",))
            roots = tuple(root for root in ROOTS if root != "context")
            ref = reader.ref(inner["field"].value, value.line, here, roots) if "field" in inner else None
            found[name] = ref or ""
        elif isinstance(value.value, (str, int, float, bool)):
            found[name] = value.value
        else:
            reader.wrong(value.line, here, "needs one value", "text, a number, true or false, or {field: ...}")
    return found


EXPECTATIONS = ("fired", "silent")


def expected(reader: Reader, node: Node, at: str, triggers: set[str]) -> None:
    """`triggers: {cart_abandoned: fired}` of a test."""
    for id, each in reader.mapping(node, at).items():
        if id not in triggers:
            reader.wrong(each.line, f"{at}.{id}", f'no trigger "{id[:60]}"', meant(id, triggers))
        reader.one_of(each, f"{at}.{id}", EXPECTATIONS, "outcome")
