"""Histories in every form that Redis may hold them in."""

from __future__ import annotations

import random
from collections.abc import Sequence

from app.domain.event import Event
from app.domain.dictionary import Dictionary
from app.domain.history import History
from app.domain.layout import ENTRY, HEADER, U2


def stored(events: Sequence[Event], *, sealed: bool, tail: int = 0) -> History:
    """These events, the newest `tail` of them behind the columns, the rest sealed or row by row."""
    names = Dictionary(growing=True)
    ordered = sorted({event.id: event for event in reversed(events)}.values(), key=lambda event: (event.at, event.id))
    edge = len(ordered) - tail
    rows = [ENTRY.pack(event.at, event.id, code) + payload for event in ordered[edge:] for code, payload in [names.pack(event)]]
    early = History.of(ordered[:edge], names)
    base = early.sealed() if sealed else early.stored()[0]
    assert base is not None
    head = bytearray(base[: HEADER.size])
    head[12] += tail
    random.Random(1).shuffle(rows)
    return History(bytes(head) + base[HEADER.size :], b"".join([U2.pack(len(row)) + row for row in rows]), names)


def any_form(rng: random.Random, events: Sequence[Event]) -> History:
    return stored(events, sealed=rng.random() < 0.7, tail=rng.randrange(len(events) + 1) if rng.random() < 0.5 else 0)
