"""API keys: 256 random bits, shown once, kept as their SHA-256."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

SCOPES = ("content", "decide", "preview", "events", "profiles", "admin")


@dataclass(frozen=True, slots=True)
class Entry:
    """One key as it is stored; `admin` may do everything. Of a web key `origins` are those of the pages that may use it, and
    `secret` is what the shop's server proves user ids with: it is kept as it is, since a proof cannot be checked with a hash."""

    id: str
    name: str
    sha256: str
    scopes: frozenset[str]
    created: int = 0
    origins: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)

    def allows(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


def new_key() -> str:
    return "inlay_" + secrets.token_urlsafe(32)


def digest(key: str | bytes) -> str:
    return sha256(key.encode() if isinstance(key, str) else key).hexdigest()


def entry_of(key: str, name: str, scopes: Iterable[str], created: int) -> Entry:
    hashed = digest(key)
    return Entry(hashed[:10], name, hashed, frozenset(scopes), created)


def row_of(entry: Entry) -> dict[str, Any]:
    """The entry as stores keep it, under its id."""
    row: dict[str, Any] = {"name": entry.name, "sha256": entry.sha256, "scopes": sorted(entry.scopes), "created": entry.created}
    return row | ({"origins": list(entry.origins), "secret": entry.secret} if entry.origins else {})


def entry_from(id: str, row: Mapping[str, Any]) -> Entry:
    return Entry(id, row["name"], row["sha256"], frozenset(row["scopes"]), row.get("created", 0), tuple(row.get("origins", ())), row.get("secret", ""))
