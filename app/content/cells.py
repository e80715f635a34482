"""What a marketer writes into the cells of a decision table: values, lists, ranges, comparisons, or nothing for "any"."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from app.content.reader import A_KIND, LARGEST
from app.content.values import instant
from app.domain.conditions import Instant, Scalar
from app.domain.tables import Cell, Kind, Span, Value

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_PART = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,|]*))\s*(?:[,|]|$)')
_COMPARED = re.compile(r"(>=|<=|!=|<>|[=<>≥≤≠])\s*(.+)", re.DOTALL)
_RANGE = re.compile(r"(.*?)\s*\.\.(<?)\s*(.*)", re.DOTALL)
_DECIMAL_COMMA = re.compile(r"\d,\d")
_SIGNS = {"≥": ">=", "≤": "<=", "≠": "!=", "<>": "!="}
_WORDS = {"true": True, "false": False}
_EXAMPLE = {"number": "12.5", "boolean": "true or false", "instant": "2026-10-01..2026-11-01", "string": "gold"}


class BadCell(ValueError):
    """What is wrong with a cell, and what would be right."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def cell(text: str, kind: Kind | None, timezone: ZoneInfo) -> Cell:
    """The spans that a cell allows; `kind` is that of the input where it is known, else each value says its own."""
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1].strip()
        if not text:
            raise BadCell("is an empty list", "leave the cell empty for any value")
    if _DECIMAL_COMMA.search(text) and '"' not in text and kind != "string":
        raise BadCell(f"{text[:40]!r} may be one number or several", "decimals take a point: 4.5; a list takes a space after the comma: 4, 5")
    return tuple(span for part in _parts(text) for span in _spans(*part, kind, timezone))


def _parts(text: str) -> list[tuple[str, bool]]:
    """(alternative, whether it was quoted)."""
    found: list[tuple[str, bool]] = []
    at = 0
    while at < len(text):
        match = _PART.match(text, at)
        assert match is not None  # the second half of the pattern takes anything up to the next delimiter
        quoted = match[1] is not None
        if not quoted and match[2].count('"') % 2:
            raise BadCell(f"cannot read {text[at:].strip()[:40]!r}", 'a value with a comma or a | is written in quotes: "salt, pepper"')
        part = match[1].replace('""', '"') if quoted else match[2].strip()
        if not part and not quoted:
            raise BadCell("has a gap in its list", "such as DE, AT")
        found.append((part, quoted))
        at = match.end()
    if text.endswith((",", "|")):
        raise BadCell("has a gap in its list", "such as DE, AT")
    return found


def _spans(text: str, quoted: bool, kind: Kind | None, timezone: ZoneInfo) -> tuple[Span, ...]:
    if quoted:
        return (_point(_of_kind(text, "string", kind)),)
    if match := _COMPARED.fullmatch(text):
        return _compared(_SIGNS.get(match[1], match[1]), match[2], kind, timezone)
    if match := _RANGE.fullmatch(text):
        return (_range(match[1], match[3], match[2] != "<", text, kind, timezone),)
    return (_point(value(text, kind, timezone)),)


def _compared(sign: str, text: str, kind: Kind | None, timezone: ZoneInfo) -> tuple[Span, ...]:
    if sign in ("=", "!="):
        found = _end(text, kind, timezone) if kind == "instant" else value(_unquoted(text), "string" if text.startswith('"') else kind, timezone)
        if sign == "=":
            return (_point(found),)
        if isinstance(found, bool):
            return (_point(not found),)
        return Span(kind_of(found), None, found, True, False), Span(kind_of(found), found, None, False, True)
    found = _end(text, kind, timezone)
    if isinstance(found, bool):
        raise BadCell("true and false have no order", "true, or false")
    included = sign.endswith("=")
    return (Span(kind_of(found), found, None, included) if sign.startswith(">") else Span(kind_of(found), None, found, True, included),)


def _range(low: str, high: str, included: bool, text: str, kind: Kind | None, timezone: ZoneInfo) -> Span:
    start, end = (_end(each, kind, timezone) if each else None for each in (low, high))
    known = [each for each in (start, end) if each is not None]
    if not known:
        raise BadCell("is a range without an end", "leave the cell empty for any value")
    if any(isinstance(each, bool) for each in known) or len({kind_of(each) for each in known}) > 1:
        raise BadCell(f"{text[:40]!r} is no range of one kind", "such as 100..200 or 2026-10-01..2026-11-01")
    if start is not None and end is not None and (end < start or (end == start and not included)):  # pyright: ignore[reportOperatorIssue]
        raise BadCell(f"{text[:40]!r} holds nothing", "the smaller value first; both ends are included, with ..< the last one is not")
    return Span(kind_of(known[0]), start, end, True, included)


def _point(found: Value) -> Span:
    if isinstance(found, Instant):
        raise BadCell("compares an instant with one moment", "a range: 2026-10-01..<2026-10-02 is that day")
    return Span(kind_of(found), found, found)


def _end(text: str, kind: Kind | None, timezone: ZoneInfo) -> Value:
    """The end of a range: a date is an instant there, whatever else it may be."""
    if kind in (None, "string", "instant") and (found := instant(text, timezone)) is not None:
        return found
    return value(_unquoted(text), "string" if text.startswith('"') else kind, timezone)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text.startswith('"') and text.endswith('"') else text


def value(text: str, kind: Kind | None, timezone: ZoneInfo) -> Value:
    """One value of a cell, of a kind that is known or else by its looks."""
    if kind == "string":
        return text
    if kind == "instant":
        if (at := instant(text, timezone)) is None:
            raise BadCell(f"{text[:40]!r} is no date", "2026-10-01 or 2026-10-01T09:00:00Z")
        return at
    found = _plain(text)
    return found if kind is None else _of_kind(found, kind_of(found), kind)


def _of_kind(found: Value, is_a: Kind, wanted: Kind | None) -> Value:
    if wanted not in (None, is_a):
        raise BadCell(f"{str(found)[:40]!r} is not {A_KIND[wanted or is_a]}", f"such as {_EXAMPLE[wanted or is_a]}")
    return found


def _plain(text: str) -> Scalar:
    """A number, a truth value (as spreadsheets write it too) or a text."""
    if _NUMBER.fullmatch(text):
        number = float(text)
        if abs(number) >= LARGEST:
            raise BadCell(f"{text[:40]} is too large a number")
        return int(text) if text.lstrip("+-").isdecimal() else number
    return _WORDS.get(text.lower(), text)


def kind_of(found: Value) -> Kind:
    if isinstance(found, bool):
        return "boolean"
    if isinstance(found, Instant):
        return "instant"
    return "string" if isinstance(found, str) else "number"


def result(text: str) -> Scalar | None:
    """A cell of an output: a quoted text, a number, a truth value or a text; None where it is empty."""
    text = text.strip()
    if not text:
        return None
    return _unquoted(text).replace('""', '"') if text.startswith('"') else _plain(text)
