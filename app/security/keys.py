"""API keys: 256 random bits, shown once, kept as their SHA-256."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

SCOPES = ("content", "decide", "preview", "events", "profiles", "admin")


@dataclass(frozen=True, slots=True)
class Entry:
    """One key as it is stored; `admin` may do everything."""

    id: str
    name: str
    sha256: str
    scopes: frozenset[str]
    created: int = 0

    def allows(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


def new_key() -> str:
    return "inlay_" + secrets.token_urlsafe(32)


def digest(key: str | bytes) -> str:
    return sha256(key.encode() if isinstance(key, str) else key).hexdigest()


def entry_of(key: str, name: str, scopes: Iterable[str], created: int) -> Entry:
    hashed = digest(key)
    return Entry(hashed[:10], name, hashed, frozenset(scopes), created)
