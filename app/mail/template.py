"""A sender's own template: where it wants content, and what has to be done to it once, before anybody's is filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from app.content.amp import component_scripts
from app.content.css import inline_css

_SLOT = re.compile(r"<div\b((?:\"[^\"]*\"|'[^']*'|[^>\"'])*?)\sdata-content\s*=\s*(?:\"([\w-]{1,64})\"|'([\w-]{1,64})')((?:\"[^\"]*\"|'[^']*'|[^>\"'])*)>((?:(?!</?div\b).)*)</div\s*>", re.DOTALL | re.IGNORECASE)
_TEXT_SLOT = re.compile(r"^[ \t]*\[\[([\w-]{1,64})\]\][ \t]*$", re.MULTILINE)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_END_OF_HEAD = re.compile(r"</head\s*>", re.IGNORECASE)
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_SCHEME = re.compile(r"<meta\b[^>]*\bname\s*=\s*[\"']color-scheme[\"']", re.IGNORECASE)
SCHEMES = '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
GAP = "&#847;&zwnj;&nbsp;" * 12
"""Keeps clients from showing what follows the preheader."""


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """The parts as they were given; `text` and `amp` may be empty."""

    html: str
    text: str = ""
    amp: str = ""

    @property
    def placements(self) -> tuple[str, ...]:
        """Those that any part has a place for, in their order."""
        found = [*_names(self.html), *_TEXT_SLOT.findall(self.text), *_names(self.amp)]
        return tuple(dict.fromkeys(found))

    @property
    def in_amp(self) -> tuple[str, ...]:
        """Those that the AMP part has a place for."""
        return tuple(_names(self.amp))


def _names(markup: str) -> list[str]:
    return [match[2] or match[3] for match in _SLOT.finditer(markup)]


@lru_cache(64)
def prepared(html: str) -> str:
    """The HTML with its CSS inline; media queries and Outlook's conditionals stay, and both colour schemes are announced."""
    inlined = inline_css(html)
    if _SCHEME.search(inlined):
        return inlined
    return _HEAD.sub(lambda head: head[0] + SCHEMES, inlined, count=1)


def filled(markup: str, contents: Mapping[str, str]) -> str:
    """`<div data-content="hero">…</div>` keeps its own attributes and takes the hero's content for what stands in it."""
    return _SLOT.sub(lambda slot: f"<div{slot[1]}{slot[4]}>{contents[slot[2] or slot[3]]}</div>", markup)


def filled_text(text: str, contents: Mapping[str, str]) -> str:
    """A line `[[hero]]` is replaced by the hero's text."""
    return _TEXT_SLOT.sub(lambda slot: contents[slot[1]].strip(), text)


def as_text(html: str, contents: Mapping[str, str], plaintext: Callable[[str], str]) -> str:
    """The template in words, with each placement's own text in its place."""
    marked = plaintext(filled(html, {id: f"<p>\ue000{id}\ue001</p>" for id in contents}))
    return re.sub("\ue000([\\w-]+)\ue001", lambda mark: contents[mark[1]].strip(), marked)


def with_preheader(html: str, preheader: str, escape: Callable[[str], str]) -> str:
    """What the inbox shows behind the subject, first in the body and never seen in it."""
    if not preheader:
        return html
    hidden = f'<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{escape(preheader)}{GAP}</div>'
    body = _BODY.search(html)
    return html[: body.end()] + hidden + html[body.end() :] if body is not None else hidden + html


def with_scripts(document: str) -> str:
    """The AMP document with the scripts of the components that came in with the content."""
    missing = "".join(script for name, script in component_scripts(document) if f'="{name}"' not in document.partition("</head")[0])
    return _END_OF_HEAD.sub(lambda end: missing + end[0], document, count=1)
