"""Setting timers for people of whom something is about to be heard."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from app.domain.change import Append, Change
from app.domain.live import Noted
from app.live.look import NOTE, Due
from app.ports import Clock, Timers

Writes = Iterable[tuple[str, Sequence[Change]]]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Noted, ...]).decode
RANDOM = 6


@dataclass(frozen=True, slots=True)
class Noting:
    """What is about to be heard; `written` once the timers are set."""

    due: tuple[Due, ...]
    written: Awaitable[None]


class Notices(Protocol):
    @property
    def now(self) -> int: ...

    def note(self, writes: Writes, now: int) -> Noting | None:
        """Set timers for people of whom something is about to be applied. None where there is nothing to notice."""
        ...

    def notice(self, noting: Noting) -> None:
        """It was applied."""
        ...


def noting(timers: Timers, writes: Writes, events: frozenset[str], at: int) -> Noting:
    """Timers for `at`, each with the events among the changes that triggers wait for."""
    due: list[Due] = []
    for key, changes in writes:
        news = [Noted(each.event.name, each.event.at, each.event.id) for each in changes if isinstance(each, Append) and each.event.name in events] if events else []
        due.append(Due(key, [(key, NOTE + secrets.token_bytes(RANDOM) + (_encode(news) if news else b""))], news))
    return Noting(tuple(due), timers.add([(*each.tokens[0], at) for each in due]))


def news_of(token: bytes) -> list[Noted]:
    """The events that a token of a note carries."""
    return list(_decode(token[1 + RANDOM :])) if token[:1] == NOTE and len(token) > 1 + RANDOM else []


class Herald:
    """`Notices` of a process that looks at nobody: whoever serves does, as soon as the timers are there. `events` are those
    that triggers wait for; None where there is nothing to notice."""

    def __init__(self, timers: Timers, clock: Clock, events: Callable[[], frozenset[str] | None]) -> None:
        self._timers = timers
        self._clock = clock
        self._events = events

    @property
    def now(self) -> int:
        return self._clock()

    def note(self, writes: Writes, now: int) -> Noting | None:
        events = self._events()
        return None if events is None else noting(self._timers, writes, events, now + SOON)

    def notice(self, noting: Noting) -> None:
        """The timer comes by itself."""


SOON = 250
"""Ms in which what is noted is usually applied: a look before finds nothing new."""
