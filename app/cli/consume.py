"""`inlay consume redis|kafka|kinesis`: take events from a stream until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import get_args

import uvloop
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from app.adapters.redis_durability import RedisSynced
from app.adapters.redis_link import Link
from app.cli.store import store_link
from app.consume import Consumer
from app.content.event_rules import EventRules
from app.content.in_force import in_force
from app.content.limits import Limits
from app.domain.definitions import Definitions
from app.errors import ContentInvalid, SettingsInvalid
from app.formats.messages import Format
from app.intake import Taken
from app.security.redaction import Redaction
from app.settings import Settings, load_settings
from app.streams import SOURCES, Consumption, Rules, build_consumer
from app.content.files import fingerprint
from app.telemetry import Telemetry, set_up_logs
from app.web.scrape import serve_metrics
from app.supervise.folder import with_secret
from app.wiring import build_identifiers, wall_clock

TICK_SECONDS = 0.5
CONTENT_TICKS = 4


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", choices=SOURCES)
    parser.add_argument("--stream", default="events", metavar="NAME", help="the stream, or topic (events)")
    parser.add_argument("--shards", type=int, default=1, metavar="N", help="redis: it is divided into NAME:0 to NAME:N-1 by person (1)")
    parser.add_argument("--group", default="inlay", help="the group of consumers that share the stream (inlay)")
    parser.add_argument("--from", dest="begin", choices=("start", "end"), default="start", help="where a group begins that is new (start)")
    parser.add_argument("--format", choices=get_args(Format), default="auto", help="of the messages; auto: each tells by its headers or keys")
    parser.add_argument("--max-in-flight", dest="most", type=int, default=2_000, metavar="N", help="messages read and not yet taken, at most (2000)")
    parser.add_argument("--after-loss", choices=("stop", "continue"), default="stop", help="what to do when the stream dropped messages unread (stop)")
    parser.add_argument("--lease", type=float, default=15.0, metavar="SECONDS", help="after a crash its partitions go to others in about that time (15)")
    parser.add_argument("--metrics-host", default="127.0.0.1", metavar="HOST", help="address for --metrics-port (127.0.0.1)")
    parser.add_argument("--metrics-port", type=int, metavar="PORT", help="answer /metrics and /healthz here")
    parser.add_argument("--content", type=Path, metavar="DIR", help="the folder with rules/, blocks/, models/ (.)")
    parser.add_argument("--data", type=Path, metavar="DIR")
    parser.add_argument("--redis-url", metavar="URL")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 after SIGTERM or Ctrl-C: what was read is taken and committed. 1 where it fell behind the stream's retention."""
    settings = with_secret(load_settings(content=arguments.content, data=arguments.data, redis_url=arguments.redis_url))
    if min(arguments.shards, arguments.most) < 1 or arguments.lease < 1:
        raise SettingsInvalid("--shards and --max-in-flight are 1 or more, --lease a second or more")
    wanted = Consumption(
        arguments.source, arguments.stream, arguments.shards, arguments.group, arguments.begin, arguments.format, arguments.most,
        arguments.after_loss, round(arguments.lease * 1000),
    )
    set_up_logs(Redaction())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_consume(settings, wanted, arguments.metrics_host, arguments.metrics_port))
    return 0


async def _consume(settings: Settings, wanted: Consumption, host: str, port: int | None) -> None:
    desk = Desk(settings, wanted, own_port=port is not None)
    async with store_link(settings) as link, _waiting(settings, link) as synced:
        consumer = desk.consumer = build_consumer(settings, link, wanted, desk.telemetry, desk.told, desk.standing, synced)
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, consumer.stop)
        async with _listening(desk.telemetry, host, port), _beside(desk.follow()):
            await consumer.run()
        desk.telemetry.save()
    for name, number in sorted(desk.counts.items(), key=lambda pair: -pair[1]):
        Console(highlight=False).print(f"{number:>12,}  {name}")


