"""Which triggers fire by an instant, told from a person's events as if each had just come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.content.snapshot import Snapshot
from app.content.watch import Watch
from app.domain.live import NOBODY_YET, Noted
from app.domain.profile import Profile

MOST = 10_000
"""Looks at most: a rehearsal is no simulation of years."""


def fired(snapshot: Snapshot, profile: Profile, at: int) -> set[str]:
    """The triggers that fired up to `at`. Traits are those given until an `identify` says otherwise."""
    watch, live, traits = Watch(snapshot), NOBODY_YET, dict[str, Any](profile.traits)
    events = sorted((event for event in profile.history.events() if event.at <= at), key=lambda event: (event.at, event.id))
    known, found = frozenset(watch.segments), set[str]()
    for _ in range(MOST):
        now = min(events[0].at if events else at + 1, at + 1 if live.next_at is None else live.next_at)
        if now > at:
            break
        come = [event for event in events if event.at <= now]
        events = events[len(come) :]
        for event in come:
            traits |= event.properties if event.name == "identify" else {}
        news = [Noted(event.name, event.at, event.id) for event in come]
        looked = watch.look(live, _as_of(profile, traits), news, now, known=known, fresh=True)
        found |= {each.trigger for each in looked.fired}
        live = msgspec.structs.replace(looked.live, sending=())
    return found


def _as_of(profile: Profile, traits: Mapping[str, Any]) -> Profile:
    return Profile(profile.key, profile.history, dict(traits), profile.consents, known=True)
