"""When the answer of a condition may next change for a person of whom nothing more is heard.

A `Step` looks at a request and gives the first instant after its `now` at which a value or an answer may be another one
(`NEVER_MORE` where it stays). It may be too early, and never too late: between `now` and that instant, that instant left
out, the answer is the one at `now`. What may change it: an event that is kept and whose time has not come; an event that
leaves a window, which under `count` is the one with which the count passes its bound; a calendar period or an hour of the
day that begins, clocks that are moved; `seconds_since`, which grows all the time (`drift.py`).

A model's score and a table that depend on `seconds_since`, and a `where` that compares with it, cannot be foreseen: they are looked
at again every minute.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from app.content.drift import Drifts, Unforeseen, inputs_of, longest
from app.content.matching import compile_test
from app.content.program import Program
from app.content.reader import names_in
from app.content.windows import DAY, Offsets, calendar_start, edges, offsets_of, span
from app.domain import conditions as c
from app.domain.conditions import Period
from app.domain.definitions import Feature
from app.domain.profile import Profile
from app.domain.request import Request

Step = Callable[[Request], int]
NEVER_MORE = 1 << 62
LOOK_AGAIN = 60_000
"""Ms after which what cannot be foreseen is looked at again."""
_UNIX_DAY = date(1970, 1, 1).toordinal()
_OF_LATEST = frozenset({"last_at", "seconds_since"})
"""Kinds that ask only when the latest event was."""


class Changes:
    """The steps of one version of the rules. They share with its conditions what these work out of a request."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._writer = program.writer
        self._timezone = program.timezone
        self._definitions = program.definitions
        self._features: dict[str, Step] = {}
        self._segments: dict[str, Step] = {}
        self._drifts = Drifts(program)

    def next_change(self, condition: c.Condition, profile: Profile, at: int) -> int | None:
        """The first instant after `at` at which the condition may hold where it did not, or not where it did; None where
        nothing but news of the person can change it."""
        found = self.condition(condition)(Request(at, profile))
        return None if found == NEVER_MORE else found

    def segment(self, id: str) -> Step:
        if id not in self._segments:
            self._segments[id] = self.condition(self._definitions.segments[id].condition)
        return self._segments[id]

    # -- conditions ------------------------------------------------------------------------------------------------

    def condition(self, node: c.Condition) -> Step:
        match node:
            case c.All(children) | c.Any(children):
                return earliest(map(self.condition, children))
            case c.Not(child):
                return self.condition(child)
            case c.Field(ref, tests):
                return self._field(ref, tests)
            case c.Did():
                return self._did(node)
            case c.Changed(trait, window):
                return self._changed(trait, window)
            case c.InSegment(segment):
                return self.segment(segment)
            case c.Consented() | c.InVariant():
                return _never
            case c.LocalTime():
                return self._local_time(node)

    def _field(self, ref: c.Ref, tests: Sequence[c.Test]) -> Step:
        named = (ref, *(test.value for test in tests if isinstance(test.value, c.Ref)))
        steps = earliest(map(self.value, named))
        if not any(map(self._drifts.drifts, named)):
            return steps
        held = self._drifts.held(ref, tests)

        def step(r: Request) -> int:
            horizon = steps(r)
            try:
                return min(horizon, r.now + longest(held, r, horizon - r.now) + 1)
            except Unforeseen:
                return min(horizon, r.now + LOOK_AGAIN)

        return step

    def _did(self, did: c.Did) -> Step:
        inside, counted = self._inside(did.event, did.where, did.window), self._counted(did.count)
        coming = self._coming(did.event, did.where, did.window)
        match did.window:
            case c.Within(milliseconds):
                def leaving(r: Request) -> int:
                    """The instant at which so many have left that the count is judged differently."""
                    instants = inside(r)
                    held, left = counted(len(instants), r), len(instants)
                    for at in instants:
                        left -= 1
                        if counted(left, r) != held:
                            return at + milliseconds
                    return NEVER_MORE

                return earliest((coming, leaving))
            case c.Calendar(unit):
                return earliest((coming, self._period(unit, did.event)))
            case _:
                return coming

    def _counted(self, tests: Sequence[c.Test]) -> Callable[[int, Request], bool]:
        checks = [compile_test(test, self._writer.resolver, self._timezone) for test in tests]
        return lambda many, r: all(check(many, r) for check in checks)

    def _changed(self, trait: str, window: c.Window) -> Step:
        column = self._writer.column("identify", (trait,), None)

        def changes(r: Request) -> list[int]:
            instants, values = column(r)
            return [at for i, at in enumerate(instants) if i and values[i] != values[i - 1]]

        return earliest((self._coming("identify", (), window), self._last_leaves(window, "identify", changes)))

    def _last_leaves(self, window: c.Window, event: str, instants: Callable[[Request], Sequence[int]]) -> Step:
        """When the latest of some instants leaves the window."""
        match window:
            case c.Within(milliseconds):
                return lambda r: found[-1] + milliseconds if (found := instants(r)) and found[-1] > r.now - milliseconds else NEVER_MORE
            case c.Calendar(unit):
                return self._period(unit, event)
            case _:
                return _never

    # -- values ----------------------------------------------------------------------------------------------------

    def value(self, ref: c.Ref) -> Step:
        """When the value may be another one, apart from growing with `seconds_since`."""
        match ref.root:
            case "feature":
                return self._feature(self._definitions.features[ref.path[1]])
            case "model" | "table":
                inputs = inputs_of(self._definitions, ref)
                steps = earliest(map(self.value, inputs))
                if any(map(self._drifts.drifts, inputs)):
                    return earliest((steps, _look_again))
                return steps
            case _:
                return _never

    def _feature(self, feature: Feature) -> Step:
        if feature.id not in self._features:
            self._features[feature.id] = self._of_feature(feature)
        return self._features[feature.id]

    def _of_feature(self, feature: Feature) -> Step:
        if feature.expression is not None:
            return earliest(map(self.value, names_in(feature.expression)))
        coming = self._coming(feature.event, feature.where, feature.window)
        inside = self._inside(feature.event, feature.where, feature.window)
        if feature.kind in _OF_LATEST:
            return earliest((coming, self._last_leaves(feature.window, feature.event, inside)))
        match feature.window:
            case c.Within(milliseconds):
                return earliest((coming, lambda r: found[0] + milliseconds if (found := inside(r)) else NEVER_MORE))
            case c.Calendar(unit):
                return earliest((coming, self._period(unit, feature.event)))
            case _:
                return coming

    # -- events ----------------------------------------------------------------------------------------------------

    def _inside(self, event: str, where: tuple[c.Where, ...], window: c.Window) -> Callable[[Request], Sequence[int]]:
        """The instants of the events that count, oldest first."""
        ends = edges(window, self._timezone)
        stream = self._writer.stream(event, where, span(window)) if where else None

        def inside(r: Request) -> Sequence[int]:
            after, upto = ends(r)
            if stream is None:
                return r.instants(event, after, upto)
            found = stream(r)
            return found[max(1, bisect_right(found, after)) : None if upto is None else bisect_left(found, upto + 1)]

        return inside

    def _coming(self, event: str, where: Sequence[c.Where], window: c.Window) -> Step:
        """When an event that is kept comes to count, or what it is compared with changes."""
        events = (event, window.event) if isinstance(window, c.SinceLast) else (event,)
        named = [each.test.value for each in where if isinstance(each.test.value, c.Ref)]
        steps = list(map(self.value, named))
        if any(map(self._drifts.drifts, named)):
            steps.append(_look_again)
        rest = earliest(steps)
        return lambda r: min(rest(r), *(upcoming(r, each) for each in events)) if len(r.history.ts) > r.count or r.history.trimmed() else rest(r)

    # -- clocks ----------------------------------------------------------------------------------------------------

    def _local_time(self, node: c.LocalTime) -> Step:
        timezone = self._timezone
        minutes = {0, node.start, node.end} if node.days else {node.start, node.end}

        def step(r: Request) -> int:
            shown = _shown(r.now, timezone)
            day = shown - shown % DAY
            marks = (start + minute * 60_000 for start in (day, day + DAY) for minute in minutes)
            return _when(r.now, min(mark for mark in marks if mark > shown), timezone)

        return step

    def _period(self, unit: Period, event: str) -> Step:
        """The start of the next calendar period, where there was such an event in this one, or so shortly before that
        moving the clocks could bring it in."""
        timezone = self._timezone

        def step(r: Request) -> int:
            if r.last(event) < calendar_start(r, unit, timezone) - 2 * DAY:
                return NEVER_MORE
            shown = _shown(r.now, timezone)
            return _when(r.now, _next_period(shown // DAY, unit) * DAY, timezone)

        return step


def earliest(steps: Iterable[Step]) -> Step:
    """The first of several steps."""
    found = tuple(dict.fromkeys(step for step in steps if step is not _never))
    match found:
        case ():
            return _never
        case (step,):
            return step
        case _:
            return lambda r: min([step(r) for step in found])


def _never(_: Request) -> int:
    return NEVER_MORE


def _look_again(r: Request) -> int:
    return r.now + LOOK_AGAIN


def upcoming(r: Request, event: str) -> int:
    """The instant of the next event of a type whose time has not come."""
    history = r.history
    number = history.names.types.get(event)
    if number is None:
        return NEVER_MORE
    gone = history.trimmed().get(min(number, 255))
    trimmed = gone.watermark if gone is not None and gone.watermark > r.now else NEVER_MORE
    places = history.positions(number, r.count, len(history.ts))
    return min(history.ts[places[0]], trimmed) if places else trimmed


def transition(now: int, upto: int, timezone: ZoneInfo) -> int | None:
    """The first instant in `(now, upto]` at which clocks are moved."""
    offsets = offsets_of(timezone)
    here = offsets.at(now)
    for day in range(now // DAY, upto // DAY + 1):
        if offsets[day] != here and (found := _moved(offsets, here, max(now, day * DAY), (day + 1) * DAY - 1)) is not None:
            return found if found <= upto else None
    return None


def _moved(offsets: Offsets, here: int, low: int, high: int) -> int | None:
    """The first instant in `[low, high]`, within a day, at which clocks are no longer ahead by `here`; they are moved at
    most once a day."""
    if offsets.at(low) != here:
        return low
    if offsets.at(high) == here:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offsets.at(middle) == here else (low, middle)
    return high


def _shown(now: int, timezone: ZoneInfo) -> int:
    """What local clocks show, as ms since their 1970-01-01T00:00."""
    return now + offsets_of(timezone).at(now)


def _when(now: int, shown: int, timezone: ZoneInfo) -> int:
    """When local clocks, that show less now, come to show this; where they are moved before, when that is."""
    at = shown - offsets_of(timezone).at(now)
    return transition(now, at, timezone) or at


def _next_period(day: int, unit: Period) -> int:
    """The number of the first day of the next period."""
    if unit == "day":
        return day + 1
    if unit == "week":
        return day + 7 - (day + 3) % 7  # 1970-01-01 was a Thursday
    today = date.fromordinal(day + _UNIX_DAY)
    return date(today.year + today.month // 12, today.month % 12 + 1, 1).toordinal() - _UNIX_DAY
