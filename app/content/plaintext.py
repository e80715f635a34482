"""Plain text out of a block's HTML, for mails without a `text.j2`."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_PARAGRAPHS = frozenset({"p", "table", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "hr", "blockquote"})
_LINES = frozenset({"div", "tr", "li", "dt", "dd", "section", "header", "footer", "center"})
_SILENT = frozenset({"style", "script", "title", "head", "template"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.links: list[tuple[str, int]] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in _SILENT:
            self.silent += 1
        elif tag == "img" and not self.silent and found.get("alt"):
            self.parts.append(f" {found['alt']} ")
        elif tag in ("td", "th"):
            self.parts.append(" ")
        elif tag == "a":
            self.links.append((found.get("href") or "", len(self.parts)))
        self._break(tag)
        if tag == "li":
            self.parts.append("- ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag == "a" and self.links:
            self._linked(*self.links.pop())
        elif tag != "br":
            self._break(tag)

    def _linked(self, address: str, start: int) -> None:
        """The address after the link's own words, unless they are the address."""
        told = address.removeprefix("mailto:")
        if told not in ("", "#", "".join(self.parts[start:]).strip()):
            self.parts.append(f" ({told})")

    def _break(self, tag: str) -> None:
        if tag == "br":
            self.parts.append("\n")
        elif tag in _PARAGRAPHS:
            self.parts.append("\n\n")
        elif tag in _LINES and not "".join(self.parts[-3:]).rstrip(" ").endswith("\n"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.parts.append(re.sub(r"\s+", " ", data))


def plaintext(html: str) -> str:
    """Lines of text, links as `text (address)`, pictures by their alt text, items of lists after a dash."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [re.sub(r"[ \u00a0\u200b\u200c\u00ad]+", " ", line).strip() for line in "".join(reader.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
