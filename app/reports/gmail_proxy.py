"""What Gmail does with an AMP mail: it asks each list from its proxy, without cookies or key, and posts each form urlencoded.

A list is shown on exactly 200 with JSON and the header that allows the sender; any 3xx, another type or sender drops it.
Sources: developers.google.com/gmail/ampemail, and what the AMP project's own mail viewer does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

from app.reports.calls import Got

_LIST = re.compile(r"<amp-list\b[^>]*?\bsrc=\"([^\"]+)\"[^>]*>", re.IGNORECASE)
_ITEMS = re.compile(r"\bitems=\"([^\"]*)\"")
_FORM = re.compile(r"<form\b[^>]*?\baction-xhr=\"([^\"]+)\"[^>]*>(.*?)</form>", re.DOTALL | re.IGNORECASE)
_FIELD = re.compile(r"<input\b[^>]*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\b(name|value|type)=\"([^\"]*)\"")
AGENT = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@dataclass(frozen=True, slots=True)
class Fetch:
    """One call of the proxy: a list, or a form with its answers (`body`)."""

    address: str
    items: str = "items"
    body: str | None = None


def fetches(markup: str, *, forms: bool = True) -> Iterator[Fetch]:
    """Everything that the mail fetches when it is opened, and, with `forms`, each of its forms as somebody fills it in."""
    for found in _LIST.finditer(markup):
        named = _ITEMS.search(found[0])
        yield Fetch(unescape(found[1]), named[1] if named else "items")
    for address, inside in _FORM.findall(markup) if forms else ():
        yield Fetch(unescape(address), body=urlencode(list(_filled(inside))))


def _filled(form: str) -> Iterator[tuple[str, str]]:
    """Its fields with what they hold; of several choices the first."""
    known = set[str]()
    for field in _FIELD.findall(form):
        given = {name: unescape(value) for name, value in _ATTRIBUTE.findall(field)}
        name = given.get("name", "")
        if name and name not in known and given.get("type") != "submit":
            known.add(name)
            yield name, given.get("value") or "1"


def request(fetch: Fetch, server: str, sender: str) -> bytes:
    """The bytes of the call; it goes to the server that is tried, wherever its public address leads."""
    parts = urlsplit(fetch.address)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    head = f"Host: {urlsplit(server).netloc}\r\nUser-Agent: {AGENT}\r\nOrigin: https://mail.google.com\r\nAMP-Email-Sender: {sender}\r\n"
    if fetch.body is None:
        return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()
    typed = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(fetch.body)}\r\n"
    return f"POST {path} HTTP/1.1\r\n{head}{typed}\r\n{fetch.body}".encode()


def wrong(fetch: Fetch, answer: Got, sender: str) -> str:
    """Why Gmail would show nothing of it; empty where it would."""
    told = "a form" if fetch.body is not None else "a list"
    if not fetch.address.startswith("https://"):
        return f"{told} is at {fetch.address[:40]}: Gmail calls https alone"
    if not answer.status:
        return f"{told}: {answer.why}"
    if answer.status != 200:
        return f"{told} was answered {answer.status}"
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return f"{told} is {answer.headers.get('content-type') or 'of no type'}"
    if answer.headers.get("amp-email-allow-sender", "").lower() != sender.lower():
        return f"{told} does not allow the sender"
    if "set-cookie" in answer.headers:
        return f"{told} sets a cookie, which never comes back"
    try:
        found: Any = json.loads(answer.body)
        for step in filter(None, fetch.items.split(".")) if fetch.body is None else ():
            found = found[step]
    except (KeyError, TypeError):
        return f"a list has no {fetch.items}"
    except ValueError:
        return f"{told} is no JSON"
    return "" if fetch.body is not None or isinstance(found, list) else f"a list has no {fetch.items}"
