"""Instants and numbers out of text: the one reading of each, for events, files, rules and requests."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LONGEST_INSTANT = 40
_LONGEST_NUMBER = 64
_EXACT = 2**53


def parse_instant(text: Any, zone: tzinfo = UTC) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 date (its midnight) or time, rounded; None for anything else.

    Without an offset it is told in `zone`: an hour that comes twice is its first, one that is skipped is counted with
    the offset before the change.
    """
    if type(text) is not str or not 10 <= len(text) <= _LONGEST_INSTANT:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return ((moment - _EPOCH) // _MICROSECOND + 500) // 1000
    except (ValueError, OverflowError):
        return None


def parse_number(text: str) -> int | float | None:
    """A decimal number of at most 64 characters, an int where it is whole and exact; None for anything else, `nan`,
    `inf`, spaces and digit separators included."""
    if len(text) > _LONGEST_NUMBER or _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    if abs(number) < _EXACT:
        return int(number) if number.is_integer() else number
    return number if abs(number) != float("inf") else None
