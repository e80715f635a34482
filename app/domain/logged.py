"""The decision log: what is kept of a decision, for those who ask later why it fell so, and what another policy would have done.

A record holds all that the decision was made of, so that it can be made again: the history as it was packed, the traits and
consents that rules may look at, the request's context, the scores of models. It names nobody: `who` and `id` are keyed hashes
(`security/pseudonyms.py`), traits that are personal by their name are left out, and so are the variables of blocks.

One record is msgpack; in a file it stands behind `id` and `who` (16 bytes each). An outcome is told in the same way, later, by an event.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from app.domain.bandits import Drawn

ID_LENGTH = 16
VERSION = 1
DECISION, OUTCOME, PADDED = 0, 1, 128
FOLLOWED = frozenset({
    "email_delivered", "email_bounced", "email_opened", "email_clicked", "email_complained", "email_unsubscribed", "order_completed",
})
"""Events that tell what came of a decision. What machines open goes by other names."""

Items: TypeAlias = "list[tuple[str, float | None]]"


class Fate(Struct, array_like=True):
    """What one placement showed, and how its offers were judged (`trace.py` says what the first four mean). `judged` is empty where no
    more was judged than the choice needed: what the decision was made of tells the rest (`Stage.completed`).

    `propensity` is the probability with which the policy shows this offer to this person: 1 where chance had no say; `drawn` is how a
    bandit came to show it."""

    judged: bytes
    chosen: int | None
    later: list[tuple[int, str]]
    scores: list[tuple[int, float | None]]
    offer: str | None
    block: str
    reason: str
    items: Items = []
    variants: dict[str, str] = {}
    holdout: str = ""
    propensity: float = 1.0
    drawn: Drawn | None = None


class Given(Struct, array_like=True):
    """What a decision was made of, beside the content. `history` and `tail` are as stores keep them; `scores` are those that models
    gave this person, `variants` who was in which, `shown` what former sends showed: (send, instant, placement -> offer, items). `refused`
    are stocks that gave nothing. The last three are what the same send showed before: placement -> offer, items, variants."""

    history: bytes = b""
    tail: bytes = b""
    traits: dict[str, Any] = {}
    consents: dict[str, bool] = {}
    context: dict[str, Any] = {}
    scores: dict[str, float | None] = {}
    variants: dict[str, str | None] = {}
    known: bool = False
    shown: list[tuple[str, int, dict[str, str | None], list[str]]] = []
    refused: list[str] | None = None
    before: dict[str, str | None] = {}
    items: list[str] = []
    exposed: dict[str, str] = {}


class Logged(Struct, array_like=True):
    """One decision, or what a later call of its send added to it. `given` is None, `who` and `id` are empty, where the person was
    erased since. `micros` is how long it took. `shadow` are scores of models that were asked beside, by `model/shadow`, in a share of the decisions."""

    version: int
    id: bytes
    who: bytes
    at: int
    send: str
    mail: str | None
    content: str
    fates: dict[str, Fate]
    features: dict[str, Any]
    given: Given | None
    degraded: list[str] = []
    micros: int = 0
    shadow: dict[str, float] = {}

    @property
    def decided(self) -> Logged:
        """The record without what depends on when and where it was made: made again of the same, it is the same to the byte."""
        return msgspec.structs.replace(self, degraded=[], micros=0, shadow={})


class Outcome(Struct, array_like=True):
    """What a person did that a decision may have led to. `id` is that of the decision, where the event named its send."""

    version: int
    id: bytes
    who: bytes
    at: int
    event: str
    value: float = 0.0


Entry: TypeAlias = "Logged | Outcome"
_encode = msgspec.msgpack.Encoder().encode
_logged = msgspec.msgpack.Decoder(Logged, strict=False).decode
_outcome = msgspec.msgpack.Decoder(Outcome, strict=False).decode


def encode_logged(record: Logged) -> bytes:
    return _encode(record)


def frame(kind: int, entry: Entry) -> bytes:
    """As it stands in a file: its id, whose it is, what it is, and itself."""
    return entry.id.ljust(ID_LENGTH, b"\0") + entry.who + bytes((kind,)) + _encode(entry)


def who_of(payload: bytes) -> bytes:
    """Whose a framed entry is, without reading it."""
    return payload[ID_LENGTH : 2 * ID_LENGTH]


def padded(entry: Entry, length: int) -> bytes:
    """The same in as many bytes as a longer entry had."""
    body = _encode(entry)
    kind = PADDED | (DECISION if isinstance(entry, Logged) else OUTCOME)
    return (bytes(2 * ID_LENGTH) + bytes((kind,)) + len(body).to_bytes(4, "big") + body).ljust(length, b"\0")


def unframe(payload: bytes) -> Entry:
    """`msgspec.DecodeError` for what another version wrote in a way of its own."""
    kind, body = payload[2 * ID_LENGTH], payload[2 * ID_LENGTH + 1 :]
    if kind & PADDED:
        body = body[4 : 4 + int.from_bytes(body[:4], "big")]
    return _outcome(body) if kind & OUTCOME else _logged(body)


def decode_logged(body: bytes) -> Logged:
    return _logged(body)


class Lexicon(Struct, array_like=True):
    """The names that histories refer to by number (`history.py`), as far as they went when a record was written."""

    epoch: int
    types: list[str]
    shapes: list[list[str]]


def merged(parts: list[Logged]) -> dict[str, tuple[str, Fate]]:
    """placement -> (content version, fate) of all the records of one decision."""
    fates: dict[str, tuple[str, Fate]] = {}
    for part in sorted(parts, key=lambda each: each.at):
        for placement, fate in part.fates.items():
            fates.setdefault(placement, (part.content, fate))
    return fates
