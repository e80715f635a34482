"""A decision: what each placement shows one person in one send, and why. Also how it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from msgspec import Struct, convert, to_builtins
from msgspec.structs import replace

from app.domain.bandits import Drawn
from app.domain.caps import Guard
from app.domain.event import empty
from app.domain.item import Item
from app.domain.wordings import Wording, worded

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_MOST = 1e9
"""Prices beyond are recorded as they are."""


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


class Choice(Struct):
    """What one placement shows. `offer` is None for a fallback; `reason` is `eligible`, `fallback` or `holdout`. `variants` are
    the experiments that it was shown under, `holdout` is the one that the person is in.

    `priced` are the items as recorded for a send: (id, price at the decision, None where it had none). `content` is the rendered
    surface, where one was asked for. `held` names what it uses up: (stock, holder).
    """

    placement: str
    offer: str | None
    block: str
    reason: str
    vars: Mapping[str, Any] = {}  # noqa: RUF012 (a Struct copies it)
    items: Sequence[Item] = ()
    priced: Sequence[tuple[str, float | None]] = ()
    version: str = ""
    content: Any = None
    degraded: str = ""
    variants: Mapping[str, str] = {}  # noqa: RUF012
    holdout: str = ""
    held: Sequence[tuple[str, str]] = ()
    drawn: Drawn | None = None
    """How a bandit came to show it."""
    wording: Wording | None = None
    """What of `vars` the rules themselves say. Of a choice read back, `vars` are the rest."""


class Decision(Struct):
    """All placements of one (profile, send). `recorded` says whether a later call will find it."""

    id: str
    profile: str
    send: str | None
    mail: str | None
    decided_at: int
    content_version: str
    choices: dict[str, Choice]
    degraded: list[str] = []  # noqa: RUF012
    recorded: bool = False
    replayed: bool = False


def encode_record(decided_at: int, mail: str | None, version: str, choices: Mapping[str, Choice]) -> bytes:
    """8 bytes of `decided_at`, then msgpack: [mail, version, {placement: [offer, block, [item, price, item, ...], vars, version?,
    variants?, holdout?, held?, drawn?]}]. Prices are whole hundredths where they are; vars are a map, or the id of a wording, or both as a list.

    A placement decided under another content version than the first carries its own; else it is empty where more follows. There are no bytes
    in it: scripts in Redis read it, and know none.
    """
    rows = {
        id: [choice.offer, choice.block, [part for item, price in choice.priced for part in (item, _hundredths(price))], _said(choice)] + _own(choice, version)
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
    account: str = ""
    """The account of the person, where something is stored."""


def _said(choice: Choice) -> Any:
    if choice.wording is None:
        return dict(choice.vars)
    own = choice.wording.own(choice.vars)
    return [choice.wording.id, own] if own else choice.wording.id


def _hundredths(price: float | None) -> float | None:
    whole = round(price * 100) if price is not None and abs(price) < _MOST else None
    return whole if whole is not None and whole / 100 == price else None if price is None else float(price)


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
    for id, (offer, block, priced, said, *own) in rows.items():
        own_version, variants, holdout, held, drawn = cast("tuple[str, dict[str, str], str, list[list[str]], Any]", (*own, *("", {}, "", [], None)[len(own) :]))
        reason = "holdout" if holdout else "fallback" if offer is None else "eligible"
        pairs = [(item, price / 100 if type(price) is int else price) for item, price in zip(priced[::2], priced[1::2], strict=True)]
        wording, variables = _heard(said)
        choices[id] = Choice(
            id, offer, block, reason, variables, (), pairs, own_version or version, variants=variants, holdout=holdout,
            held=[(stock, holder) for stock, holder in held], drawn=None if drawn is None else convert(drawn, Drawn),
            wording=wording,
        )
    return Record(int.from_bytes(data[:8], "big"), mail, version, choices)


def named_by(properties: Mapping[str, Any], who: str, opened: Callable[[str], tuple[str, str] | None]) -> tuple[str, str] | None:
    """The (profile, send) that an event of `who` names by a decision's id, which `opened` opens, or by the send; without a send where
    it is no id of ours, None where it names none."""
    id, send = properties.get("decision_id"), properties.get("send")
    if isinstance(id, str) and id:
        return opened(id) or ("", "")
    return (who, send) if isinstance(send, str) and send else None


def spoken_for(properties: Mapping[str, Any], record: Record) -> list[Choice]:
    """The choices that an event which names the decision speaks for: that of the placement that it names, or all."""
    return [choice for placement, choice in record.choices.items() if properties.get("placement", placement) == placement]


def _heard(said: Any) -> tuple[Wording | None, Mapping[str, Any]]:
    if isinstance(said, dict):
        return None, cast("dict[str, Any]", said)
    id, own = cast("tuple[str, Mapping[str, Any]]", said if isinstance(said, list) else (said, {}))
    return Wording(id, empty()), own


def with_wording(choice: Choice, known: Mapping[str, Mapping[str, Any]]) -> Choice:
    """A choice that was read back, with all its variables as far as they are known."""
    variables = worded(choice.vars, choice.wording, known)
    return choice if variables is None else replace(choice, vars=variables)


def items_sent(record: bytes) -> tuple[int, set[str]]:
    """(decided_at, ids of all items shown) of a stored decision."""
    rows = _decode(record[8:])[2]
    return int.from_bytes(record[:8], "big"), {item for row in rows.values() for item in row[2][::2]}


def offers_sent(record: bytes) -> tuple[int, dict[str, str]]:
    """(decided_at, placement -> offer) of a stored decision, fallbacks left out."""
    rows = _decode(record[8:])[2]
    return int.from_bytes(record[:8], "big"), {placement: row[0] for placement, row in rows.items() if row[0] is not None}
