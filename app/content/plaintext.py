"""Plain text out of a block's HTML, for mails without a `text.j2`."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BREAKS = frozenset({"br", "p", "div", "tr", "table", "h1", "h2", "h3", "h4", "li", "ul", "ol", "hr"})
_SILENT = frozenset({"style", "script", "title", "head", "template"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.links: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in _SILENT:
            self.silent += 1
        elif tag in _BREAKS:
            self.parts.append("\n")
        elif tag == "img" and not self.silent and found.get("alt"):
            self.parts.append(f" {found['alt']} ")
        elif tag == "td":
            self.parts.append(" ")
        if tag == "a":
            self.links.append(found.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag == "a" and self.links:
            address = self.links.pop()
            if address not in ("", "#"):
                self.parts.append(f" ({address})")
        elif tag in _BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.parts.append(re.sub(r"\s+", " ", data))


def plaintext(html: str) -> str:
    """Lines of text, links as `text (address)`, pictures by their alt text."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [re.sub(r"[ \u00a0\u200b\u200c]+", " ", line).strip() for line in "".join(reader.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
