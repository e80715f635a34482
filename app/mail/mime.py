"""The message as an SMTP server takes it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from typing import Any

from app.errors import RequestInvalid

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
OWN = frozenset({"content-type", "content-transfer-encoding", "mime-version", "date", "subject", "from", "to", "reply-to", "bcc", "received", "dkim-signature"})
"""Headers that are not taken from a caller's list."""

LINE, LONGEST = 76, 990
"""Characters at which a header is broken, and that a line of it may have at most (RFC 5322, 2.1.1, less its name)."""


class _Readable(EmailPolicy):
    """SMTP's policy, but ASCII is never encoded: it encodes any word too long for a line, and no client follows an encoded
    `List-Unsubscribe`."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        folded, text = super().fold_binary(name, value), str(value)
        if b"=?" not in folded or "=?" in text or not text.isascii() or max(map(len, text.split())) > LONGEST:
            return folded
        lines = textwrap.wrap(text, LINE, break_long_words=False, break_on_hyphens=False)
        return f"{name}: {f'{self.linesep} '.join(lines)}{self.linesep}".encode("ascii")


_POLICY = _Readable(linesep=SMTP.linesep, max_line_length=SMTP.max_line_length)


def message(parts: Mapping[str, str], headers: Mapping[str, str], now: int) -> bytes:
    """multipart/alternative in the order that clients want: text, AMP, HTML. `RequestInvalid` for a header that is none."""
    found = EmailMessage(policy=_POLICY)
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
