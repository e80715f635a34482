"""Segments, live: whether membership is right at every instant, and how late timers come."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from bisect import bisect_right
from functools import cache
from pathlib import Path
from random import Random

from app.act import Act
from app.adapters.breaker import Breaker
from app.adapters.noticing_store import NoticingStore
from app.adapters.redis_leases import RedisLeases
from app.adapters.redis_link import Link
from app.adapters.redis_live import RedisLive
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.adapters.redis_timers import RedisTimers, shard_of
from app.content.snapshot import Snapshot
from app.content.watch import Looked, Watch
from app.domain import conditions as c
from app.domain.change import Append
from app.domain.definitions import Definitions, Segment
from app.domain.event import Event
from app.domain.dictionary import Dictionary
from app.domain.history import History
from app.domain.live import NOBODY_YET
from app.domain.profile import Profile
from app.live.look import Looker
from app.shares import Shares
from app.supervise.embedded import EmbeddedRedis
from bench.month import BEGIN, DAY, END, HOUR, RULES, SECOND, SEGMENTS, Heard, instants, life
from bench.registry import Measured, figure
from bench.stage import doing, tell

PEOPLE = 10_000
MINUTE = 60_000
TIMERS = 100_000
Switches = dict[str, list[int]]
"""By segment, the instants at which a person enters and leaves in turn, the first an entering."""


class _NoModels:
    def get(self, id: str) -> None:
        return None

    def troubles(self) -> dict[str, str]:
        return {}


def _noticed(watch: Watch, events: list[Heard]) -> Switches:
    """As Inlay notices it: looking when something is heard and when its timer comes, and knowing nothing of what follows."""
    found: Switches = {id: [] for id in SEGMENTS}
    names, live = Dictionary(growing=True), NOBODY_YET
    heard = [Event(kind, at, number.to_bytes(6, "big"), properties) for number, (at, kind, properties) in enumerate(events)]
    known, now, come = frozenset(SEGMENTS), BEGIN, 0
    while now < END:
        come = bisect_right(events, now, key=lambda each: each[0])
        profile = Profile("u:1", History.of(heard[:come], names), known=True)
        looked = watch.look(live, profile, (), now, known=known, fresh=True)
        live = looked.live
        for move in looked.moves:
            found[move.segment].append(now)
        following = events[come][0] if come < len(events) else END
        now = min(following, live.next_at or END)
    return found


def _true(events: list[Heard]) -> Switches:
    found: Switches = {id: [] for id in SEGMENTS}
    for id, asked in SEGMENTS.items():
        inside = False
        for at in instants(events):
            if asked.truth(events, at) != inside:
                inside = not inside
                found[id].append(at)
    return found


def _inside(switches: list[int], at: int) -> bool:
    return bisect_right(switches, at) % 2 == 1


def _wrong(noticed: Switches, events: list[Heard], true: Switches) -> tuple[int, int]:
    """(wrong, asked) at each instant where the truth changes or is believed to, 1 ms before and 1 ms after."""
    wrong = asked = 0
    for id in SEGMENTS:
        for switch in {*true[id], *noticed[id]}:
            for at in (switch - 1, switch, switch + 1):
                if BEGIN <= at < END:
                    asked += 1
                    wrong += _inside(noticed[id], at) != SEGMENTS[id].truth(events, at)
    return wrong, asked


def _job(true: Switches, period: int) -> int:
    """Ms for which a job that looks at everybody every `period` has the wrong answer."""
    wrong = 0
    for switches in true.values():
        for number, at in enumerate(switches):
            until = switches[number + 1] if number + 1 < len(switches) else END
            # the job believes otherwise from the switch to its next run, unless the truth has switched back by then
            run = BEGIN + -(-(at - BEGIN) // period) * period
            believed = _inside(switches, run - period) if run > at else _inside(switches, at)
            if believed != _inside(switches, at):
                wrong += min(run, until, END) - at
    return wrong


@cache
def _month() -> tuple[int, int, int, int]:
    """(wrong memberships, asked, ms wrong by a daily job, by one every 120 s)."""
    watch = Watch(Snapshot(RULES, _NoModels()))
    wrong = asked = daily = often = 0
    with doing(f"living through a month of {PEOPLE:,} people"):
        for number in range(PEOPLE):
            events = life(Random(number))
            true = _true(events)
            found = _wrong(_noticed(watch, events), events, true)
            wrong, asked = wrong + found[0], asked + found[1]
            daily, often = daily + _job(true, DAY), often + _job(true, 120 * SECOND)
    tell(f"{wrong:,} of {asked:,} memberships wrong; a daily job is wrong for {daily / MINUTE:,.0f} profile-minutes, one every 120 s for {often / MINUTE:,.0f}")
    return wrong, asked, daily, often


@figure("segment_wrong_memberships", "memberships", at_most=0, title="memberships that are wrong at an instant at which they change, or 1 ms before or after, in a month of 10,000 people")
def segment_wrong_memberships() -> Measured:
    wrong, asked, *_ = _month()
    return Measured(wrong, {"asked": f"{asked:,}"})


@figure("segment_wrong_memberships_daily_job", "profile-minutes", title="for so long a job that runs once a day has memberships wrong, over the same month")
def segment_wrong_memberships_daily_job() -> float:
    return _month()[2] / MINUTE


@figure("segment_wrong_memberships_120s_job", "profile-minutes", title="for so long a job that runs every 120 s has memberships wrong, over the same month")
def segment_wrong_memberships_120s_job() -> float:
    return _month()[3] / MINUTE


@figure("timer_lateness_p99_seconds", "s", at_most=1, title="from the instant of a timer to its person being looked at and written: 100,000 within a minute, one worker, durable Redis")
def timer_lateness_p99_seconds() -> Measured:
    with tempfile.TemporaryDirectory(prefix="inlay-bench-") as folder:
        embedded = EmbeddedRedis(Path(folder), durable=True)
        embedded.start()
        try:
            late = sorted(asyncio.run(_lateness(embedded.url)))
        finally:
            embedded.stop()
    if len(late) != TIMERS:
        raise AssertionError(f"{len(late):,} of {TIMERS:,} timers came")
    p50, p99, most = late[TIMERS // 2] / 1000, late[TIMERS * 99 // 100] / 1000, late[-1] / 1000
    tell(f"p50 {p50:.3f} s, p99 {p99:.3f} s, the latest {most:.3f} s")
    return Measured(p99, {"p50_seconds": f"{p50:.3f}", "max_seconds": f"{most:.3f}"})


async def _lateness(url: str) -> list[int]:
    """Ms by which each of the timers came late. While people are loaded the clock stands; then it goes on as clocks do."""
    link = Link(url, Breaker(time.monotonic), read_seconds=30.0)
    begun, now = BEGIN, BEGIN
    late: list[int] = []

    def clock() -> int:
        return now if begun is BEGIN else now + round((time.monotonic() - started) * 1000)

    def told(looked: Looked) -> None:
        at = clock()
        late.extend(at - move.at for move in looked.moves if not move.entered)

    started = time.monotonic()
    watch = Watch(Snapshot(Definitions("timers", segments={"fresh": Segment("fresh", c.Did("app_opened", window=c.Within(HOUR)))}), _NoModels()))
    store, timers = RedisStore(link, Names(link), write_seconds=30.0), RedisTimers(link, 30.0)
    live = RedisLive(link, timers.shards, shard_of, 30.0)
    looker = Looker(store, live, timers, clock, lambda key, sending: None, told)
    act = Act(looker, timers, Shares(RedisLeases(link, 30.0), "timers", secrets.token_hex(4)), clock, lambda: watch, lateness=lambda _: None, failed=_raise)
    noticing, draw = NoticingStore(store, act), Random(3)
    now = BEGIN + MINUTE
    with doing(f"setting {TIMERS:,} timers"):
        for first in range(0, TIMERS, 500):
            writes = [(f"u:{i}", [Append(Event("app_opened", BEGIN + draw.randrange(MINUTE), i.to_bytes(6, "big")))]) for i in range(first, first + 500)]
            await noticing.apply(writes, now)
            while await act.turn():
                pass
    now, started, begun = BEGIN + HOUR - 2 * SECOND, time.monotonic(), 0
    running = asyncio.create_task(act.run())
    with doing("waiting for them"):
        while len(late) < TIMERS and time.monotonic() - started < 180:
            await asyncio.sleep(0.5)
    running.cancel()
    await link.close()
    return late


def _raise(error: BaseException) -> None:
    raise error
