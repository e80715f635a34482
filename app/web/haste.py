"""Opens and clicks that came too soon after the delivery of their mail to be a person's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from app.domain.event import Heard
from app.domain.machines import BY_PERSON, HASTE_MILLISECONDS, by_machine, delivered_at
from app.errors import StoreUnavailable
from app.domain.order import Numbered
from app.ports import ProfileStore

TOGETHER = 50
"""People read at once."""


class Haste:
    """Looks at deliveries in the same request, then at those in the person's history. A delivery that is reported later than
    the click, or while the store is away, is not known: the click is then a person's."""

    def __init__(self, store: ProfileStore) -> None:
        self._store = store

    async def told_apart(self, found: list[Numbered]) -> list[Numbered]:
        doubtful = [each for each in found if each[1].event.name in BY_PERSON and _message(each[1])]
        if not doubtful:
            return found
        known = {(each.who.key, _message(each)): each.event.at for _, each in found if each.event.name == "email_delivered"}
        for at in range(0, len(doubtful), TOGETHER):
            known |= await self._delivered([each for _, each in doubtful[at : at + TOGETHER] if (each.who.key, _message(each)) not in known])
        return [(index, _judged(each, known.get((each.who.key, _message(each))))) for index, each in found]

    async def _delivered(self, asked: Iterable[Heard]) -> dict[tuple[str, str], int]:
        """When these mails were delivered, by (profile, message), as far as their histories tell."""
        asked = list(asked)
        profiles = []
        with suppress(StoreUnavailable):
            profiles = await asyncio.gather(*(self._store.read(each.who.key) for each in asked))
        pairs = ((each, delivered_at(profile.history, _message(each), each.event.at)) for each, profile in zip(asked, profiles, strict=False))
        return {(each.who.key, _message(each)): at for each, at in pairs if at is not None}


def _judged(heard: Heard, delivered: int | None) -> Heard:
    if heard.event.name not in BY_PERSON or delivered is None or not 0 <= heard.event.at - delivered <= HASTE_MILLISECONDS:
        return heard
    return Heard(heard.kind, heard.who, by_machine(heard.event, "haste"), heard.traits, heard.link)


def _message(heard: Heard) -> str:
    found = heard.event.properties.get("message_id")
    return found if isinstance(found, str) else ""
