"""Reading the path of a request: by its raw segments, each decoded once, so that an id may hold a slash or a percent sign."""

from __future__ import annotations

from urllib.parse import unquote

from app.web.asgi import Scope


def segments(scope: Scope, start: int) -> list[str]:
    """The path's segments from number `start` on (`/v1/items/a` has v1 at 1, items at 2, a at 3). `%2F` stays within
    its segment; bytes that are no UTF-8 become U+FFFD, which no id holds."""
    raw: bytes = scope["raw_path"]
    if b"%" not in raw:
        return scope["path"].split("/")[start:]
    return [unquote(part) for part in raw.decode("latin-1").split("/")[start:]]


def routable(scope: Scope) -> Scope:
    """The scope as routes by pattern match it: a slash within a segment is no border of segments."""
    if b"%2f" not in scope["raw_path"].lower():
        return scope
    return {**scope, "path": "/".join(part.replace("/", "%2F") for part in segments(scope, 0))}
