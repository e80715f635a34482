"""What must never be read in a log: addresses, tokens, keys and the ids of people."""

from __future__ import annotations

import logging
import re

_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+")
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(://)[^\s/@:]*:[^\s/@]+@"), r"\1[credentials]@"),
    (re.compile(r"\bv1\.\w{1,64}\.[\w-]{8,}(?:\.[\w=-]*)?"), "[token]"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]+", re.IGNORECASE), r"\1 [key]"),
    (re.compile(r"(/v1/(?:profiles|decisions)/)(?!batch\b)[^\s/?#\"']+"), r"\1[id]"),
    (re.compile(r"\b(profile|user_?id|anonymous_?id|send|e|key|token|secret|password)=[^\s&\"']+", re.IGNORECASE), r"\1=[hidden]"),
    (re.compile(r"([\"'](?:profile|user_?id|anonymous_?id|email|phone|key|token|secret|password)[\"']\s*:\s*)(?:\"[^\"]*\"|'[^']*'|\d+)", re.IGNORECASE), r"\1[hidden]"),
    (re.compile(r"(?<![\w/])([htmdx]:)?\{?(?:u|a|email|phone|anonymous_id):[^\s,;)}\]\"']+\}?"), "[profile]"),
    (_ADDRESS, "[address]"),
    (re.compile(r"(?<![\w-])[A-Za-z0-9_-]{40,}(?![\w-])"), "[secret]"),
)


def redact(text: str) -> str:
    """The text without anything that tells who somebody is or lets one act for them. What looks like it goes as well."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def hide_addresses(text: str) -> str:
    """The text without e-mail addresses: for what is said to a caller, who may well have sent one."""
    return _ADDRESS.sub("[address]", text)


class Redaction(logging.Filter):
    """For handlers, so that it also holds for the records of libraries: message, traceback and stack are redacted."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            record.msg = redact(record.getMessage())
        except (TypeError, ValueError):
            record.msg = redact(str(record.msg))
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


class Secret:
    """A value that shows itself only when asked: neither `str` nor `repr` nor a traceback's locals tell it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")
