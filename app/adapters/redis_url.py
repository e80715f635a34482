"""What a Redis URL says."""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from app.errors import SettingsInvalid

Command = tuple[Any, ...]


def target_of(url: str) -> tuple[str, Any, ssl.SSLContext | None, list[Command]]:
    """(unix or tcp, target, TLS context, commands that greet the server) of a Redis URL: `redis://`, `rediss://` or `unix://`,
    with user, password and, as the path or `?db=`, the number of the database."""
    parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
    greeting: list[Command] = []
    if parts.password:
        user, password = unquote(parts.username or ""), unquote(parts.password)
        greeting.append(("AUTH", user, password) if user else ("AUTH", password))
    try:
        named = query["db"][0] if "db" in query else parts.path.strip("/") if parts.scheme != "unix" else ""
        if db := int(named or 0):
            greeting.append(("SELECT", db))
        port = parts.port or 6379
    except ValueError:
        raise SettingsInvalid("INLAY_REDIS_URL: port and database are numbers, as in redis://redis.example:6379/0") from None
    if parts.scheme == "unix":
        return "unix", unquote(parts.path), None, greeting
    if parts.scheme not in ("redis", "rediss"):
        raise SettingsInvalid("INLAY_REDIS_URL begins with redis://, rediss://, unix:// or redis+cluster://")
    context = ssl.create_default_context() if parts.scheme == "rediss" else None
    return "tcp", (unquote(parts.hostname or "localhost"), port), context, greeting