@asynccontextmanager
async def _waiting(settings: Settings, link: Link) -> AsyncGenerator[RedisSynced]:
    synced = RedisSynced(link.another(), promised=settings.durability == "durable")
    try:
        yield synced
    finally:
        await synced.close()


@asynccontextmanager
async def _listening(telemetry: Telemetry, host: str, port: int | None) -> AsyncGenerator[None]:
    if port is None:
        yield
        return
    try:
        server = await serve_metrics(telemetry, host, port)
    except OSError as error:
        raise SettingsInvalid(f"cannot listen on {host}:{port}: {error.strerror}; choose another --metrics-port") from error
    async with server:
        yield


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncGenerator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Desk:
    """What is counted and shown beside the work, and the rules that it goes by, as they are now."""

    def __init__(self, settings: Settings, wanted: Consumption, *, own_port: bool) -> None:
        """Where nobody asks it for its metrics, they are added to those of the server on the same data folder."""
        self._settings = settings
        self._wanted = wanted
        self.telemetry = Telemetry(None if own_port else settings.data / "metrics", state=self._state)
        self.counts: Counter[str] = Counter()
        self.consumer: Consumer | None = None
        self._seen: object = None
        self.rules: Rules | None = None
        self._follow_content()

    def told(self, taken: Taken) -> None:
        self.counts.update(applied=taken.applied, duplicates=taken.duplicates)
        self.counts.update(f"dead: {letter.reason}" for letter in taken.dead)
        self.telemetry.events("accepted", taken.applied)
        self.telemetry.events("duplicate", taken.duplicates)
        self.telemetry.dead(self._wanted.kind, len(taken.dead))

    def standing(self) -> Rules:
        assert self.rules is not None  # the constructor reads them
        return self.rules

    def _follow_content(self) -> None:
        """Broken content leaves the rules that were read before; at the start those that are served."""
        seen = fingerprint(self._settings.content)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            definitions = in_force(self._settings.content, self._settings.data, self._settings.bounds)
        except ContentInvalid:
            if self.rules is None:
                raise
            return
        gpc = tuple(each.purpose for each in definitions.consents.values() if each.gpc)
        self.rules = Rules(definitions.gates("ingest"), EventRules(definitions.events), build_identifiers(self._settings, definitions), definitions.bandits, _noticed(definitions), gpc, Limits(definitions))

    def _state(self) -> tuple[dict[str, float], dict[str, str]]:
        if self.consumer is None:
            return {}, {}
        return {
            "inlay_stream_lag_seconds": self.consumer.behind(wall_clock()) / 1000, "inlay_stream_in_flight": self.consumer.in_flight,
            "inlay_stream_partitions": self.consumer.partitions,
        }, {}

    async def follow(self) -> None:
        """A line on a terminal that says how it goes."""
        console = Console(stderr=True)
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), transient=True, console=console, disable=not console.is_terminal) as progress:
            line = progress.add_task("", total=None)
            for tick in count(1):
                await asyncio.sleep(TICK_SECONDS)
                progress.update(line, description=self._line())
                if tick % CONTENT_TICKS == 0:
                    await asyncio.to_thread(self._follow_content)
                    self.telemetry.save()

    def _line(self) -> str:
        assert self.consumer is not None
        dead = sum(number for name, number in self.counts.items() if name.startswith("dead"))
        return (
            f"{self._wanted.kind} {self._wanted.stream}  {self.consumer.partitions} partitions  {self.counts['applied']:,} applied  "
            f"{self.counts['duplicates']:,} duplicates  {dead:,} dead  {self.consumer.in_flight:,} in flight  "
            f"{self.consumer.behind(wall_clock()) / 1000:.1f} s behind"
        )


def _noticed(definitions: Definitions) -> frozenset[str] | None:
    events = frozenset(trigger.on.name for trigger in definitions.triggers.values() if trigger.on.kind == "event")
    return events if definitions.triggers or definitions.segments else None
