"""What the word after `format:` in a JSON Schema wants of a text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time
from ipaddress import IPv4Address, IPv6Address

from app.domain.literals import parse_instant

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+", re.ASCII)
_EMAIL = re.compile(r"[^\s@<>\"(),:;\[\]\\]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*", re.ASCII)
_OFFSET = re.compile(r".*[Tt ].*([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _reads(read: Callable[[str], object]) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return holds


FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": lambda text: _OFFSET.fullmatch(text) is not None and parse_instant(text) is not None,
    "date": lambda text: len(text) == 10 and _reads(date.fromisoformat)(text),
    "time": _reads(time.fromisoformat),
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "uri": lambda text: _URI.fullmatch(text) is not None,
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "hostname": lambda text: _HOST.fullmatch(text) is not None,
    "ipv4": _reads(IPv4Address),
    "ipv6": _reads(IPv6Address),
}
