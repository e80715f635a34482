"""What becomes of a value in each place of a mail: the filters that the compiler puts around every expression."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from typing import Any, cast
from urllib.parse import quote, urlsplit

from markupsafe import escape

from app.domain.conditions import Instant
from app.domain.translation import Translation

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\ufeff\ufffe\uffff]")
_HARMLESS = re.compile(r"[^&<>\"']*").fullmatch
_PLAIN = re.compile(r"[ !#-%(-;=?-~]*").fullmatch
"""What is printable, ASCII and harmless, as most of what templates are given."""
_STYLE = re.compile(r"#[0-9a-fA-F]{3,8}|-?[0-9]+(\.[0-9]+)?(px|em|rem|%|pt)?|[a-zA-Z][a-zA-Z-]{0,30}")
_BAD_WORDS = frozenset({"expression", "javascript", "import", "url", "behavior"})
_NO_HOST = re.compile(r"[\s<>\"'`\\{}^|]")
_BREAKS = re.compile(r"[\t\r\n\\]")
_USUAL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[\w.~%/?#&=+,:;@!$()*-]*)?", re.ASCII)
_MAILTO = re.compile(r"mailto:[\w.+%@?=&,;:!~*-]+", re.IGNORECASE)
_IN_URLS = {ord(c): f"%{ord(c):02X}" for c in " <>\"'`{}|^"}
NO_URL = "#"
_NAMES_OF_DAYS = re.compile(r"%[ABab]")
_SOON = "less than two minutes"


class NoText(TypeError):
    """A value that cannot stand in a text."""


def text_of(value: Any) -> str:
    """A value as text: numbers plainly, nothing for None, a list's elements one after the other, control characters
    removed. `NoText` for what nobody reads as text: an item, a mapping."""
    if type(value) is str:
        return value if value.isprintable() else _CONTROL.sub("", value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if type(value) is float and value.is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(text_of, cast("list[object]", value)))
    text = str(value)  # what is undefined says here what is missing
    if not isinstance(value, (str, int, float)):
        raise NoText(f"{type(value).__name__.lower()} is no text")
    return _CONTROL.sub("", text)


def html(value: Any) -> str:
    if type(value) is str and _PLAIN(value):
        return value
    return _escaped(text_of(value))


def url(value: Any) -> str:
    """A whole address, `#` where its scheme is none of http, https and mailto."""
    return _escaped(safe_url(text_of(value)))


def _escaped(text: str) -> str:
    return text if _HARMLESS(text) else str(escape(text))


def safe_url(address: str) -> str:
    """The address with what may not stand in one percent-encoded; `#` where it is not a whole http(s) or mailto one."""
    if _USUAL.fullmatch(address):
        return address
    address = text_of(address).strip()
    try:
        parts = urlsplit(address)
    except ValueError:
        return NO_URL
    if parts.scheme in ("http", "https") and parts.netloc and not _NO_HOST.search(parts.netloc):
        return NO_URL if _BREAKS.search(address) else address.translate(_IN_URLS)
    return address if parts.scheme == "mailto" and _MAILTO.fullmatch(address) else NO_URL


def query(value: Any) -> str:
    return quote(text_of(value), safe="")


def style(value: Any) -> str:
    """A number, a colour or a plain word; nothing else."""
    text = text_of(value).strip()
    return text if _STYLE.fullmatch(text) and text.lower() not in _BAD_WORDS else ""


def unbraced(escaped: str) -> str:
    """Text in which no `{{` is left to be taken for Mustache, whatever stands beside it."""
    return escaped if "{" not in escaped else escaped.replace("{", "\u200b{\u200b")


def spelt(text: str) -> str:
    """Its bytes in UTF-8, as one character each."""
    return text if text.isascii() else text.encode().decode("latin-1")


ESCAPES = {"text": html, "attribute": html, "url": url, "query": query, "style": style}


def money(value: Any, currency: str = "€") -> str:
    """`1,234.50 €`; what is no number stays as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return text_of(value)
    amount = f"{value:,.2f}"
    return f"{currency}{amount}" if currency in "$£" else f"{amount}\u00a0{currency}"


def date_text(value: Any, form: str = "%-d %B %Y", *, zone: tzinfo = UTC, translation: Translation | None = None) -> str:
    """An instant (told in `zone`) or ISO date in words; what is none stays as it is. The form too has a translation."""
    text = text_of(value)
    try:
        moment = _day(value, text, zone)
        if translation is not None:
            form = _NAMES_OF_DAYS.sub(lambda match: translation.of(moment.strftime(match[0])), translation.of(form))
        return moment.strftime(form)
    except (ValueError, OverflowError, OSError):
        return text


def _day(value: Any, text: str, zone: tzinfo) -> date:
    if type(value) is Instant:
        return datetime.fromtimestamp(value / 1000, zone)
    if len(text) <= 10:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is None else moment.astimezone(zone)


def _moment(value: Any, zone: tzinfo) -> float | None:
    """Seconds since 1970 of an instant, an ISO time, or the first moment of an ISO date in `zone`."""
    if type(value) is Instant:
        return value / 1000
    try:
        moment = datetime.fromisoformat(text_of(value))
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def seconds_left(value: Any, now: Any, *, zone: tzinfo = UTC) -> int:
    """Whole seconds from `now` until `value`; 0 once it has come, and where one of them is no time."""
    until, at = _moment(value, zone), _moment(now, zone)
    return max(0, int(until - at)) if until is not None and at is not None else 0


_STEPS = ((604_800, 3, "week"), (86_400, 2, "day"), (3_600, 2, "hour"), (60, 2, "minute"))


def time_left(value: Any, now: Any, *, zone: tzinfo = UTC, translation: Translation | None = None) -> str:
    """`9 days`, `30 hours`, `5 minutes` until `value`, rounded down; `less than two minutes`; nothing once it has come."""
    seconds = seconds_left(value, now, zone=zone)
    for size, least, unit in _STEPS:
        if seconds >= least * size:
            number, text = seconds // size, f"{{number}} {unit}"
            return translation.counted(text, number) if translation is not None else f"{number} {unit}s"
    if not seconds:
        return ""
    return translation.of(_SOON) if translation is not None else _SOON


def cut_lines(value: Any, lines: int = 3) -> str:
    """At most `lines` lines, an ellipsis after the last where some were left out."""
    found = text_of(value).splitlines()
    return "\n".join(found) if len(found) <= lines else "\n".join(found[: max(int(lines), 1)]).rstrip() + "…"


def cut(value: Any, length: int = 60) -> str:
    """At most `length` characters, cut at a word with an ellipsis."""
    text = text_of(value)
    if len(text) <= length:
        return text
    head = text[: max(length - 1, 1)]
    whole = text[len(head) :][:1] in (" ", "") or " " not in head
    return (head if whole else head.rsplit(" ", 1)[0]).rstrip(" ,;.") + "…"
