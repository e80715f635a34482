"""Small values as users write them: durations, dates, names, expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from math import isfinite
from typing import get_args
from zoneinfo import ZoneInfo

from app.domain import conditions as c
from app.domain.literals import parse_instant

_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d|w)")
_UNIT = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?")


def duration(value: object) -> int | None:
    """Milliseconds of `48h`; None where it is no duration with a unit."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) * _UNIT[match[2]] if match else None


def instant(value: object, timezone: ZoneInfo) -> c.Instant | None:
    """An instant of `2026-10-01` (local midnight) or of an ISO 8601 time; a time without a zone is local."""
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        return None
    found = parse_instant(value, timezone)
    return None if found is None else c.Instant(found)


def meant(word: str, known: Iterable[str]) -> str:
    """A hint: the nearest of the known words, or all of them where they are few."""
    known = list(known)
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"known: {', '.join(known)}" if 0 < len(known) <= 20 else ""


class BadExpression(ValueError):
    """What is wrong with an expression, in words."""


_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|([A-Za-z_][\w.]*)|([-+*/(),]))")
_FUNCTIONS: tuple[c.Function, ...] = get_args(c.Function)
_OF_MANY = ("min", "max")


def expression(text: str) -> c.Expression:
    """`model.buy_7d * offer.value`: names, numbers, + - * /, min max abs log exp, parentheses."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadExpression(f"cannot read {text[at:].strip()[:20]!r}")
        kind = "number" if match[1] else "name" if match[2] else "symbol"
        tokens.append((kind, match[1] or match[2] or match[3]))
        at = match.end()
    if len(tokens) > 200:
        raise BadExpression("more than 200 parts")
    parser = _Parser(tokens)
    found = parser.sum()
    if parser.tokens:
        raise BadExpression(f"did not expect {parser.tokens[0][1]!r}")
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self._depth = 0

    def _sign(self, *signs: c.Symbol) -> c.Symbol | None:
        """The next sign, taken, where it is one of these."""
        return next((sign for sign in signs if self._take(sign)), None)

    def _take(self, symbol: str) -> bool:
        """Whether this symbol comes next; then it is taken."""
        if not self.tokens or self.tokens[0] != ("symbol", symbol):
            return False
        self.tokens.pop(0)
        return True

    def sum(self) -> c.Expression:
        self._depth += 1
        if self._depth > 30:
            raise BadExpression("nested too deeply")
        left = self._product()
        while symbol := self._sign("+", "-"):
            left = c.Arithmetic(symbol, left, self._product())
        self._depth -= 1
        return left

    def _product(self) -> c.Expression:
        left = self._unary()
        while symbol := self._sign("*", "/"):
            left = c.Arithmetic(symbol, left, self._unary())
        return left

    def _unary(self) -> c.Expression:
        negative = False
        while symbol := self._sign("-", "+"):
            negative ^= symbol == "-"
        found = self._atom()
        return c.Negative(found) if negative else found

    def _atom(self) -> c.Expression:
        if self._take("("):
            found = self.sum()
            self._close()
            return found
        if not self.tokens or self.tokens[0][0] == "symbol":
            raise BadExpression(f"expected a name or a number, not {self.tokens[0][1] if self.tokens else 'the end'!r}")
        kind, text = self.tokens.pop(0)
        if kind == "number":
            if not isfinite(number := float(text)):
                raise BadExpression(f"{text[:20]} is too large a number")
            return c.Number(number)
        for function in _FUNCTIONS:
            if text == function and self._take("("):
                return self._call(function)
        if "." not in text:
            raise BadExpression(f"{text!r} is no rooted name such as feature.x, nor one of {', '.join(_FUNCTIONS)}")
        return c.Name(c.Ref(tuple(text.split("."))))

    def _call(self, function: c.Function) -> c.Expression:
        arguments = [self.sum()]
        while self._take(","):
            arguments.append(self.sum())
        self._close()
        if len(arguments) > 1 and function not in _OF_MANY:
            raise BadExpression(f"{function} takes 1 argument")
        return c.Call(function, tuple(arguments))

    def _close(self) -> None:
        if not self._take(")"):
            raise BadExpression("a ) is missing")
