"""The links of rendered content, found and replaced without reading it as a document: what renders is well-formed."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape

_LINK = re.compile(r"(<(?:a|area|v:\w+)\b[^<>]*?\shref=\")(https?://[^\"<>{}]+)(\")", re.IGNORECASE)
_IN_TEXT = re.compile(r"https?://[^\s<>\"'{}]+[^\s<>\"'{}.,;:!?)\]]")
_MUSTACHE_LINK = re.compile(r"<(?:a|area)\b[^<>]*?\shref=[\"']\{\{\s*([\w.]+)\s*\}\}[\"']", re.IGNORECASE)

Replace = Callable[[str], str]


def in_markup(markup: str, replace: Replace) -> str:
    """The markup with the address of every link (not of pictures, styles or forms) replaced."""
    return _LINK.sub(lambda match: match[1] + escape(replace(unescape(match[2]))) + match[3], markup)


def in_text(text: str, replace: Replace) -> str:
    return _IN_TEXT.sub(lambda match: replace(match[0]), text)


def linked_names(source: str) -> frozenset[str]:
    """The names that an AMP template's Mustache links to."""
    return frozenset(match.rpartition(".")[2] for match in _MUSTACHE_LINK.findall(source))
