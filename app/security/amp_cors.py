"""CORS in e-mail as AMP publishes it, versions 1 and 2: default deny, no wildcard, no sender echoed that is not listed.

Source: the amp.dev guide "CORS in AMP for Email".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:\d{1,5})?")
SOURCE_ORIGIN = "__amp_source_origin"


@dataclass(frozen=True, slots=True)
class Allowed:
    headers: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """403 without CORS headers; 400 where a version 1 request lacks its Origin."""

    status: int = 403


def cors(headers: Sequence[tuple[bytes, bytes]], query: str, senders: Collection[str]) -> Allowed | Refused:
    """`headers` are raw, names in lower case; `senders` are addresses or `@domain`, in lower case.

    Version 2 (`AMP-Email-Sender`) wins where both are there; a header or parameter given twice is refused.
    """
    named = [value for name, value in headers if name == b"amp-email-sender"]
    origins = [value for name, value in headers if name == b"origin"]
    sources = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == SOURCE_ORIGIN]
    if named:
        sender = _listed(named[0].decode("latin-1"), senders) if len(named) == 1 else None
        return Refused() if sender is None else Allowed(((b"amp-email-allow-sender", sender.encode()),))
    if not sources:
        return Refused()
    if not origins:
        return Refused(400)
    sender = _listed(sources[0], senders) if len(sources) == 1 else None
    origin = origins[0].decode("latin-1")
    if sender is None or len(origins) != 1 or not _ORIGIN.fullmatch(origin):
        return Refused()
    return Allowed((
        (b"access-control-allow-origin", origin.encode()),
        (b"amp-access-control-allow-source-origin", sender.encode()),
        (b"access-control-expose-headers", b"AMP-Access-Control-Allow-Source-Origin"),
    ))


def _listed(address: str, senders: Collection[str]) -> str | None:
    """The address as it was given, where it is one and is listed."""
    if not _ADDRESS.fullmatch(address):
        return None
    folded = address.lower()
    return address if folded in senders or folded[folded.rindex("@") :] in senders else None
