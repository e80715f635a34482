"""Looking at one person: what came to be since the last look is noticed, once, by whoever writes it down first.

The order is what makes a crash harmless. The timer of the next look is set, and the lists of segments are put right, before
what was noticed is written; what led to the look is forgotten only after. Whoever comes too late to write looks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.content.watch import Looked, Watch
from app.domain.live import NOBODY_YET, Live, Noted, Sending, packed, unpacked
from app.domain.profile import Profile
from app.errors import StoreUnavailable
from app.ports import Clock, LiveStore, ProfileStore, Timers

ATTEMPTS = 8
NOTE, VERSION = b"n", b"v"
"""What tokens begin with: something was heard of the person, or the next look at a version of what is kept."""


@dataclass(slots=True)
class Due:
    """Somebody to be looked at: `tokens` led to it and go when it is done. `sure` puts the lists of segments right whether
    or not anything moved."""

    key: str
    tokens: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    news: list[Noted] = field(default_factory=list[Noted])
    sure: bool = False


class Looker:
    """`deliver` is given what fired, `told` what each look came to."""

    def __init__(
        self, store: ProfileStore, live: LiveStore, timers: Timers, clock: Clock,
        deliver: Callable[[str, Sequence[Sending]], None], told: Callable[[Looked], None],
    ) -> None:
        self._store = store
        self._live = live
        self._timers = timers
        self._clock = clock
        self._deliver = deliver
        self._told = told
        self._meanings: dict[bytes, frozenset[str]] = {}
        self._watch: Watch | None = None
        self._since = 0

    async def adopt(self, watch: Watch) -> None:
        """Look by these rules from now on."""
        self._since = await self._live.adopt(watch.rules, watch.meanings, self._clock())
        self._watch, self._meanings = watch, {}

    async def look(self, people: Sequence[Due]) -> list[BaseException]:
        """Look at each, side by side. What led to a look goes once it is done, of all in one; where it is not done everything
        still stands, and why is among the errors. Raises `StoreUnavailable`."""
        done = await asyncio.gather(*map(self._look, people), return_exceptions=True)
        await self._timers.remove([token for due, error in zip(people, done, strict=True) if error is None for token in due.tokens])
        return [error for error in done if error is not None]

    async def _look(self, due: Due) -> None:
        for _ in range(ATTEMPTS):
            if await self._looked(due):
                return
            due.sure = True
        raise StoreUnavailable("too many look at this person at once", code="busy")

    async def _looked(self, due: Due) -> bool:
        watch = self._watch
        if watch is None:
            raise StoreUnavailable("there are no rules to look by", code="rules")
        held = await self._live.load(due.key)  # first: the profile must not be older than what was noticed of it
        profile = await self._store.read(due.key)
        if profile.key is not None and profile.key != due.key:
            await self._follow(due, profile.key, held)
            return False
        live = unpacked(held)
        if not profile.known or profile.erased or profile.restricted:
            return await self._forget(due.key, held, live)
        found = watch.look(live, profile, due.news, self._clock(), known=await self._known(live), fresh=self._is_new(profile))
        sure = due.sure or any(token[:1] == VERSION and token != _version(live) for _, token in due.tokens)
        before = set(watch.segments) | live.segments.keys() if sure else live.segments.keys()
        await asyncio.gather(
            self._timers.add(timer(due.key, found.live)),
            self._live.file(due.key, sorted(found.live.segments.keys() - (set() if sure else before)), sorted(before - found.live.segments.keys())),
        )
        if not await self._live.save(due.key, held, packed(found.live)):
            return False
        due.tokens.append((due.key, _version(live)))
        self._told(found)
        self._deliver(due.key, [each for each in found.live.sending if each not in live.sending])
        return True

    async def _known(self, live: Live) -> frozenset[str]:
        """The segments that mean what they meant when the person was last looked at."""
        assert self._watch is not None
        if live is NOBODY_YET:
            return frozenset()
        if live.rules not in self._meanings:
            former = await self._live.meanings(live.rules) or {}
            self._meanings[live.rules] = frozenset(id for id, meaning in self._watch.meanings.items() if former.get(id) == meaning)
        return self._meanings[live.rules]

    def _is_new(self, profile: Profile) -> bool:
        """Whether nothing is known of the person from before these rules were served."""
        instants = profile.history.ts
        return not profile.history.trimmed() and (not instants or instants[0] >= self._since)

    async def _forget(self, key: str, held: bytes | None, live: Live) -> bool:
        """Of who is gone, or may not be looked at, nothing is kept, and nothing fires."""
        assert self._watch is not None
        await self._live.file(key, (), sorted({*self._watch.segments, *live.segments}))
        return held is None or await self._live.save(key, held, None)

    async def _follow(self, due: Due, user: str, held: bytes | None) -> None:
        """The person is filed elsewhere by now: what was set off under the former key goes along."""
        live = unpacked(held)
        if held is None or await self._handed_over(live, user):
            await self._forget(due.key, held, live)
            due.tokens.append((due.key, _version(live)))
            due.key = user

    async def _handed_over(self, live: Live, user: str) -> bool:
        held = await self._live.load(user)
        into = unpacked(held)
        merged = Live(
            into.version + 1, into.seen, into.rules, into.change, into.segments, live.traits | into.traits,
            (*into.waiting, *(each for each in live.waiting if each.cause not in into.heard)),
            (*into.sending, *(each for each in live.sending if each.id not in {other.id for other in into.sending})),
            live.fired | into.fired, live.heard | into.heard,
        )
        await self._timers.add(timer(user, merged))
        return await self._live.save(user, held, packed(merged))


def _version(live: Live) -> bytes:
    return VERSION + live.version.to_bytes(8, "big")


def timer(key: str, live: Live) -> list[tuple[str, bytes, int]]:
    """The next look, under a token of this version of what is kept: none of another version is ever put off by it."""
    at = live.next_at
    return [] if at is None else [(key, _version(live), at)]
