"""Who may call: API keys with scopes, or development mode on loopback while there are no keys."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from app.errors import Forbidden, Unauthorised
from app.security.keys import SCOPES, Entry, digest, entry_from, entry_of

_FORWARDED = (b"forwarded", b"x-real-ip")
_READS = ("GET", "HEAD")
_OWN_PAGES = (b"same-origin", b"none")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class KeyRing:
    """The keys that this worker knows: those of the store, mirrored in the data folder, and the admin key.

    `guarded` is a server that others can reach: it has no development mode. Nor has one that ever knew a key, until it
    is started again: neither a revoked last key nor an emptied store opens what was closed.
    """

    def __init__(self, mirror: Path, admin_key: str = "", *, guarded: bool = False) -> None:
        self._mirror = mirror
        self._guarded = guarded or bool(admin_key)
        self._admin = entry_of(admin_key, "INLAY_ADMIN_KEY", ("admin",), 0) if admin_key else None
        self._by_digest: dict[str, Entry] = {}
        self._seen: dict[bytes, Entry] = {}
        self.state = object()
        """Another one whenever a call that was let in may not be any more."""
        self.restore()

    @property
    def development(self) -> bool:
        """Whether everybody on this machine may do everything."""
        return not self._guarded

    def replace(self, entries: Mapping[str, Mapping[str, Any]] | None) -> None:
        """Take the store's keys, and mirror their hashes on disk. None: the store never held a key, or lost them all, so
        those that are known stay."""
        if entries is None:
            return
        fresh = {row["sha256"]: entry_from(id, row) for id, row in entries.items()}
        if fresh == self._by_digest:
            return
        self._by_digest = fresh
        self._guarded |= bool(fresh)
        self._seen.clear()
        self.state = object()
        part = self._mirror.with_suffix(f".{os.getpid()}.part")
        self._mirror.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(entries))
        part.chmod(0o600)
        part.replace(self._mirror)

    def restore(self) -> None:
        """The mirror, for a start without the store."""
        try:
            rows = json.loads(self._mirror.read_text())
        except (OSError, ValueError):
            return
        self._by_digest = {row["sha256"]: entry_from(id, row) for id, row in rows.items()}
        self._guarded |= bool(self._by_digest)

    def find(self, key: str) -> Entry | None:
        """The key's entry, whatever its scopes; None for one that nobody made."""
        return self._by_digest.get(digest(key))

    def origins(self) -> frozenset[str]:
        """Those of the pages that any key lets in."""
        return frozenset(origin for entry in self._by_digest.values() for origin in entry.origins)

    def authorise(self, scope: Mapping[str, Any], needed: str) -> None:
        """`Unauthorised` without a valid key, `Forbidden` without the scope; in development mode only loopback calls."""
        headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
        if not self._guarded:
            self._loopback_only(headers)
            _own_pages_only(scope)
            return
        given = None
        for name, value in headers:
            if name == b"authorization":
                given = value
                break
        if given is not None and given[:5].lower() == b"basic":
            _own_pages_only(scope)
        entry = self._seen.get(given) if given is not None else None
        if entry is None:
            entry = self._look_up(given)
            if given is not None and len(self._seen) < 1_000:
                self._seen[given] = entry
        if not entry.allows(needed):
            raise Forbidden(f"the key has no scope {needed}; it has {', '.join(sorted(entry.scopes))}")

    def _look_up(self, given: bytes | None) -> Entry:
        key = key_of(given)
        hashed = digest(key) if key else ""
        if self._admin is not None and hashed == self._admin.sha256:
            return self._admin
        entry = self._by_digest.get(hashed)
        if entry is None:
            raise Unauthorised("no valid API key: send Authorization: Bearer KEY, or HTTP Basic with the key as password")
        return entry

    def _loopback_only(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        for name, value in headers:
            if name in _FORWARDED or name.startswith(b"x-forwarded-"):
                raise Forbidden("development mode takes no forwarded requests: create a key with `inlay keys create`")
            if name == b"host" and _host(value) not in _LOOPBACK:
                raise Forbidden("development mode answers on loopback only: create a key with `inlay keys create`")


def _own_pages_only(scope: Mapping[str, Any]) -> None:
    """What needs no key of the caller's own, because a browser remembers it or there is none, other sites' pages must not use to write.

    Browsers say which page asks; programs send no such header.
    """
    if scope["method"] not in _READS and any(name == b"sec-fetch-site" and value not in _OWN_PAGES for name, value in scope["headers"]):
        raise Forbidden("a page of another site asked for this: only Inlay's own pages may")


def _host(value: bytes) -> str:
    text = value.decode("latin-1").lower()
    return text[: text.index("]") + 1] if text.startswith("[") and "]" in text else text.partition(":")[0]


def key_of(given: bytes | None) -> str:
    """The key in an Authorization header: Bearer, or Basic as password or as user with an empty password."""
    kind, _, rest = (given or b"").decode("latin-1").partition(" ")
    if kind.lower() == "bearer":
        return rest.strip()
    if kind.lower() == "basic":
        try:
            user, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return password or user
    return ""


__all__ = ["SCOPES", "KeyRing"]
