"""What is kept of a person only to notice entering and leaving, and to fire each trigger once."""

from __future__ import annotations


import msgspec
from msgspec import Struct

STALE = 24 * 3_600_000
"""An event that comes to be known later than this sets nothing off; what was set off before waits as long as it must."""
REMEMBERED = 2 * STALE
"""How long it is remembered that an event was heard: longer than it can be fresh, placed ahead of the clock or not."""


class Noted(Struct, frozen=True, array_like=True):
    """An event that some trigger waits for."""

    name: str
    at: int
    id: bytes


class Waiting(Struct, frozen=True, array_like=True):
    """A trigger that was set off at `at` and is to be looked at when it is `due`; `cause` tells its occasion from others."""

    trigger: str
    at: int
    due: int
    cause: bytes


class Sending(Struct, frozen=True, array_like=True):
    """What fired and is not yet delivered. `id` is the same at every attempt; the next is due at `next_at`."""

    id: str
    trigger: str
    fired_at: int
    body: bytes
    attempts: int
    next_at: int


class Live(Struct, frozen=True, array_like=True):
    """`version` grows with every write. `seen` is the instant up to which the person was looked at by the rules that
    `rules` stands for, `change` when a membership may next change, 0 for never; `segments` says since when the person is
    in each; `traits` holds hashes of the traits that triggers watch, `fired` the instants at which limited triggers fired,
    `heard` the causes of the last days with their instants."""

    version: int = 0
    seen: int = 0
    rules: bytes = b""
    change: int = 0
    segments: dict[str, int] = {}  # noqa: RUF012 (a Struct copies it)
    traits: dict[str, bytes] = {}  # noqa: RUF012
    waiting: tuple[Waiting, ...] = ()
    sending: tuple[Sending, ...] = ()
    fired: dict[str, list[int]] = {}  # noqa: RUF012
    heard: dict[bytes, int] = {}  # noqa: RUF012

    @property
    def next_at(self) -> int | None:
        """When the person must be looked at again though nothing be heard; None for never."""
        instants = [*([self.change] if self.change else []), *(each.due for each in self.waiting), *(each.next_at for each in self.sending)]
        return min(instants, default=None)


class Move(Struct, frozen=True):
    """Somebody entered or left a segment at that instant."""

    segment: str
    entered: bool
    at: int


NOBODY_YET = Live()
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Live).decode


def packed(live: Live) -> bytes:
    return _encode(live)


def unpacked(data: bytes | None) -> Live:
    """`NOBODY_YET` for nothing."""
    return _decode(data) if data else NOBODY_YET
