"""`inbox:` of rules files: what becomes of links, opens and unsubscriptions."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.content.reader import Reader
from app.content.source import Node
from app.domain.inbox import LINK_WORDS, Clicks, Form, Inbox, Leaving, Opens

ENTRIES = ("clicks", "opens", "unsubscribe", "pictures", "forms")
CLICKS_KEYS = ("hosts", "utm", "track", "consent", "description")
OPENS_KEYS = ("placements", "consent", "description")
LEAVING_KEYS = ("purposes", "mailto", "title", "language", "description")
PICTURES_KEYS = ("hosts", "description")
FORM_KEYS = ("event", "fields", "required", "grants", "denies", "message", "description")
_RESERVED = frozenset({"identify", "group", "alias"})
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII)
_WORD = re.compile(r"\{([^{}]*)\}")
_MAILTO = re.compile(r"[\w.+%-]+@[\w.-]+(\?[\w=&%+.-]*)?", re.ASCII)


def inbox(entries: Mapping[str, tuple[Reader, Node]]) -> Inbox:
    """All entries of the section."""
    for id, (reader, node) in entries.items():
        if id not in ENTRIES:
            reader.wrong(node.line, f"inbox.{id}", f'unknown key "{id[:60]}"', f"there are {', '.join(ENTRIES)}")
    clicks = _clicks(*entries["clicks"]) if "clicks" in entries else Clicks()
    opens = _opens(*entries["opens"]) if "opens" in entries else Opens()
    leaving = _leaving(*entries["unsubscribe"]) if "unsubscribe" in entries else Leaving()
    pictures = _pictures(*entries["pictures"]) if "pictures" in entries else ()
    forms = {id: _form(entries["forms"][0], id, node) for id, node in _named(*entries["forms"]).items()} if "forms" in entries else {}
    return Inbox(clicks, opens, leaving, pictures, forms)


def _named(reader: Reader, node: Node) -> dict[str, Node]:
    return reader.mapping(node, "inbox.forms")


def _form(reader: Reader, id: str, node: Node) -> Form:
    at = f"inbox.forms.{id}"
    found = reader.mapping(node, at, FORM_KEYS, ("event",))
    event = reader.event(found["event"], f"{at}.event") if "event" in found else "x"
    if event in _RESERVED or event.startswith("email_"):
        reader.wrong(found["event"].line, f"{at}.event", f'"{event}" is what others say', "a name of your own, such as survey_answered")
    fields, required = (tuple(reader.text(each, here) for here, each in reader.items(found[key], f"{at}.{key}")) if key in found else () for key in ("fields", "required"))
    if fields and (unknown := [name for name in required if name not in fields]):
        reader.wrong(found["required"].line, f"{at}.required", f"{unknown[0][:60]!r} is not among the fields")
    grants, denies = (reader.names_list(found[key], f"{at}.{key}", reader.names.consents, "purpose") if key in found else () for key in ("grants", "denies"))
    message = reader.text(found["message"], f"{at}.message") if "message" in found else "Thank you."
    return Form(id, event, fields, required, grants, denies, message)


def _clicks(reader: Reader, node: Node) -> Clicks:
    at = "inbox.clicks"
    found = reader.mapping(node, at, CLICKS_KEYS, ("hosts",))
    utm = tuple((name, _template(reader, each, f"{at}.utm.{name}")) for name, each in reader.mapping(found["utm"], f"{at}.utm").items()) if "utm" in found else ()
    track = found["track"].value if "track" in found else True
    if not isinstance(track, bool):
        reader.wrong(found["track"].line, f"{at}.track", "is neither true nor false")
    return Clicks(_hosts(reader, found.get("hosts"), f"{at}.hosts"), utm, track is not False, _consent(reader, found, at))


def _opens(reader: Reader, node: Node) -> Opens:
    found = reader.mapping(node, "inbox.opens", OPENS_KEYS, ("placements",))
    placements = reader.names_list(found["placements"], "inbox.opens.placements", reader.names.placements, "placement") if "placements" in found else ()
    return Opens(placements, _consent(reader, found, "inbox.opens"))


def _leaving(reader: Reader, node: Node) -> Leaving:
    at = "inbox.unsubscribe"
    found = reader.mapping(node, at, LEAVING_KEYS, ("purposes",))
    purposes = reader.names_list(found["purposes"], f"{at}.purposes", reader.names.consents, "purpose") if "purposes" in found else ()
    if "purposes" in found and not purposes:
        reader.wrong(found["purposes"].line, f"{at}.purposes", "names no purpose", "those of consents: that are taken back")
    mailto = reader.text(found["mailto"], f"{at}.mailto") if "mailto" in found else ""
    if mailto and not _MAILTO.fullmatch(mailto):
        reader.wrong(found["mailto"].line, f"{at}.mailto", f"{mailto!r:.60} is no address", "such as leave@shop.example?subject=unsubscribe")
    title = reader.text(found["title"], f"{at}.title") if "title" in found else ""
    return Leaving(purposes, mailto, title, reader.text(found["language"], f"{at}.language") if "language" in found else "en")


def _pictures(reader: Reader, node: Node) -> tuple[str, ...]:
    found = reader.mapping(node, "inbox.pictures", PICTURES_KEYS, ("hosts",))
    return _hosts(reader, found.get("hosts"), "inbox.pictures.hosts")


def _hosts(reader: Reader, node: Node | None, at: str) -> tuple[str, ...]:
    found: list[str] = []
    for here, each in reader.items(node, at) if node is not None else ():
        host = reader.text(each, here).lower()
        if not _HOST.fullmatch(host) or (host.startswith("*.") and "." not in host[2:]):
            reader.wrong(each.line, here, f"{host!r:.60} is no host", "shop.example, or *.shop.example for every host below")
        found.append(host)
    return tuple(found)


def _template(reader: Reader, node: Node, at: str) -> str:
    text = reader.text(node, at)
    for word in _WORD.findall(text):
        if word not in LINK_WORDS:
            reader.wrong(node.line, at, f"{{{word[:40]}}} is not known", f"there are {', '.join('{' + each + '}' for each in LINK_WORDS)}")
    return text


def _consent(reader: Reader, found: dict[str, Node], at: str) -> str:
    return (reader.one_of(found["consent"], f"{at}.consent", reader.names.consents, "purpose") or "") if "consent" in found else ""
