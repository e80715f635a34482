"""What could not be taken, kept with its bytes until somebody has mended what was wrong, or drops it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from app.domain.event import Reason, Refused
from app.domain.json import Json, is_object

MAX_BODY = 256 << 10
"""Bytes that are kept of one; of a longer one the beginning, which can be looked at, not sent again."""
OF_PEOPLE_NOT_KEPT: frozenset[Reason] = frozenset({"erased", "consent"})
"""Reasons for which nothing is kept: people who were erased, or have not consented."""
EVENTS = "events"
"""The source of what comes to `/v1/events`; that of a webhook or a stream is its name."""
HEARD = "heard"
"""The source of what had been taken apart before it was refused: its body is the JSON of a `Heard`."""


class DeadLetter(Struct, frozen=True):
    """`id` is the source's own name for it, the same each time that it is refused, or empty; `at` is when it was, in ms;
    `size` is that of all its bytes where `body` is only their beginning, else 0."""

    id: str
    source: str
    at: int
    reason: str
    detail: str
    body: bytes
    size: int = 0

    @property
    def clipped(self) -> DeadLetter:
        """As it is kept."""
        return self if len(self.body) <= MAX_BODY else replace(self, body=self.body[:MAX_BODY], size=len(self.body))


def unaddressed(raw: Json) -> Json:
    """An event as it came, but for the IP address in its context, which is kept nowhere."""
    if not is_object(raw) or not is_object(context := raw.get("context")) or "ip" not in context:
        return raw
    return {**raw, "context": {name: value for name, value in context.items() if name != "ip"}}


def to_be_kept(letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    return [letter for letter in letters if letter.reason not in OF_PEOPLE_NOT_KEPT]


def letter_of(refused: Refused, body: bytes, at: int, source: str) -> DeadLetter:
    return DeadLetter("", source, at, refused.reason, refused.detail, body)


class Held(Struct, frozen=True):
    """A letter and the id that it is filed under; ids grow."""

    id: str
    letter: DeadLetter


class Tally(Struct, frozen=True):
    """How many are held, their bytes, and by reason how many went because there was no room or they were too old."""

    held: int
    bytes: int
    trimmed: dict[str, int]


NOTHING = Tally(0, 0, {})
