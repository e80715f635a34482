"""Messages of a stream -> events -> applied, or laid with the dead letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from app.domain.json import Json
from app.domain.dead_letter import DeadLetter, to_be_kept
from app.domain.message import Message
from app.domain.receipt import Receipt
from app.errors import InlayError, LeaseLost, StoreUnavailable
from app.formats.messages import Format, events_of
from app.formats.segment import NotHeard
from app.ingest import Ingest
from app.ports import Clock, DeadLetters

TRIES = 5
"""So often a message may fail for a reason that nobody expected before it goes to the dead letters."""


Read: TypeAlias = "tuple[Message, list[Json] | DeadLetter]"
"""A message and its events, or why it has none."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of some messages: events applied and known already, and letters that are dead."""

    applied: int
    duplicates: int
    dead: Sequence[DeadLetter]


class Intake:
    """Called with messages of one partition, in order. What cannot be taken lies with the dead letters when it returns;
    `StoreUnavailable` and `LeaseLost` say that nothing may be claimed."""

    def __init__(self, ingest: Ingest, dead: DeadLetters, clock: Clock, told: Callable[[Taken], None], *, source: str, format: Format = "auto") -> None:
        self._ingest = ingest
        self._dead = dead
        self._clock = clock
        self._told = told
        self._source = source
        self._format: Format = format

    async def __call__(self, messages: Sequence[Message]) -> int:
        """How many it took, from the first on. It ends before a message that gives an anonymous person, who is among these,
        to a user: were that done and these came again, what the anonymous person did would be filed under that user too."""
        read = self._read(messages)
        try:
            taken = await self._together(read)
        except (StoreUnavailable, LeaseLost):
            raise
        except Exception:  # noqa: BLE001 (one of them is poison; which one is found out below)
            for each in read:
                self._told(await self._alone(each))
        else:
            self._told(taken)
        return len(read)

    def _read(self, messages: Sequence[Message]) -> list[Read]:
        found: list[Read] = []
        nameless: set[Any] = set()
        for message in messages:
            try:
                events = events_of(message, self._format)
            except NotHeard as error:
                found.append((message, self._letter(message, error.reason, error.detail)))
                continue
            if any(_linked(event) in nameless for event in events):
                break
            nameless.update(filter(None, map(_nameless, events)))
            found.append((message, events))
        return found

    async def _together(self, read: Sequence[Read]) -> Taken:
        letters = [found for _, found in read if isinstance(found, DeadLetter)]
        raws: list[Any] = []
        origins: list[Message] = []
        for message, found in read:
            if not isinstance(found, DeadLetter):
                raws += found
                origins += [message] * len(found)
        private = [index for index, origin in enumerate(origins) if origin.headers.get("sec-gpc") == "1"]
        receipt = await self._ingest.take(raws, self._clock(), private=private) if raws else Receipt()
        letters += [self._letter(origins[each.index], each.reason, each.detail) for each in receipt.rejected]
        if kept := to_be_kept(letters):
            await self._dead.put(kept, self._clock())
        return Taken(receipt.accepted, receipt.duplicates, letters)

    async def _alone(self, read: Read) -> Taken:
        """One message, tried a few times; then it alone is given up, with its bytes."""
        last: Exception | None = None
        for _ in range(TRIES):
            try:
                return await self._together([read])
            except (StoreUnavailable, LeaseLost):
                raise
            except Exception as error:  # noqa: BLE001 (it may have passed by the next time)
                last = error
        letter = self._letter(read[0], "error", last.message if isinstance(last, InlayError) else type(last).__name__)
        await self._dead.put([letter], self._clock())
        return Taken(0, 0, [letter])

    def _letter(self, message: Message, reason: str, detail: str) -> DeadLetter:
        return DeadLetter(message.id, self._source, self._clock(), reason, detail, message.body)


def _nameless(event: Json) -> Json:
    """The anonymous id of an event that has no user; None where it has."""
    return event.get("anonymousId") if isinstance(event, dict) and not event.get("userId") else None


def _linked(event: Json) -> Json:
    """The anonymous id that an event gives to a user."""
    if not isinstance(event, dict) or not event.get("userId"):
        return None
    return event.get("previousId") or event.get("anonymousId") if event.get("type") in ("identify", "alias") else None
