"""A whole mail as a person gets it: the sender's frame, with the content of each placement in its slot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

_SLOT = re.compile(r'<div data-content="([^"]+)"></div>')
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)")
_META = 'content="light dark"'

Scheme = Literal["light", "dark"]


def fill(frame: str, contents: Mapping[str, str]) -> str:
    """`<div data-content="hero"></div>` takes the hero; `<div data-content="*"></div>` what has no slot of its own."""
    named = set(_SLOT.findall(frame))
    rest = "\n".join(f'<div class="slot">{content}</div>' for id, content in contents.items() if id not in named)
    return _SLOT.sub(lambda slot: rest if slot[1] == "*" else contents.get(slot[1], ""), frame)


def in_scheme(document: str, scheme: Scheme | None) -> str:
    """The mail as a client in light or dark mode shows it, whatever the browser prefers."""
    if scheme is None:
        return document
    shown = _SCHEME.sub(lambda test: "(min-width: 0)" if test[1] == scheme else "(max-width: 0)", document)
    return shown.replace(_META, f'content="{scheme}"', 1)
