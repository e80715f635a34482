"""A decision: what each placement shows one person in one send, and why. Also how it is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from msgspec import convert, to_builtins

from app.domain.bandits import Drawn
from app.domain.caps import Guard
from app.domain.event import empty
from app.domain.item import Item

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


@dataclass(slots=True)
class Candidate:
    """What became of one offer. `by` is `valid stock eligibility applicability suitability suppress policy caps items
    duplicate render`, or by arbitration `not_again pin quota share diversity arbitration`, where it was removed, `at` the
    place of the leaf (`rules/shop.yaml:31`)."""

    offer: str
    outcome: str
    by: str = ""
    at: str = ""
    score: float | None = None


@dataclass(slots=True)
class Choice:
    """What one placement shows. `offer` is None for a fallback; `reason` is `eligible`, `fallback` or `holdout`. `variants` are
    the experiments that it was shown under, `holdout` is the one that the person is in.

    `priced` are the items as recorded: (id, price at the decision, None where it had none). `content` is the rendered
    surface, where one was asked for. `held` names what it uses up: (stock, holder).
    """

    placement: str
    offer: str | None
    block: str
    reason: str
    vars: Mapping[str, Any] = field(default_factory=empty)
    items: Sequence[Item] = ()
    priced: Sequence[tuple[str, float | None]] = ()
    version: str = ""
    content: Any = None
    degraded: str = ""
    variants: Mapping[str, str] = field(default_factory=empty)
    holdout: str = ""
    held: Sequence[tuple[str, str]] = ()
    drawn: Drawn | None = None
    """How a bandit came to show it."""


@dataclass(slots=True)
class Decision:
    """All placements of one (profile, send). `recorded` says whether a later call will find it."""

    id: str
    profile: str
    send: str | None
    mail: str | None
    decided_at: int
    content_version: str
    choices: dict[str, Choice]
    degraded: list[str] = field(default_factory=list)
    recorded: bool = False
    replayed: bool = False


def encode_record(decided_at: int, mail: str | None, version: str, choices: Mapping[str, Choice]) -> bytes:
    """8 bytes of `decided_at`, then msgpack: [mail, version, {placement: [offer, block, items, vars, version?,
    variants?, holdout?, held?, drawn?]}].

    A placement decided under another content version than the first carries its own; else it is empty where more follows. There are no bytes
    in it: scripts in Redis read it, and know none.
    """
    rows = {
        id: [choice.offer, choice.block, [list(pair) for pair in choice.priced], dict(choice.vars)]
        + _own(choice, version)
        for id, choice in choices.items()
    }
    return decided_at.to_bytes(8, "big") + _encode([mail, version, rows])


@dataclass(frozen=True, slots=True)
class Recording:
    """A decision on its way into the store: of whom, for which send, in place of which record (None: there is none yet),
    and what must still hold of their other sends."""

    key: str
    send: str
    expected: bytes | None
    record: bytes
    guards: tuple[Guard, ...] = ()
    variants: Mapping[str, str] = field(default_factory=empty)
    """experiment -> what is to be stored of it with the person, where nothing is yet; empty: what was stored goes."""


def _own(choice: Choice, version: str) -> list[Any]:
    """What a placement has beyond what all have, without what is missing at the end."""
    found = [choice.version if choice.version != version else "", dict(choice.variants), choice.holdout, [list(each) for each in choice.held], to_builtins(choice.drawn)]
    while found and not found[-1]:
        found.pop()
    return found


@dataclass(slots=True)
class Record:
    """A stored decision, read back; its choices hold no items yet, only their ids and prices."""

    decided_at: int
    mail: str | None
    version: str
    choices: dict[str, Choice]


def decode_record(data: bytes) -> Record:
    mail, version, rows = _decode(data[8:])
    choices: dict[str, Choice] = {}
    for id, (offer, block, priced, variables, *own) in rows.items():
        own_version, variants, holdout, held, drawn = cast("tuple[str, dict[str, str], str, list[list[str]], Any]", (*own, *("", {}, "", [], None)[len(own) :]))
        reason = "holdout" if holdout else "fallback" if offer is None else "eligible"
        pairs = [(item, price) for item, price in priced]
        choices[id] = Choice(
            id, offer, block, reason, variables, (), pairs, own_version or version, variants=variants, holdout=holdout,
            held=[(stock, holder) for stock, holder in held], drawn=None if drawn is None else convert(drawn, Drawn),
        )
    return Record(int.from_bytes(data[:8], "big"), mail, version, choices)


def items_sent(record: bytes) -> tuple[int, set[str]]:
    """(decided_at, ids of all items shown) of a stored decision."""
    rows = _decode(record[8:])[2]
    return int.from_bytes(record[:8], "big"), {pair[0] for row in rows.values() for pair in row[2]}


def offers_sent(record: bytes) -> tuple[int, dict[str, str]]:
    """(decided_at, placement -> offer) of a stored decision, fallbacks left out."""
    rows = _decode(record[8:])[2]
    return int.from_bytes(record[:8], "big"), {placement: row[0] for placement, row in rows.items() if row[0] is not None}
