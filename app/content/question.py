"""What is asked for, and the answer with all that it was made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from app.content.choosing import Render, Verdict
from app.content.snapshot import Dish, Snapshot
from app.domain.caps import Ask, Guard, Hold
from app.domain.decision import Decision, Recording, decode_record, encode_record
from app.domain.event import Identity
from app.domain.experiments import account_of
from app.domain.item import Item
from app.domain.profile import Profile
from app.domain.request import Request

Draw = Callable[["Question", str, Request, Dish, Mapping[str, Any], Sequence[Item]], Any]
"""(question, placement, request, dish, its variables, its items) -> the content on the surface that was asked for. The question
is handed over, not held: a circle for each request is work for the garbage collector, and that stops the whole worker."""


class Question(Struct):
    """Who asks for what. `identity` None is an unknown person; `preview` records nothing and may move `now`.

    `unusable` says that the id in the URL was malformed or an e-mail address: the answer is a fallback.
    """

    placements: tuple[str, ...]
    identity: Identity | None = None
    send: str | None = None
    mail: str | None = None
    context: Mapping[str, Any] = {}  # noqa: RUF012 (a Struct copies it)
    preview: bool = False
    unusable: bool = False
    at_open: bool = False
    explain: bool = False
    surface: str | None = None
    draw: Draw | None = None
    variants: Mapping[str, str] = {}  # noqa: RUF012
    """Variants that a preview forces."""
    refused: Collection[str] = frozenset()
    """Stocks that had nothing for this question."""
    degraded: set[str] = set()  # noqa: RUF012
    """What was found to be wrong while it was answered anew."""

    def wanted(self, snapshot: Snapshot) -> tuple[str, ...]:
        """All placements of the mail, then those asked for that are not among them."""
        if self.mail is None:
            return self.placements
        mail = snapshot.definitions.mails[self.mail].placements
        return (*mail, *(placement for placement in self.placements if placement not in mail))

    def drawing(self, placement: str, r: Request) -> Render | None:
        """How a choice is drawn: only where it was asked for, not for the rest of the mail."""
        return partial(self.draw, self, placement, r) if self.draw is not None and placement in self.placements else None


class Answer(Struct):
    """A decision and how it came about. It is `open` while it is to be recorded, for `profile`, and is not yet."""

    decision: Decision
    profile: Profile
    request: Request
    verdicts: dict[str, Verdict] = {}  # noqa: RUF012
    ignored: list[str] = []  # noqa: RUF012
    open: bool = False
    guards: tuple[Guard, ...] = ()
    """What must still hold of the person's other sends when it is recorded."""
    asks: Sequence[tuple[str, Ask]] = ()
    """(offer, what it needs of a stock)."""
    held: Sequence[Hold] = ()
    """What was taken for it."""
    uncounted: bool = False
    """It shows what is limited, and could not be recorded."""
    kept: Mapping[str, str] = {}  # noqa: RUF012
    """What of experiments is to be stored with the person."""

    def recording(self) -> Recording:
        """As the store takes it. The mail, the content version and the choices of the send's earlier calls stay as they are."""
        decision, profile = self.decision, self.profile
        mail, version, choices = decision.mail, decision.content_version, decision.choices
        if profile.record is not None:
            earlier = decode_record(profile.record)
            mail, version, choices = earlier.mail or mail, earlier.version, {**choices, **earlier.choices}
        record = encode_record(decision.decided_at, mail, version, choices)
        assert profile.key is not None and decision.send is not None
        return Recording(profile.key, decision.send, profile.record, record, self.guards, self.kept, account_of(profile.traits) if self.kept else "")
