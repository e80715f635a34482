"""How callers name a person: `u1`, `anonymous_id:x`, `email:a@b.c`, or a declared kind."""

from __future__ import annotations

import re
from urllib.parse import unquote

from app.domain.event import MAX_ID_BYTES, Identity
from app.errors import RequestInvalid

KINDS = frozenset({"anonymous_id", "email", "phone", "user_id"})
SEND_RULE = f"text of 1 to {MAX_ID_BYTES} bytes without control characters"
_EMAIL = re.compile(r"[^@\s]@[^@\s.]+\.[^@\s.]")


def parse_profile_id(text: str, declared: frozenset[str] = frozenset()) -> Identity:
    """The identity that a caller named; `RequestInvalid` where it is empty, longer than 256 bytes or not printable.

    A colon that follows no known kind belongs to the user id.
    """
    kind, colon, value = text.partition(":")
    if colon and (kind in KINDS or kind in declared):
        identity = Identity(kind, value.strip().lower() if kind == "email" else value)
    else:
        identity = Identity("user_id", text)
    if not identity.value or not _fits(text):
        raise RequestInvalid(
            f"profile: an id of 1 to {MAX_ID_BYTES} bytes without control characters",
            problems=(("profile", f"{len(text)} characters are not usable as an id"),), code="profile",
        )
    return identity


def fits_send(value: object) -> bool:
    """Whether the value can name a send."""
    return isinstance(value, str) and value != "" and _fits(value)


def _fits(text: str) -> bool:
    return len(text.encode("utf-8", "surrogatepass")) <= MAX_ID_BYTES and text.isprintable() and "\ufffd" not in text


def looks_like_email(text: str) -> bool:
    """Whether an id holds an e-mail address, which belongs into no URL; encoded twice it is one all the same."""
    if "%" in text:
        text = unquote(text)
    return "@" in text and _EMAIL.search(text) is not None
