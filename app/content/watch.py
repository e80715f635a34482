"""Entering, leaving and setting off: what is true of a person now, compared with what was when they were last looked at.

A pure function of (what is kept, profile, what was heard, instant). Where the last look lies back, it goes from change to
change, so that everything is noticed as of the instant at which it came to be, however late the look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from app.content.changes import NEVER_MORE, Changes, Step, earliest
from app.content.firing import Dropped, Firing
from app.content.snapshot import Snapshot, mentions
from app.domain.definitions import Definitions
from app.domain.live import NOBODY_YET, REMEMBERED, STALE, Live, Move, Noted, Sending, Waiting
from app.domain.profile import Profile
from app.domain.request import Request
from app.domain.triggers import Occasion, Trigger

ROUNDS = 64
"""Changes that one look goes through at most, before it comes to the present at once."""
_PLACE = re.compile(r"place=Place\(file='[^']*', line=\d+\)")
_pack = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to: what is to be kept, who moved, what fired and what did not."""

    live: Live
    moves: tuple[Move, ...] = ()
    fired: tuple[Sending, ...] = ()
    dropped: tuple[Dropped, ...] = ()


class Watch:
    """The segments and triggers of one version of the content. `rules` stands for what they mean."""

    def __init__(self, snapshot: Snapshot) -> None:
        definitions = snapshot.definitions
        self._score = snapshot.score
        self._holds = snapshot.program.segments
        self._changes = changes = Changes(snapshot.program)
        self._step: Step = earliest(changes.segment(id) for id in definitions.segments)
        self._triggers: dict[Occasion, list[Trigger]] = {}
        for trigger in definitions.triggers.values():
            self._triggers.setdefault(trigger.on, []).append(trigger)
        self._events = frozenset(each.name for each in self._triggers if each.kind == "event")
        self._traits = frozenset(each.name for each in self._triggers if each.kind == "changed")
        self._firing = Firing(snapshot, changes)
        self.meanings = {id: _meaning(definitions, id) for id in definitions.segments}
        """What each segment means, as a hash: one that changed is another segment."""
        self.rules = blake2b(_pack([sorted(self.meanings.items()), sorted(self._traits)]), digest_size=8).digest()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to notice."""
        return not self._holds and not self._triggers

    @property
    def segments(self) -> Iterable[str]:
        return self._holds

    @property
    def events(self) -> frozenset[str]:
        """Those that triggers wait for."""
        return self._events

    def look(self, live: Live, profile: Profile, news: Sequence[Noted], now: int, *, known: frozenset[str], fresh: bool) -> Looked:
        """`known` are the segments that mean what they meant at the last look: of others nobody enters or leaves, they
        are or are not in them. `fresh` is a person who came to be while these rules were served."""
        known = known if live is not NOBODY_YET else frozenset(self._holds) if fresh else frozenset[str]()
        moves, segments, change = self._moved(live, profile, news, now, known)
        causes = [*self._of_moves(moves, known), *self._of_traits(live, profile, now), *self._of_events(live, profile, news)]
        stale = [Dropped(trigger.id, "stale") for trigger, at, _ in causes if trigger.on.kind == "event" and at < now - STALE]
        set_off = [(trigger, at, cause) for trigger, at, cause in causes if trigger.on.kind != "event" or at >= now - STALE]
        heard = {cause: at for cause, at in live.heard.items() if at > now - REMEMBERED} | {cause: at for _, at, cause in set_off}
        r = self.request(profile, now)
        waiting, sending, fired, dropped = self._firing.due(live, _awaited(live.waiting, set_off), profile, r)
        traits = {name: _hash(profile.traits.get(name)) for name in self._traits if profile.traits.get(name) is not None}
        found = Live(live.version + 1, now, self.rules, 0 if change == NEVER_MORE else change, segments, traits, waiting, sending, fired, heard)
        new = {each.id for each in sending} - {each.id for each in live.sending}
        return Looked(found, tuple(moves), tuple(each for each in sending if each.id in new), (*stale, *dropped))

    def request(self, profile: Profile, at: int) -> Request:
        return Request(at, profile, None, self._score)

    def members(self, profile: Profile, at: int) -> list[str]:
        """The segments that the person is in."""
        r = self.request(profile, at)
        return [id for id, holds in self._holds.items() if holds(r)]

    # -- membership ------------------------------------------------------------------------------------------------

    def _moved(self, live: Live, profile: Profile, news: Sequence[Noted], now: int, known: frozenset[str]) -> tuple[list[Move], dict[str, int], int]:
        """Who entered and left since the last look, who is in what since when, and when that may next change."""
        since, moves = {id: at for id, at in live.segments.items() if id in known}, list[Move]()
        at = now if live is NOBODY_YET else min(live.seen, now)
        for _ in range(ROUNDS):
            r = self.request(profile, at)
            self._compare(r, since, moves, known)
            change = self._step(r)
            if change > now:
                return moves, since, change
            at = change
        r = self.request(profile, now)
        self._compare(r, since, moves, known)
        return moves, since, self._step(r)

    def _compare(self, r: Request, since: dict[str, int], moves: list[Move], known: frozenset[str]) -> None:
        for id, holds in self._holds.items():
            inside = holds(r)
            if inside == (id in since):
                continue
            if inside:
                since[id] = r.now
            else:
                del since[id]
            if id in known:
                moves.append(Move(id, inside, r.now))

    # -- occasions -------------------------------------------------------------------------------------------------

    def _of_moves(self, moves: Iterable[Move], known: frozenset[str]) -> Iterable[tuple[Trigger, int, bytes]]:
        for move in moves:
            occasion = Occasion("enter" if move.entered else "leave", move.segment)
            for trigger in self._triggers.get(occasion, ()):
                yield trigger, move.at, _cause(trigger, move.at.to_bytes(8, "big"))

    def _of_traits(self, live: Live, profile: Profile, now: int) -> Iterable[tuple[Trigger, int, bytes]]:
        """A trait that took another value; the first one is none."""
        for name, before in live.traits.items():
            value = profile.traits.get(name)
            if value is not None and _hash(value) != before:
                for trigger in self._triggers.get(Occasion("changed", name), ()):
                    yield trigger, now, _cause(trigger, before + _hash(value) + now.to_bytes(8, "big"))

    def _of_events(self, live: Live, profile: Profile, news: Iterable[Noted]) -> Iterable[tuple[Trigger, int, bytes]]:
        """Events that the history holds, each once."""
        for event in news:
            if not _holds(profile, event):
                continue
            for trigger in self._triggers.get(Occasion("event", event.name), ()):
                cause = _cause(trigger, event.id)
                if cause not in live.heard:
                    yield trigger, event.at, cause


def _awaited(waiting: Sequence[Waiting], set_off: Iterable[tuple[Trigger, int, bytes]]) -> list[Waiting]:
    """A trigger with `after` waits for the latest of its occasions alone; one without fires for each."""
    found = list(waiting)
    for trigger, at, cause in set_off:
        if trigger.after:
            later = any(each.trigger == trigger.id and each.at > at for each in found)
            if later:
                continue
            found = [each for each in found if each.trigger != trigger.id]
        found.append(Waiting(trigger.id, at, at + trigger.after, cause))
    return found


def _holds(profile: Profile, event: Noted) -> bool:
    history = profile.history
    first = history.after(event.at - 1, len(history.ts))
    return any(history.id(i) == event.id for i in range(first, history.after(event.at, len(history.ts))))


def _cause(trigger: Trigger, what: bytes) -> bytes:
    return blake2b(trigger.id.encode() + b"\0" + what, digest_size=8).digest()


def _hash(value: Any) -> bytes:
    return blake2b(_pack(value), digest_size=8).digest()


def _meaning(definitions: Definitions, id: str) -> bytes:
    """A hash of the segment's condition and of all that it refers to: not of where that is written, or how described."""
    seen: dict[tuple[str, str], str] = {}
    todo: list[tuple[str, str]] = [("segment", id)]
    while todo:
        each = kind, name = todo.pop()
        if each not in seen:
            table: Mapping[str, Any] = {"segment": definitions.segments, "feature": definitions.features, "model": definitions.models}.get(kind, {})
            value = table[name].condition if kind == "segment" else table.get(name)
            seen[each] = _PLACE.sub("", repr(value))
            todo += mentions(value)
    gates = sorted(each.purpose for each in definitions.consents.values() if "segments" in each.gates)
    return blake2b(repr((sorted(seen.items()), definitions.timezone, gates)).encode(), digest_size=8).digest()
