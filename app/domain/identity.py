"""How callers name a person: `u1`, `anonymous_id:x`, `email:a@b.c`, or a declared kind."""

from __future__ import annotations

import re

from app.domain.event import MAX_ID_BYTES, Identity
from app.errors import RequestInvalid

KINDS = frozenset({"anonymous_id", "email", "phone", "user_id"})
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+")


def parse_profile_id(text: str, declared: frozenset[str] = frozenset()) -> Identity:
    """The identity that a caller named; `RequestInvalid` where it is empty, longer than 256 bytes or not printable.

    A colon that follows no known kind belongs to the user id.
    """
    kind, colon, value = text.partition(":")
    if colon and (kind in KINDS or kind in declared):
        identity = Identity(kind, value.strip().lower() if kind == "email" else value)
    else:
        identity = Identity("user_id", text)
    if not identity.value or len(text.encode("utf-8", "surrogatepass")) > MAX_ID_BYTES or not identity.value.isprintable() or "\ufffd" in text:
        raise RequestInvalid(
            f"profile: an id of 1 to {MAX_ID_BYTES} bytes without control characters",
            problems=(("profile", f"{len(text)} characters are not usable as an id"),), code="profile",
        )
    return identity


def looks_like_email(text: str) -> bool:
    """Whether an id is an e-mail address, which belongs into no URL."""
    if "@" not in text:
        return False
    value = text.partition(":")[2] if text.startswith("email:") else text
    return _EMAIL.fullmatch(value) is not None
