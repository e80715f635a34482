"""`enrich:` of rules/: from nodes to what is looked up, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import get_args
from urllib.parse import urlsplit

from app.content.reader import Reader
from app.content.source import Node
from app.domain.conditions import Path
from app.domain.enrichment import SLOT, Enrichments, Local, Lookup
from app.domain.event import event_name

LOCAL: tuple[Local, ...] = get_args(Local)
LOOKUP_KEYS = ("from", "take", "fresh", "stale", "timeout", "per_second", "on", "headers", "description")
LOCAL_KEYS = ("from", "description")
MAX_TIMEOUT = 10_000
MAX_PER_SECOND = 1_000
A_SOURCE = "ip, user_agent, or https://host/path?q={profile.city}, the host written out"
_RESERVED = ("_at", "_source")
_SECRET = re.compile(r"secret\.[A-Za-z0-9_]+")
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "cookie"})

Entries = Mapping[str, tuple[Reader, Node]]


def enrichments(entries: Entries) -> Enrichments:
    """All entries of the section, by their ids."""
    local: dict[str, Local] = {}
    lookups: list[Lookup] = []
    for id, (reader, node) in entries.items():
        at = f"enrich.{id}"
        source = reader.mapping(node, at, LOOKUP_KEYS, ("from",)).get("from")
        if source is None:
            continue
        kind: Local | None = next((each for each in LOCAL if source.value == each), None)
        if kind is not None:
            reader.mapping(node, at, LOCAL_KEYS)
            local[id] = kind
        elif not isinstance(source.value, str) or not source.value.startswith("https://"):
            reader.wrong(source.line, f"{at}.from", f"{source.plain()!r:.60} is nothing that can be asked", A_SOURCE)
        elif (lookup := _lookup(reader, id, node, at)) is not None:
            lookups.append(lookup)
    return Enrichments(local, tuple(lookups))


def _lookup(reader: Reader, id: str, node: Node, at: str) -> Lookup | None:
    found = reader.mapping(node, at, LOOKUP_KEYS, ("from", "take"))
    if "from" not in found or "take" not in found:
        return None
    url = reader.text(found["from"], f"{at}.from")
    host = _host(reader, found["from"], f"{at}.from", url)
    return Lookup(
        id, url, host, _take(reader, found["take"], f"{at}.take"),
        reader.duration(found["fresh"], f"{at}.fresh") if "fresh" in found else 3_600_000,
        reader.duration(found["stale"], f"{at}.stale") if "stale" in found else 86_400_000,
        _timeout(reader, found["timeout"], f"{at}.timeout") if "timeout" in found else 1_000,
        reader.whole(found["per_second"], f"{at}.per_second", 1, MAX_PER_SECOND, 10) if "per_second" in found else 10,
        frozenset(event_name(reader.text(each, here, "x")) for here, each in reader.items(found["on"], f"{at}.on")) if "on" in found else frozenset(),
        _headers(reader, found["headers"], f"{at}.headers") if "headers" in found else {},
        reader.place(node),
    )


def _host(reader: Reader, node: Node, at: str, url: str) -> str:
    """The host that is asked, which no slot may change."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme != "https" or not host or parts.username is not None or parts.fragment or SLOT.search(parts.netloc) or not url.isascii() or any(each.isspace() for each in url):
        reader.wrong(node.line, at, f"{url!r:.60} cannot be asked", A_SOURCE)
    rest = SLOT.sub("", url)
    if "{" in rest or "}" in rest or any(not _slot(name) for name in SLOT.findall(url)):
        reader.wrong(node.line, at, "holds a slot that is none", "{profile.city}: traits alone can be sent")
    return host


def _slot(name: str) -> bool:
    root, *path = name.split(".")
    return root == "profile" and bool(path) and all(path)


def _take(reader: Reader, node: Node, at: str) -> Mapping[str, Path]:
    found: dict[str, Path] = {}
    for name, each in reader.mapping(node, at).items():
        if name in _RESERVED:
            reader.wrong(each.line, f"{at}.{name}", "is what Inlay adds itself", "another name")
        found[name] = reader.path(each, f"{at}.{name}")
    if isinstance(node.value, dict) and not found:
        reader.wrong(node.line, at, "takes nothing of the answer", "{temp: main.temp}: a name, and where it lies in the answer")
    return found


def _timeout(reader: Reader, node: Node, at: str) -> int:
    found = reader.duration(node, at)
    if found > MAX_TIMEOUT:
        reader.wrong(node.line, at, "is longer than an answer is waited for", f"at most {MAX_TIMEOUT // 1000}s")
    return found


def _headers(reader: Reader, node: Node, at: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, each in reader.mapping(node, at).items():
        value = reader.text(each, f"{at}.{name}")
        if name.lower() in _OWN_HEADERS or not name.replace("-", "").isalnum() or not name.isascii():
            reader.wrong(each.line, f"{at}.{name}", "is no header that can be set", "such as accept, or authorization: Bearer {secret.NAME}")
        if not value.isprintable() or not value.isascii() or not all(map(_SECRET.fullmatch, SLOT.findall(value))):
            reader.wrong(each.line, f"{at}.{name}", "holds what no header may", "printable ASCII, and {secret.NAME} for what INLAY_LOOKUP_SECRETS has")
        found[name.lower()] = value
    return found
