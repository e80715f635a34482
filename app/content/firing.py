"""What becomes of a trigger whose time has come: it waits on, is dropped, or fires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from app.content.changes import NEVER_MORE, Changes
from app.content.snapshot import Snapshot, iso, plain
from app.content.windows import calendar_start
from app.domain import conditions as c
from app.domain.event import Identity
from app.domain.live import Live, Sending, Waiting
from app.domain.profile import Profile
from app.domain.request import Request
from app.domain.triggers import Limit, Trigger

CLAIM = 60_000
"""Ms that who took on a delivery has for one attempt, before another may take it for lost."""
LIMITED = 400 * 86_400_000
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Dropped:
    """A trigger that was set off and does not fire: because of its `when`, its `limit`, or as `stale`."""

    trigger: str
    why: str


Due = tuple[tuple[Waiting, ...], tuple[Sending, ...], dict[str, list[int]], list[Dropped]]


class Firing:
    """The triggers of one version of the content."""

    def __init__(self, snapshot: Snapshot, changes: Changes) -> None:
        program = snapshot.program
        self._triggers = snapshot.definitions.triggers
        self._timezone = program.timezone
        self._when = {id: program.condition(each.when) for id, each in self._triggers.items() if each.when is not None}
        self._quiet = {id: (program.condition(each.quiet), changes.condition(each.quiet)) for id, each in self._triggers.items() if each.quiet is not None}
        self._vars = {id: self._resolved(each.send.vars, snapshot) for id, each in self._triggers.items()}

    def _resolved(self, vars: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
        resolver = snapshot.program.writer.resolver
        return {name: resolver(value) if isinstance(value, c.Ref) else value for name, value in vars.items()}

    def due(self, live: Live, waiting: Sequence[Waiting], profile: Profile, r: Request) -> Due:
        """(what waits on, everything to be delivered, when limited triggers fired, what was dropped) as of the request."""
        left, sending, dropped = list[Waiting](), [_claimed(each, r.now) for each in live.sending], list[Dropped]()
        fired = {id: kept for id, instants in live.fired.items() if (kept := [at for at in instants if at > r.now - LIMITED])}
        for each in sorted(waiting, key=lambda each: (each.due, each.at, each.trigger)):
            trigger = self._triggers.get(each.trigger)
            if trigger is None:
                continue
            until = self._waits_until(trigger, each, r)
            if until is not None:
                left.append(each if until == each.due else Waiting(each.trigger, each.at, until, each.cause))
            elif trigger.id in self._when and not self._when[trigger.id](r):
                dropped.append(Dropped(trigger.id, "when"))
            elif trigger.limit is not None and self._fired(trigger.limit, fired.get(trigger.id, ()), r) >= trigger.limit.most:
                dropped.append(Dropped(trigger.id, "limit"))
            else:
                if trigger.limit is not None:
                    fired.setdefault(trigger.id, []).append(r.now)
                sending.append(self._sending(trigger, each, profile, r))
        return tuple(left), tuple(sending), fired, dropped

    def _waits_until(self, trigger: Trigger, each: Waiting, r: Request) -> int | None:
        """None where it is time."""
        if each.due > r.now:
            return each.due
        if trigger.id not in self._quiet:
            return None
        quiet, changes = self._quiet[trigger.id]
        at, ends = r, r.now
        while ends < NEVER_MORE and quiet(at):
            ends = changes(at)
            at = Request(ends)
        return ends if ends > r.now else None

    def _fired(self, limit: Limit, instants: Iterable[int], r: Request) -> int:
        """How often it fired in the period that runs."""
        start = calendar_start(r, limit.period, self._timezone) - 1 if limit.period is not None else r.now - limit.milliseconds
        return sum(at > start for at in instants)

    def _sending(self, trigger: Trigger, each: Waiting, profile: Profile, r: Request) -> Sending:
        key = profile.key or ""
        id = "trg_" + blake2b(f"{key}\0{trigger.id}\0".encode() + each.cause, digest_size=16).hexdigest()
        vars = {name: plain(value(r)) if callable(value) else value for name, value in self._vars[trigger.id].items()}
        body = {
            "type": "trigger.fired", "timestamp": iso(r.now),
            "data": {
                "id": id, "trigger": trigger.id, "template": trigger.send.template or None, "profile": str(Identity.from_key(key)),
                "on": {trigger.on.kind: trigger.on.name, "at": iso(each.at)}, "vars": vars,
            },
        }
        return Sending(id, trigger.id, r.now, _encode(body), 1, r.now + CLAIM)


def _claimed(each: Sending, now: int) -> Sending:
    """A delivery that is due again is taken on."""
    return each if each.next_at > now else Sending(each.id, each.trigger, each.fired_at, each.body, each.attempts + 1, now + CLAIM)
