"""The message as an SMTP server takes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from app.errors import RequestInvalid

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
OWN = frozenset({"content-type", "content-transfer-encoding", "mime-version", "date", "subject", "from", "to", "reply-to", "bcc", "received", "dkim-signature"})
"""Headers that are not taken from a caller's list."""


def message(parts: Mapping[str, str], headers: Mapping[str, str], now: int) -> bytes:
    """multipart/alternative in the order that clients want: text, AMP, HTML. `RequestInvalid` for a header that is none."""
    found = EmailMessage(policy=SMTP)
    for name, value in headers.items():
        try:
            if not _NAME.fullmatch(name):
                raise ValueError(name)
            found[name] = value
            str(found[name]).encode()
        except (ValueError, IndexError, UnicodeError, TypeError) as error:
            raise RequestInvalid(f"headers.{name[:60]}: cannot be a header", problems=((f"headers.{name[:60]}", "not a header"),)) from error
    found["Date"] = format_datetime(datetime.fromtimestamp(now / 1000, UTC))
    found.set_content(parts["text"])
    if parts.get("amp"):
        found.add_alternative(parts["amp"], subtype="x-amp-html")
    found.add_alternative(parts["html"], subtype="html")
    return found.as_bytes()
