"""What clients do to a message that is too large, or lacks something: told to whoever sends it."""

from __future__ import annotations

import re
from collections.abc import Iterator

GMAIL_CLIPS = 102 * 1024
GMAIL_STYLE = 16 * 1024
AMP_DOCUMENT = 200_000
_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style", re.DOTALL | re.IGNORECASE)
_PICTURE = re.compile(r"<img\b(?:\"[^\"]*\"|'[^']*'|[^>\"'])*>", re.IGNORECASE)


def warnings(html: str, text: str, amp: str, *, leavable: bool) -> Iterator[str]:
    """In words, for people."""
    size, style = len(html.encode()), sum(len(each.encode()) for each in _STYLE.findall(html))
    if size > GMAIL_CLIPS:
        yield f"the HTML has {size:,} bytes: Gmail clips a message at {GMAIL_CLIPS:,}, and hides its end with the unsubscribe link"
    if style > GMAIL_STYLE:
        yield f"the style sheets have {style:,} bytes: Gmail leaves out those beyond {GMAIL_STYLE:,}"
    if bare := sum(" alt=" not in each.lower() for each in _PICTURE.findall(html)):
        yield f"{bare} picture{'s have' if bare > 1 else ' has'} no alt text: readers without pictures see nothing there"
    if len(amp.encode()) > AMP_DOCUMENT:
        yield f"the AMP document has {len(amp.encode()):,} bytes: over {AMP_DOCUMENT:,} clients show the HTML instead"
    if not text.strip():
        yield "the text part is empty"
    if not leavable:
        yield "nobody can leave with one click: say under inbox: unsubscribe which purposes that takes back, and name the recipient"
